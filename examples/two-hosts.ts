/** What `npm run demo -- --redis` runs on: two worker hosts on this machine, and a Redis. */

import { fileURLToPath } from "node:url";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";

import { usableCpuCount } from "asynccpu";

import { RedisServer } from "../tests/testlibraries/redis-server.js";

const HOST_PROGRAM = fileURLToPath(new URL("./demo-host.js", import.meta.url));
const HOSTS = 2;

async function startHost(url: string, queue: string): Promise<ChildProcess> {
  const jobs = Math.max(1, Math.floor(usableCpuCount() / HOSTS));
  const child = spawn(process.execPath, [HOST_PROGRAM, url, queue, String(jobs)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(([code]) => {
      throw new Error(`a worker host ended with ${code}`);
    }),
  ]);
  return child;
}

/** Two hosts of a queue of their own. They end with this program, however that ends. */
export class TwoHosts implements AsyncDisposable {
  readonly url: string;
  readonly queue: string;
  readonly #redis: RedisServer;
  readonly #hosts: readonly ChildProcess[];

  private constructor(redis: RedisServer, queue: string, hosts: readonly ChildProcess[]) {
    this.url = redis.url;
    this.queue = queue;
    this.#redis = redis;
    this.#hosts = hosts;
  }

  /** Uses the Redis of `REDIS_URL`, or starts a redis-server. */
  static async start(): Promise<TwoHosts> {
    const redis = await RedisServer.forTests();
    const queue = `demo-${randomUUID()}`;
    const hosts = await Promise.all(Array.from({ length: HOSTS }, () => startHost(redis.url, queue)));
    return new TwoHosts(redis, queue, hosts);
  }

  /** Ends all of it at once. */
  async kill(): Promise<void> {
    for (const host of this.#hosts) host.kill("SIGKILL");
    await this.#redis[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.#hosts.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    await Promise.all(
      running.map((host) => {
        host.stdin?.end();
        return once(host, "exit");
      }),
    );
    await this.#redis[Symbol.asyncDispose]();
  }
}
