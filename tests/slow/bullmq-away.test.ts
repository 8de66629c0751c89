/** Ends of executors and hosts whose Redis is away: they wait for nothing that can't come. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { mkdtempSync } from "node:fs";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import path from "node:path";

import { Redis } from "ioredis";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { CancelledError } from "../../src/index.js";
import { FunctionNotPicklableError } from "../../src/index.js";
import { JobLostError } from "../../src/bullmq/index.js";
import { QueueTimeoutError } from "../../src/index.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { add } from "../fixtures/tasks.js";
import { startFixture } from "../testlibraries/process-family.js";
import { waitForFile } from "../fixtures/conformance-tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import { withdrawJob } from "../../src/bullmq/program/withdraw-job.js";
import type { ProcessFuture } from "../../src/index.js";
import type { SentJob } from "../../src/bullmq/program/sent-job.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-away-"));
const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);

/** Nothing listens there: the port of a server that has ended. */
async function emptyUrl(): Promise<string> {
  await using server = await RedisServer.start();
  return server.url;
}

/** How many jobs wait at a server. */
async function countJobs(url: string): Promise<number> {
  const client = new Redis(url);
  try {
    const [key = "none"] = await client.keys("{asynccpu-*:prioritized");
    return await client.zcard(key);
  } finally {
    client.disconnect();
  }
}

after(() => rmSync(folder, { recursive: true }));

test("an executor shuts down when its Redis has gone", async () => {
  await using server = await RedisServer.start();
  const executor = new BullMQTaskExecutor({ connection: { url: server.url }, tasks });
  await executor.warmUp();
  await server.kill();
  await executor.shutdown();
});

test("an executor whose Redis was never there shuts down, once its tasks are cancelled", async () => {
  const executor = new BullMQTaskExecutor({ connection: { url: await emptyUrl() }, tasks });
  const future = executor.submit(add, 1, 2);
  const error = future.exception();
  await executor.shutdown({ cancelFutures: true });
  assert.ok((await error) instanceof CancelledError);
});

test("who looks for a task at a Redis that is away can cancel that, and shut down", async () => {
  const executor = new BullMQTaskExecutor({ connection: { url: await emptyUrl() }, tasks });
  const found = executor.find("nowhere");
  const other = executor.find("nowhere");
  const ends = [found, other].map((future) => assert.rejects(future, CancelledError));
  found.cancel();
  await ends[0];
  await executor.shutdown({ cancelFutures: true });
  await ends[1];
});

test("a shutdown waits for a task beside one that is refused", async () => {
  await using server = await RedisServer.start();
  const queue = "beside";
  await using host = startFixture("bullmq-host", { args: [server.url, queue] });
  await host.waitForLine(/^serving$/);
  const executor = new BullMQTaskExecutor({ connection: { url: server.url }, queue, tasks });
  const refused = assert.rejects(
    executor.submit(() => 1),
    FunctionNotPicklableError,
  );
  const sum = executor.submit(add, 1, 2);
  await executor.shutdown();
  await refused;
  assert.equal(await sum, 3);
});

test("tasks wait for a Redis that is away, although the client would have given up", async () => {
  await using server = await RedisServer.start(true);
  const connection = { url: server.url, retryStrategy: () => null };
  await using executor = new BullMQTaskExecutor({ connection, queue: "patient", tasks });
  await using host = new BullMQTaskHost({ connection, queue: "patient", tasks });
  await host.start();
  await server.kill();
  const future = executor.submit(add, 1, 2);
  await server.resume();
  assert.equal(await future, 3);
});

test("a queueTimeoutMs ends the wait for a Redis that was never there, and says what it was", async () => {
  await using executor = new BullMQTaskExecutor({ connection: { url: await emptyUrl() }, tasks });
  const error = await executor.with({ queueTimeoutMs: 100 }).submit(add, 1, 2).exception();
  assert.ok(error instanceof QueueTimeoutError);
  assert.match(error.message, /queueTimeoutMs of 100 ms and was dropped\. It is not in the queue yet: is Redis there/);
});

