/** A stream of short tasks goes on when a replica takes over, or Redis refuses to write for a while. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Cluster } from "ioredis";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { RedisCluster } from "../testlibraries/redis-failovers.js";
import { RedisSentinel } from "../testlibraries/redis-failovers.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { add } from "../fixtures/tasks.js";
import { findQueue } from "../../src/bullmq/index.js";
import { startClusterNode } from "../testlibraries/redis-failovers.js";
import { startReplicating } from "../testlibraries/redis-failovers.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { RedisConnection } from "../../src/bullmq/index.js";
import type { RetryOptions } from "../../src/index.js";

const TASKS = new URL("../fixtures/conformance-exports.js", import.meta.url);
const EVERY_MS = 25;
const DEADLINE_MS = 25_000;

/** A host, and a program that submits a task every few milliseconds. No task may fail. */
class TaskStream implements AsyncDisposable {
  readonly queue = `failover-${randomUUID()}`;
  readonly #executor: BullMQTaskExecutor;
  readonly #host: BullMQTaskHost;
  readonly #retries: RetryOptions;
  readonly #pending = new Set<number>();
  readonly #failures: unknown[] = [];
  #submitted = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param losesWrites - Whether the connection leads to servers that hand their data on a moment later: a replica
   * that takes over may lack some jobs, and outcomes.
   */
  constructor(connection: RedisConnection, losesWrites: boolean) {
    const shared = { connection, queue: this.queue, tasks: TASKS };
    const locks = losesWrites ? { lockDurationMs: 5000, stalledIntervalMs: 1000 } : {};
    this.#host = new BullMQTaskHost({ ...shared, ...locks, jobs: 2 });
    const losses = losesWrites ? ({ onLost: "resubmit", askIntervalMs: 1000 } as const) : {};
    // What is pending when a test fails does not keep it.
    this.#executor = new BullMQTaskExecutor({ ...shared, ...losses, cancelTasksWhenShutdown: true });
    this.#retries = { limit: losesWrites ? 5 : 0, on: "crash" };
  }

  /** Starts the host and the stream, and waits for the first results. */
  async begin(): Promise<void> {
    await this.#host.start();
    this.#timer = setInterval(() => void this.#submit(), EVERY_MS);
    await this.goOn("at first");
  }

