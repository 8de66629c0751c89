/** Hosts that die, a Redis that is away, and what nobody should have written. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { mkdtempSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { Redis } from "ioredis";
import { Worker } from "bullmq";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { CancelledError } from "../../src/index.js";
import { FunctionNotPicklableError } from "../../src/index.js";
import { InvalidOptionError } from "../../src/index.js";
import { JobLostError } from "../../src/bullmq/index.js";
import { NotSerializableError } from "../../src/index.js";
import { OutOfPaperError } from "../fixtures/conformance-tasks.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { WorkerCrashedError } from "../../src/index.js";
import { add } from "../fixtures/tasks.js";
import { applyTo } from "../fixtures/conformance-tasks.js";
import { childrenOf } from "../testlibraries/process-inspection.js";
import { encodeFrame } from "../../src/bullmq/contract/messages.js";
import { keyPrefix } from "../../src/bullmq/contract/names.js";
import { queueName } from "../../src/bullmq/contract/names.js";
import { createSharedArray } from "../../src/index.js";
import { makeStream } from "../fixtures/conformance-tasks.js";
import { readAll } from "../fixtures/conformance-tasks.js";
import { setFirst } from "../fixtures/conformance-tasks.js";
import { startHost } from "../testlibraries/bullmq-hosts.js";
import { succeedAt } from "../fixtures/conformance-tasks.js";
import { waitForAbort } from "../fixtures/conformance-tasks.js";
import { waitForFile } from "../fixtures/conformance-tasks.js";
import { waitForSignal } from "../fixtures/conformance-tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { BullMQTaskExecutorOptions } from "../../src/bullmq/index.js";
import type { BullMQTaskOptions } from "../../src/bullmq/index.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-bullmq-"));
let redis: RedisServer;

before(async () => {
  redis = await RedisServer.forTests();
});

after(async () => {
  await redis[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function optionsFor(server: RedisServer): BullMQTaskExecutorOptions & { readonly queue: string } {
  const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);
  return { connection: { url: server.url }, queue: `faults-${randomUUID()}`, tasks };
}

test("the jobs of a host that is killed fail with WorkerCrashedError, or run again where that is asked for", async () => {
  const options = optionsFor(redis);
  await using executor = new BullMQTaskExecutor(options);
  await using first = await startHost(redis.url, options.queue);
  const gate = path.join(folder, "killed");
  const once = executor.submit(waitForFile, gate);
  const again = executor.with({ retries: { limit: 3, on: "crash" } }).submit(waitForFile, gate);
  await Promise.all([once.started, again.started]);
  await using _second = await startHost(redis.url, options.queue);
  process.kill(first.pid, "SIGKILL");
  const error = await once.exception();
  assert.ok(error instanceof WorkerCrashedError);
  assert.deepEqual([error.pid, error.likelyCause], [0, "host-gone"]);
  assert.match(error.message, /^The host that ran task "waitForFile" is gone\. .*on: "crash"/);
  writeFileSync(gate, "");
  assert.equal(await again, "waitForFile");
});

test("a host that ends hands back at once what it runs, and leaves no process", async () => {
  const options = optionsFor(redis);
  await using executor = new BullMQTaskExecutor(options);
  await using first = await startHost(redis.url, options.queue);
  const gate = path.join(folder, "handed-back");
  const future = executor.submit(waitForFile, gate);
  const { id } = await future.started;
  assert.ok(childrenOf(first.pid).includes(id));
  process.kill(first.pid, "SIGTERM");
  assert.equal((await first.waitForEnd()).code, 0);
  await first.waitForNobody();
  writeFileSync(gate, "");
  await using _second = await startHost(redis.url, options.queue);
  assert.equal(await future, "waitForFile");
});

test("a job that is handed back wakes a host that waits", async () => {
  const options = { ...optionsFor(redis), workerOptions: { drainDelay: 600 }, jobs: 1 };
  const { workerOptions: _, jobs: __, ...ofExecutor } = options;
  await using executor = new BullMQTaskExecutor(ofExecutor);
  const first = new BullMQTaskHost(options);
  await first.start();
  const gate = path.join(folder, "woken");
  const future = executor.submit(waitForFile, gate);
  await future.started;
  await using second = new BullMQTaskHost(options);
  await second.start();
  await first.close(0);
  writeFileSync(gate, "");
  assert.equal(await future, "waitForFile");
});

test("a success under a chosen id is not run again by another program that would have tried", async () => {
  const options = optionsFor(redis);
  await using one = new BullMQTaskExecutor(options);
  await using other = new BullMQTaskExecutor(options);
  await using _host = await startHost(redis.url, options.queue);
  const file = path.join(folder, "runs");
  const submit = (executor: BullMQTaskExecutor, backoffMs: number): Promise<unknown> =>
    executor.with({ taskId: "shared", retries: { limit: 2, backoffMs } }).submit(succeedAt, file, 2);
  const outcomes = await Promise.all([submit(one, 0), submit(other, 2000)]);
  assert.deepEqual([outcomes[0], readFileSync(file, "utf8").length], [outcomes[1], 2]);
});

test("future.started names the host, and signals go through it", async () => {
  const options = optionsFor(redis);
  await using executor = new BullMQTaskExecutor(options);
  await using _host = await startHost(redis.url, options.queue);
  const future = executor.submit(waitForAbort);
  const started = await future.started;
  assert.equal(typeof started.host, "string");
  assert.equal(started.isAlive(), true);
  assert.equal(started.sendSignal("SIGTERM"), true);
  await assert.rejects(future, CancelledError);
  assert.deepEqual([started.isAlive(), started.sendSignal("SIGTERM")], [false, false]);
});

test("tasks go on over a restart of a Redis that keeps its data", async () => {
  await using server = await RedisServer.start(true);
  const options = optionsFor(server);
  await using executor = new BullMQTaskExecutor(options);
  await using _host = await startHost(server.url, options.queue);
  const gate = path.join(folder, "restart");
  const running = executor.submit(waitForFile, gate);
  await running.started;
  await server.kill();
  writeFileSync(gate, "");
  await server.resume();
  assert.equal(await running, "waitForFile");
  assert.equal(await executor.submit(add, 1, 2), 3);
});

for (const onLost of ["fail", "resubmit"] as const) {
  test(`with onLost "${onLost}", no future stays pending when Redis has lost its data`, async () => {
    await using server = await RedisServer.start();
    const options = optionsFor(server);
    await using executor = new BullMQTaskExecutor({ ...options, onLost });
    await executor.warmUp();
    const future = executor.submit(add, 1, 2);
    const error = future.exception();
    await waitForJob(server);
    await server.kill();
    await server.resume();
    if (onLost === "fail") assert.ok((await error) instanceof JobLostError);
    await using _host = await startHost(server.url, options.queue);
    if (onLost === "resubmit") assert.equal(await future, 3);
    assert.equal(await executor.submit(add, 2, 2), 4);
  });
}

/** Waits until some queue of a server has a job. */
async function waitForJob({ url }: RedisServer): Promise<void> {
  const client = new Redis(url);
  try {
    await waitUntil(async () => (await client.keys("*:prioritized")).length > 0, { what: "a job" });
  } finally {
    client.disconnect();
  }
}

