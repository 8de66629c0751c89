/**
 * Which versions of a queue hosts serve. Each host keeps a member of a sorted set, whose score is when it expires, by
 * the clock of Redis.
 */

import { randomUUID } from "node:crypto";

import { clearInterval } from "../../system/timers.js";
import { setInterval } from "../../system/timers.js";
import { versionsKey } from "./names.js";
import type { QueueId } from "./names.js";
import type { RedisClient } from "./redis.js";
import type { VersionMismatch } from "./errors.js";

/** How long a host counts that says nothing any more. */
const TTL_SECONDS = 15;

const RENEW_EVERY_MS = 5000;

async function nowSeconds(client: RedisClient): Promise<number> {
  const [seconds] = await client.time();
  return Number(seconds);
}

/** Says which version a host serves. */
export class ServedVersion {
  readonly #client: RedisClient;
  readonly #key: string;
  readonly #member: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: RedisClient, { queue, version }: QueueId) {
    this.#client = client;
    this.#key = versionsKey(queue);
    // A version has no colon.
    this.#member = `${version}:${randomUUID()}`;
  }

  /** Says it from now on. */
  begin(): Promise<void> {
    // What Redis does not hear now, it hears the next time.
    const say = (): Promise<void> => this.#say().catch(() => {});
    this.#timer = setInterval(() => void say(), RENEW_EVERY_MS);
    return say();
  }

  async #say(): Promise<void> {
    const now = await nowSeconds(this.#client);
    if (this.#timer === undefined) return;
    await this.#client.zadd(this.#key, now + TTL_SECONDS, this.#member);
    await this.#client.zremrangebyscore(this.#key, "-inf", now);
    await this.#client.expire(this.#key, TTL_SECONDS);
  }

  /** Takes it back. Redis may be away, so nobody waits for that. */
  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#client.zrem(this.#key, this.#member).catch(() => {});
  }
}

/** Which versions hosts serve beside the one of a program. */
export async function findServed(client: RedisClient, { queue, version }: QueueId): Promise<VersionMismatch> {
  const now = await nowSeconds(client);
  const members = await client.zrangebyscore(versionsKey(queue), now, "+inf");
  const served = new Set(members.map((member) => member.slice(0, member.indexOf(":"))));
  return { queue, version, served: [...served].toSorted() };
}

/** Whether hosts serve a queue, and none of them has this version. */
export function isMismatch({ served, version }: VersionMismatch): boolean {
  return served.length > 0 && !served.includes(version);
}
