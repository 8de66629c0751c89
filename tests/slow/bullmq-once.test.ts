/** Results that count once, programs that come back, and tasks that are to end. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { existsSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { Redis } from "ioredis";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { CancelledError } from "../../src/index.js";
import { QueueTimeoutError } from "../../src/index.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { WorkerCrashedError } from "../../src/index.js";
import { add } from "../fixtures/tasks.js";
import { clingWithChild } from "../fixtures/network-tasks.js";
import { failAt } from "../fixtures/network-tasks.js";
import { isAlive } from "../testlibraries/process-inspection.js";
import { isStopped } from "../testlibraries/process-inspection.js";
import { markAndWait } from "../fixtures/network-tasks.js";
import { reportCounts } from "../fixtures/network-tasks.js";
import { startFixture } from "../testlibraries/process-family.js";
import { startHost } from "../testlibraries/bullmq-hosts.js";
import { waitForAbort } from "../fixtures/conformance-tasks.js";
import { waitForFile } from "../fixtures/conformance-tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { BullMQTaskExecutorOptions } from "../../src/bullmq/index.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-once-"));
let redis: RedisServer;
let client: Redis;

before(async () => {
  redis = await RedisServer.forTests();
  client = new Redis(redis.url);
});

after(async () => {
  client.disconnect();
  await redis[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function newOptions(): BullMQTaskExecutorOptions & { readonly queue: string } {
  const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);
  return { connection: { url: redis.url }, queue: `once-${randomUUID()}`, tasks };
}

function newPath(name: string): string {
  return path.join(folder, `${name}-${randomUUID()}`);
}

test("a host that was stopped for longer than its lock ends its tasks, and their late outcomes don't count", async () => {
  const options = newOptions();
  await using executor = new BullMQTaskExecutor(options);
  await using first = await startHost(redis.url, options.queue);
  const [child, gate] = [newPath("child"), newPath("gate")];
  const clinging = executor.submit(clingWithChild, child);
  const late = executor.with({ taskId: "late" }).submit(failAt, gate);
  const { id } = await clinging.started;
  await late.started;
  const childPid = Number(
    await waitUntil(() => existsSync(child) && readFileSync(child, "utf8"), { what: "a child" }),
  );
  await using second = await startHost(redis.url, options.queue);
  process.kill(first.pid, "SIGSTOP");
  await waitUntil(() => isStopped(first.pid), { what: "a stopped host" });
  await Promise.all([assert.rejects(clinging, WorkerCrashedError), assert.rejects(late, WorkerCrashedError)]);
  assert.equal(isAlive(childPid), true);
  // The process of the task still runs: its outcome waits for the host.
  writeFileSync(gate, "");
  process.kill(first.pid, "SIGCONT");
  await waitUntil(() => !isAlive(id) && !isAlive(childPid), { what: "the end of a task whose lock is lost" });
  const failures = `{asynccpu-${options.queue}@*:failure:late:*`;
  await waitUntil(async () => (await client.keys(failures)).length === 2, { what: "a late outcome" });
  process.kill(second.pid, "SIGTERM");
  await second.waitForEnd();
  assert.equal(await executor.submit(add, 1, 2), 3);
  await assert.rejects(executor.find("late"), WorkerCrashedError);
});

test("a program that is killed finds its task when it comes back: it goes on, and runs once", async () => {
  const options = newOptions();
  const [marks, gate] = [newPath("marks"), newPath("gate")];
  await using _host = await startHost(redis.url, options.queue);
  const args = [redis.url, options.queue, "report", marks, gate];
  await using program = startFixture("bullmq-waits-for-task", { args });
  await program.waitForLine(/^started$/);
  process.kill(program.pid, "SIGKILL");
  await program.waitForEnd();
  await using executor = new BullMQTaskExecutor(options);
  const found = executor.find<string>("report");
  writeFileSync(gate, "");
  assert.equal(await found, "done");
  assert.equal(await executor.with({ taskId: "report" }).submit(markAndWait, marks, gate), "done");
  assert.equal(readFileSync(marks, "utf8"), ".");
});

const WITHIN_MS = 1000;

test("a cancel reaches a task on another machine within a second, and takes out one that waits", async () => {
  const options = newOptions();
  await using executor = new BullMQTaskExecutor(options);
  await using _host = await startHost(redis.url, options.queue);
  const running = [executor.submit(waitForAbort), executor.submit(waitForAbort)];
  await Promise.all(running.map((future) => future.started));
  const waiting = executor.with({ taskId: "waiting" }).submit(add, 1, 2);
  const key = `{asynccpu-${options.queue}@*:waiting`;
  await waitUntil(async () => (await client.keys(key)).length === 1, { what: "a job that waits" });
  waiting.cancel();
  await assert.rejects(waiting, CancelledError);
  assert.deepEqual(await client.keys(key), []);
  const from = performance.now();
  for (const future of running) future.cancel();
  for (const future of running) await assert.rejects(future, CancelledError);
  assert.ok(performance.now() - from < WITHIN_MS, `It took ${performance.now() - from} ms.`);
  assert.equal(await executor.submit(add, 1, 2), 3);
});

test("a task of a chosen id that is taken out in one program has ended for all, and never runs", async () => {
  const options = newOptions();
  await using submitter = new BullMQTaskExecutor({ ...options, onLost: "resubmit", askIntervalMs: 200 });
  await using finder = new BullMQTaskExecutor(options);
  const marks = newPath("marks");
  const submitted = ["gone-1", "gone-2"].map((taskId) => {
    const future = submitter.with({ taskId }).submit(markAndWait, marks, marks);
    return { future, error: future.exception() };
  });
  const key = `{asynccpu-${options.queue}@*:gone-*`;
  await waitUntil(async () => (await client.keys(key)).length === 2, { what: "two jobs that wait" });
  const found = finder.find("gone-1");
  const joined = finder.with({ taskId: "gone-2", queueTimeoutMs: 300 }).submit(markAndWait, marks, marks);
  found.cancel();
  await assert.rejects(found, CancelledError);
  await assert.rejects(joined, QueueTimeoutError);
  const [cancelled, expired] = await Promise.all(submitted.map(({ error }) => error));
  assert.ok(cancelled instanceof CancelledError);
  assert.ok(expired instanceof QueueTimeoutError);
  await using _host = await startHost(redis.url, options.queue);
  assert.equal(await submitter.submit(add, 1, 2), 3);
  assert.equal(existsSync(marks), false);
});

test("a cancel reaches a task that begins at that moment", async () => {
  const options = newOptions();
  await using executor = new BullMQTaskExecutor(options);
  await using _host = await startHost(redis.url, options.queue);
  await executor.submit(add, 1, 2);
  for (let round = 0; round < 40; round += 1) {
    const future = executor.submit(waitForAbort);
    // After 0 to 10 ms: before it is in the queue, while a host takes it, and while it begins.
    const from = performance.now();
    while (performance.now() - from < round / 4) await new Promise((resolve) => void setImmediate(resolve));
    future.cancel();
    await assert.rejects(future, CancelledError);
  }
});

test("who begins to listen to a task that waits hears of it when it runs", async () => {
  const options = newOptions();
  await using executor = new BullMQTaskExecutor(options);
  await using _host = await startHost(redis.url, options.queue);
  const gate = newPath("gate");
  const busy = [executor.submit(waitForFile, gate), executor.submit(waitForFile, gate)];
  await Promise.all(busy.map((future) => future.started));
  const end = newPath("end");
  const future = executor.with({ taskId: "heard" }).submit(reportCounts, end);
  const key = `{asynccpu-${options.queue}@*:heard`;
  await waitUntil(async () => (await client.keys(key)).length === 1, { what: "a job that waits" });
  const reports = future.progress[Symbol.asyncIterator]();
  writeFileSync(gate, "");
  const { value } = await reports.next();
  assert.equal(typeof value, "number");
  writeFileSync(end, "");
  assert.equal(await future, "done");
  await Promise.all(busy);
});
