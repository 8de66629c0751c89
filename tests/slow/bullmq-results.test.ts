/** How long outcomes wait in Redis. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Redis } from "ioredis";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { JobLostError } from "../../src/bullmq/index.js";
import { OutOfPaperError } from "../fixtures/conformance-tasks.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { add } from "../fixtures/tasks.js";
import { failWithCause } from "../fixtures/conformance-tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";

/** Twice as long as a busy machine may stand still here. */
const TTL_SECONDS = 8;

let redis: RedisServer;

before(async () => {
  redis = await RedisServer.forTests();
});

after(() => redis[Symbol.asyncDispose]());

test("outcomes of both kinds wait for at least resultTtlSeconds, and not for ever", async () => {
  const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);
  const queue = `results-${randomUUID()}`;
  const options = { connection: { url: redis.url }, queue, tasks, version: "1" };
  await using host = new BullMQTaskHost({ ...options, jobs: 2 });
  await host.start();
  await using executor = new BullMQTaskExecutor({ ...options, resultTtlSeconds: TTL_SECONDS });
  const client = new Redis(redis.url);
  try {
    await executor.with({ taskId: "good" }).submit(add, 1, 2);
    await executor.with({ taskId: "bad" }).submit(failWithCause, 2).exception();
    const endedAt = performance.now();
    // Only the end of another job has BullMQ remove any.
    const endMore = async (): Promise<void> => {
      await executor.submit(add, 1, 1);
      await executor.submit(failWithCause, 1).exception();
    };
    const isHalfOver = (): boolean => performance.now() - endedAt > TTL_SECONDS * 500;
    await waitUntil(() => endMore().then(isHalfOver), { what: "half of the time" });
    assert.equal(await executor.find("good"), 3);
    await assert.rejects(executor.find("bad"), { message: "Tray 2 is empty." });
    for (const taskId of ["good", "bad"]) {
      const isGone = async (): Promise<boolean> => (await executor.find(taskId).exception()) instanceof JobLostError;
      await waitUntil(() => endMore().then(isGone), { what: "the end of an outcome" });
    }
    // The error of a job is there as long as the job.
    const exception = await executor.with({ taskId: "late" }).submit(failWithCause, 2).exception();
    const [key = ""] = await client.keys(`{asynccpu-${queue}@1}:failure:late:*`);
    assert.ok(exception instanceof OutOfPaperError && (await client.ttl(key)) > TTL_SECONDS);
  } finally {
    client.disconnect();
  }
});

test("in a queue where nothing else ends, an outcome is over in time, too, and its id is free again", async () => {
  const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);
  const options = { connection: { url: redis.url }, queue: `quiet-${randomUUID()}`, tasks };
  await using host = new BullMQTaskHost({ ...options, jobs: 1 });
  await host.start();
  await using executor = new BullMQTaskExecutor({ ...options, resultTtlSeconds: 1 });
  for (const [taskId, fn] of [
    ["good", add],
    ["bad", failWithCause],
  ] as const) {
    const view = executor.with({ taskId });
    await view.submit(fn, 2, 0).exception();
    const isOver = async (): Promise<boolean> => (await executor.find(taskId).exception()) instanceof JobLostError;
    await waitUntil(isOver, { what: "the end of an outcome" });
    const { completedTasks, failedTasks } = executor.stats();
    assert.equal(await view.submit(add, 3, 4), 7);
    assert.deepEqual(
      [executor.stats().completedTasks, executor.stats().failedTasks],
      [completedTasks + 1, failedTasks],
    );
  }
});
