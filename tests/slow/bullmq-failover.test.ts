/** A stream of short tasks goes on when a replica takes over, or Redis refuses to write for a while. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { RedisSentinel } from "../testlibraries/redis-failovers.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { add } from "../fixtures/tasks.js";
import { startReplicating } from "../testlibraries/redis-failovers.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { RedisConnection } from "../../src/bullmq/index.js";
import type { RetryOptions } from "../../src/index.js";

const TASKS = new URL("../fixtures/conformance-exports.js", import.meta.url);
const EVERY_MS = 25;
/** So many go in one command to Redis. */
const AT_ONCE = 5;
const DEADLINE_MS = 25_000;

/** A host, and a program that submits a task every few milliseconds. No task may fail. */
class TaskStream implements AsyncDisposable {
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
    const shared = { connection, queue: `failover-${randomUUID()}`, tasks: TASKS };
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
    this.#timer = setInterval(() => {
      for (let task = 0; task < AT_ONCE; task += 1) void this.#submit();
    }, EVERY_MS * AT_ONCE);
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
