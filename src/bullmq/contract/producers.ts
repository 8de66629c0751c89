/**
 * Whether producers live. One whose tasks are to end with it renews a key; hosts look at it before such a task begins,
 * and while it runs.
 */

import { aliveKey } from "./names.js";
import { clearInterval } from "../../system/timers.js";
import { clearTimeout } from "../../system/timers.js";
import { performance } from "../../system/timers.js";
import { setInterval } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";
import type { QueueId } from "./names.js";
import type { RedisClient } from "./redis.js";

const TTL_MS = 12_000;

const RENEW_EVERY_MS = 5000;

/** How often a host looks. */
const LOOK_EVERY_MS = 1000;

/**
 * How long a key is missing before its producer counts as gone: Redis may have been away for so long that the key has
 * expired, and the producer renews it when it has its connection again.
 */
const MISSING_MS = 7000;

/** How many that are missing a host knows. */
const MOST_MISSING = 1000;

/** Says that a producer lives. */
export class AliveSign {
  readonly #renew: () => Promise<unknown>;
  readonly #timer: NodeJS.Timeout;

  private constructor(renew: () => Promise<unknown>) {
    this.#renew = renew;
    this.#timer = setInterval(() => this.renew(), RENEW_EVERY_MS).unref();
  }

  /** Resolves when it is there: before the first job is. */
  static async show(client: RedisClient, id: QueueId, producer: string): Promise<AliveSign> {
    const renew = (): Promise<unknown> => client.set(aliveKey(id, producer), "1", "PX", TTL_MS);
    await renew();
    return new AliveSign(renew);
  }

  renew(): void {
    this.#renew().catch(() => {});
  }

  /** It expires by itself. */
  end(): void {
    clearInterval(this.#timer);
  }
}

/** Knows which producers are gone. */
export class ProducerWatch {
  readonly #client: RedisClient;
  readonly #id: QueueId;
  /** Since when the key of each is known to be missing. */
  readonly #missingSince = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(client: RedisClient, id: QueueId) {
    this.#client = client;
    this.#id = id;
  }

  /**
   * Looks again and again until `end()`.
   *
   * @param findAll - Those whose tasks run here.
   */
  follow(findAll: () => Iterable<string>, onGone: (producer: string) => void): void {
    const look = async (): Promise<void> => {
      for (const producer of new Set(findAll())) if (await this.isGone(producer)) onGone(producer);
      if (this.#timer !== undefined) this.#timer = setTimeout(() => void look(), LOOK_EVERY_MS);
    };
    this.#timer = setTimeout(() => void look(), LOOK_EVERY_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async isGone(producer: string): Promise<boolean> {
    const isThere = await this.#isThere(producer);
    const now = performance.now();
    const since = this.#missingSince.get(producer) ?? now;
    this.#missingSince.delete(producer);
    if (isThere) return false;
    this.#missingSince.set(producer, since);
    for (const [oldest] of this.#missingSince) {
      if (this.#missingSince.size > MOST_MISSING) this.#missingSince.delete(oldest);
    }
    return now - since >= MISSING_MS;
  }

  async #isThere(producer: string): Promise<boolean> {
    try {
      return (await this.#client.exists(aliveKey(this.#id, producer))) === 1;
    } catch {
      // Whoever can't be asked about is not gone.
      return true;
    }
  }
}