  async #submit(): Promise<void> {
    const number = this.#submitted;
    this.#submitted += 1;
    this.#pending.add(number);
    try {
      const sum = await this.#executor.with({ retries: this.#retries }).submit(add, number, 1);
      assert.equal(sum, number + 1);
    } catch (error) {
      this.#failures.push(error);
    }
    this.#pending.delete(number);
  }

  /** Waits until tasks that are submitted from now on have come back. */
  async goOn(when: string): Promise<void> {
    const first = this.#submitted;
    const isDone = (): boolean => {
      assert.deepEqual(this.#failures, []);
      const pending = [...this.#pending].filter((number) => number >= first);
      return this.#submitted - first - pending.length >= 20;
    };
    await waitUntil(isDone, { deadlineMs: DEADLINE_MS, what: `results ${when}` });
  }

  /** Waits until so many tasks more have been submitted. */
  async submitMore(count: number): Promise<void> {
    const last = this.#submitted + count;
    await waitUntil(() => this.#submitted >= last, { what: "more tasks" });
  }

  /** Submits no more, and waits until all have come back. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    const isDone = (): boolean => this.#pending.size === 0;
    await waitUntil(isDone, { deadlineMs: DEADLINE_MS, what: "all results" });
    assert.deepEqual(this.#failures, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#executor.shutdown();
    await this.#host.close(0);
  }
}

test("tasks go on at the primary that a sentinel names when the old one stands still", async () => {
  await using primary = await startReplicating();
  await using replica = await startReplicating(primary);
  const isInStep = async (): Promise<boolean> =>
    String(await replica.call("INFO", "replication")).includes("master_link_status:up");
  await waitUntil(isInStep, { what: "a replica that is in step" });
  await using sentinel = await RedisSentinel.start(primary);
  await sentinel.waitForEvent(/\+slave slave /);
  await using stream = new TaskStream({ sentinels: [sentinel.address], name: "main" }, true);
  await stream.begin();
  primary.freeze();
  await sentinel.waitForEvent(/\+switch-master main /);
  await stream.goOn("at the new primary");
  await stream.end();
});

test("no task fails while the server is a replica for a second", async () => {
  await using server = await RedisServer.start();
  await using stream = new TaskStream({ url: server.url }, false);
  await stream.begin();
  await server.call("REPLICAOF", "127.0.0.1", 1);
  await stream.submitMore(1000 / EVERY_MS);
  await server.call("REPLICAOF", "NO", "ONE");
  await stream.goOn("after that");
  await stream.end();
});

test("no task fails that is submitted meanwhile, with an id of its own or in a crowd that is asked for often", async () => {
  await using server = await RedisServer.start(false, () => ["--replica-serve-stale-data", "no"]);
  const place = { connection: { url: server.url }, queue: "asked-for", tasks: TASKS };
  await using host = new BullMQTaskHost({ ...place, jobs: 2 });
  await host.start();
  await using executor = new BullMQTaskExecutor({ ...place, askIntervalMs: 100, cancelTasksWhenShutdown: true });
  assert.equal(await executor.submit(add, 1, 1), 2);
  await server.call("REPLICAOF", "127.0.0.1", 1);
  const chosen = executor.with({ taskId: "chosen" }).submit(add, 0, 1);
  const futures = Array.from({ length: 1000 }, (_, number) => executor.submit(add, number, 1));
  const sums = Promise.allSettled([chosen, ...futures]);
  // Longer than it takes until some are asked for while they are added again.
  await new Promise((resolve) => {
    setTimeout(resolve, 1500);
  });
  await server.call("REPLICAOF", "NO", "ONE");
  const failed = (await sums).filter(({ status }) => status === "rejected");
  assert.deepEqual(failed, []);
});

test("no task fails when Redis has forgotten its scripts", async () => {
  await using server = await RedisServer.start();
  await using stream = new TaskStream({ url: server.url }, false);
  await stream.begin();
  for (let round = 0; round < 5; round += 1) {
    await server.call("SCRIPT", "FLUSH");
    await stream.goOn("after that");
  }
  await stream.end();
});

test("a task that is submitted while nobody has the slot of the queue is added later", async () => {
  await using server = await startClusterNode();
  const isUp = async (): Promise<boolean> => String(await server.call("CLUSTER", "INFO")).includes("cluster_state:ok");
  await server.call("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
  await waitUntil(isUp, { what: "a cluster" });
  // Not as a cluster: else ioredis itself tries again.
  const place = { connection: { url: server.url }, queue: "slots", tasks: TASKS };
  await using executor = new BullMQTaskExecutor({ ...place, cancelTasksWhenShutdown: true });
  await using host = new BullMQTaskHost(place);
  await host.start();
  assert.equal(await executor.submit(add, 1, 2), 3);
  const slot = Number(await server.call("CLUSTER", "KEYSLOT", (await findQueue(place)).prefix));
  await server.call("CLUSTER", "DELSLOTS", slot);
  const sums = Promise.all([executor.submit(add, 2, 2), executor.submit(add, 3, 2)]);
  const isRefused = async (): Promise<boolean> =>
    String(await server.call("INFO", "commandstats")).match(/cmdstat_hmget:.*rejected_calls=[1-9]/) !== null;
  await Promise.race([sums, waitUntil(isRefused, { what: "a refusal" })]);
  await server.call("CLUSTER", "ADDSLOTS", slot);
  assert.deepEqual(await sums, [4, 5]);
});

for (const [what, leave] of [
  ["stands still", (server: RedisServer) => server.freeze()],
  ["is killed", (server: RedisServer) => server.kill()],
] as const) {
  test(`tasks go on at another node of a cluster when the primary of their queue ${what}`, async () => {
    await using servers = new RedisCluster();
    await servers.start();
    const cluster = new Cluster([...servers.addresses]);
    cluster.on("error", () => {});
    try {
      await using stream = new TaskStream(cluster, true);
      await stream.begin();
      const { prefix } = await findQueue({ queue: stream.queue, tasks: TASKS });
      const primary = await servers.primaryOf(prefix);
      await leave(primary);
      await stream.goOn("at the new primary");
      await stream.end();
    } finally {
      cluster.disconnect();
    }
  });
}