test("an outcome that its host could not tell of is asked for", async () => {
  const options = { ...optionsFor(redis), version: "silent" };
  await using executor = new BullMQTaskExecutor({ ...options, askIntervalMs: 100 });
  const future = executor.submit(add, 1, 2);
  const id = { queue: options.queue, version: options.version };
  const result = encodeFrame({ kind: "value", taskId: 1, durationUs: 0, value: 3 }).toString("base64");
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const silent = new Worker(queueName(id), () => Promise.resolve(result), { connection, prefix: keyPrefix(id) });
  try {
    assert.equal(await future, 3);
  } finally {
    await silent.close();
    connection.disconnect();
  }
});

test("a warning tells that Redis is away, once", async () => {
  await using server = await RedisServer.start(true);
  const options = optionsFor(server);
  await using executor = new BullMQTaskExecutor(options);
  await executor.warmUp();
  const warnings: string[] = [];
  const note = ({ code = "", message }: NodeJS.ErrnoException): unknown => warnings.push(`${code}: ${message}`);
  process.on("warning", note);
  try {
    await server.kill();
    const future = executor.submit(add, 1, 2);
    await waitUntil(() => warnings.length > 0, { what: "a warning" });
    await server.resume();
    await using _host = await startHost(server.url, options.queue);
    assert.equal(await future, 3);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^ASYNCCPU_REDIS_AWAY: Redis can't be used, so tasks wait: .*ECONN/);
  } finally {
    process.off("warning", note);
  }
});