test("a queueTimeoutMs ends the wait for a Redis that has gone, and the task never runs", async () => {
  await using server = await RedisServer.start();
  await using executor = new BullMQTaskExecutor({ connection: { url: server.url }, tasks });
  await executor.warmUp();
  const told = once(process, "warning");
  await server.kill();
  await told;
  const error = await executor.with({ queueTimeoutMs: 100 }).submit(add, 1, 2).exception();
  assert.ok(error instanceof QueueTimeoutError);
  assert.match(error.message, /It is not in the queue yet: is Redis there/);
  const kept = executor.submit(add, 1, 2);
  await server.resume();
  await waitUntil(async () => (await countJobs(server.url)) > 0, { what: "a job" });
  assert.equal(await countJobs(server.url), 1);
  kept.cancel();
  await assert.rejects(kept, CancelledError);
});

test("a queueTimeoutMs ends the wait for a silent Redis, and the task is taken out when that answers", async () => {
  await using server = await RedisServer.start();
  await using executor = new BullMQTaskExecutor({ connection: { url: server.url }, tasks });
  await executor.warmUp();
  server.freeze();
  const error = await executor.with({ queueTimeoutMs: 100 }).submit(add, 1, 2).exception();
  assert.ok(error instanceof QueueTimeoutError);
  assert.match(error.message, /queueTimeoutMs of 100 ms and was dropped\. Redis does not answer, so it may be in the/);
  server.thaw();
  const kept = executor.submit(add, 1, 2);
  await waitUntil(async () => (await countJobs(server.url)) === 1, { what: "the other job alone" });
  kept.cancel();
  await assert.rejects(kept, CancelledError);
});

test("a task that turns out to run while Redis is silent goes on", async () => {
  let isOpen = true;
  const gone = withdrawJob({ isAdded: true } as SentJob, undefined, {
    remove: () => new Promise(() => {}),
    isOpen: () => isOpen,
    isHurried: () => false,
    onRemoved: () => assert.fail("it is given up"),
    ask: () => Promise.resolve(),
  });
  isOpen = false;
  // Its pauses keep no program going.
  const hold = setInterval(() => {}, 1000);
  await gone.finally(() => clearInterval(hold));
});

test("a host whose Redis was never there ends", async () => {
  const host = new BullMQTaskHost({ connection: { url: await emptyUrl() }, tasks });
  const started = assert.rejects(host.start());
  await host.close();
  await started;
});

test("a host whose Redis has gone ends, with the task that it runs", async () => {
  await using server = await RedisServer.start();
  const queue = "away";
  await using executor = new BullMQTaskExecutor({ connection: { url: server.url }, queue, tasks });
  await using host = startFixture("bullmq-host", { args: [server.url, queue] });
  await host.waitForLine(/^serving$/);
  const future = executor.submit(waitForFile, path.join(folder, "never"));
  await future.started;
  await server.kill();
  process.kill(host.pid, "SIGTERM");
  assert.equal((await host.waitForEnd()).code, 0);
  await host.waitForNobody();
  // Nobody can tell what became of it.
  const error = future.exception();
  await server.resume();
  assert.ok((await error) instanceof JobLostError);
});

for (const isRunning of [true, false]) {
  test(`a task that ${isRunning ? "runs" : "waits"} is cancelled although Redis does not answer`, async () => {
    await using server = await RedisServer.start();
    const queue = "silent";
    const options = { connection: { url: server.url }, queue, tasks, cancelTasksWhenShutdown: true };
    const executor = new BullMQTaskExecutor(options);
    await using host = startFixture("bullmq-host", { args: [server.url, queue] });
    await host.waitForLine(/^serving$/);
    if (!isRunning) {
      process.kill(host.pid, "SIGTERM");
      await host.waitForEnd();
    }
    const submit = (): ProcessFuture<string> => executor.submit(waitForFile, path.join(folder, "never"));
    const futures = [submit(), submit()];
    if (isRunning) await Promise.all(futures.map(({ started }) => started));
    else await waitUntil(async () => (await countJobs(server.url)) === 2, { what: "two jobs" });
    await server.kill();
    const [first, second] = futures.map((future) => assert.rejects(future, CancelledError));
    futures[0]?.cancel();
    await first;
    await executor.shutdown({ cancelFutures: true });
    await second;
  });
}

test("a program that forgets to shut down ends when its tasks are done", async () => {
  await using server = await RedisServer.start();
  const queue = "forgetful";
  await using host = startFixture("bullmq-host", { args: [server.url, queue] });
  await host.waitForLine(/^serving$/);
  await using program = startFixture("bullmq-forgets", { args: [server.url, queue] });
  const { code, stdout } = await program.waitForEnd();
  assert.deepEqual([code, stdout.trim()], [0, "3"]);
});