test("a task with an id of its own is found by other programs, runs once, and can be tried again", async () => {
  const options = optionsFor(redis);
  await using other = new BullMQTaskExecutor({ ...options, cancelTasksWhenShutdown: true });
  const marks = path.join(folder, "marks");
  {
    await using executor = new BullMQTaskExecutor(options);
    await using _host = await startHost(redis.url, options.queue);
    const gate = path.join(folder, "named");
    const future = executor.with({ taskId: "report-1" }).submit(waitForFile, gate);
    await future.started;
    const found = other.find<string>("report-1");
    writeFileSync(gate, "");
    assert.deepEqual(await Promise.all([future, found]), ["waitForFile", "waitForFile"]);
    const counted = executor.with({ taskId: "report-2", retries: { limit: 3 } });
    assert.equal(await counted.submit(succeedAt, marks, 3), 3);
    assert.equal(await executor.with({ taskId: "report-2" }).submit(succeedAt, marks, 9), 3);
    await assert.rejects(executor.with({ taskId: "report-3" }).submit(succeedAt, marks, 9), OutOfPaperError);
  }
  // Nobody runs tasks any more.
  assert.equal(await other.find("report-1"), "waitForFile");
  assert.equal(await other.find("report-2"), 3);
  {
    // A shutdown waits for it, even before there is a connection.
    await using late = new BullMQTaskExecutor(options);
    assert.deepEqual(await Promise.all([late.find("report-2"), late.shutdown()]), [3, undefined]);
  }
  await assert.rejects(other.find("report-3"), { message: "Tray 4 is empty." });
  const unknown = await other.find("report-4").exception();
  assert.ok(unknown instanceof JobLostError);
  assert.match(unknown.message, /^Redis has no job report-4, and no outcome of it\. Look at the id/);
  assert.doesNotMatch(unknown.message, /resubmit/);
  const waiting = other.with({ taskId: "report-5" }).submit(add, 1, 2);
  const same = other.find("report-5");
  await waitForJob(redis);
  assert.equal(same.cancel(), true);
  await assert.rejects(same, CancelledError);
  waiting.cancel();
  await assert.rejects(waiting, CancelledError);
  for (const taskId of ["failed", "meta"]) {
    await assert.rejects(other.with({ taskId }).submit(add, 1, 2), InvalidOptionError);
    await assert.rejects(other.find(taskId), InvalidOptionError);
  }
  for (const taskId of ["", "7", "a:b"]) assert.throws(() => other.with({ taskId }), InvalidOptionError);
  // Without its types it has maps, which say why there is none.
  const view = other.with({ taskId: "map" } as BullMQTaskOptions);
  assert.throws(() => view.map(add, [1], [2]), InvalidOptionError);
});

test("what lives on one machine is refused: code, streams, signals, shared arrays", async () => {
  const options = optionsFor(redis);
  await using executor = new BullMQTaskExecutor(options);
  await using _host = await startHost(redis.url, options.queue);
  const triple = (value: number): number => value * 3;
  await assert.rejects(executor.submit(triple, 1), FunctionNotPicklableError);
  await assert.rejects(executor.submit(applyTo, triple, 1), NotSerializableError);
  await assert.rejects(executor.submit(readAll, new ReadableStream<string>()), NotSerializableError);
  await assert.rejects(executor.submit(waitForSignal, new AbortController().signal), NotSerializableError);
  await assert.rejects(executor.submit(makeStream), NotSerializableError);
  const shared = createSharedArray(Float64Array, 4);
  await assert.rejects(executor.submit(setFirst, shared), NotSerializableError);
  assert.equal(await executor.submit(add, 1, 2), 3);
});

test("nonsense on the channels, and jobs that no executor has made, harm nobody", async () => {
  const options = optionsFor(redis);
  await using executor = new BullMQTaskExecutor(options);
  await using _host = await startHost(redis.url, options.queue);
  assert.equal(await executor.submit(add, 1, 2), 3);
  const client = new Redis(redis.url);
  const channels = (await client.pubsub("CHANNELS", "*")) as string[];
  const own = channels.filter((channel) => channel.includes(options.queue));
  assert.equal(own.length, 2);
  for (const channel of own) {
    for (const nonsense of [
      "",
      "x",
      "{}",
      "[1]",
      '{"kind":"cancel","id":"1","reason":7}',
      "\u0001\u0001\u0000a\u0003",
    ]) {
      await client.publish(channel, nonsense);
    }
  }
  client.disconnect();
  assert.equal(await executor.submit(add, 3, 4), 7);
});
