/** What those who look at a queue see of a job, where logs go without a queue for them, and levels. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { mkdtempSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { Queue } from "bullmq";
import { Redis } from "ioredis";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { InvalidOptionError } from "../../src/index.js";
import { LogQueue } from "../../src/index.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { keyPrefix } from "../../src/bullmq/contract/names.js";
import { logDebugAndWarn } from "../fixtures/log-tasks.js";
import { logLines } from "../fixtures/log-tasks.js";
import { logWhenThere } from "../fixtures/log-tasks.js";
import { queueName } from "../../src/bullmq/contract/names.js";
import { reportUntil } from "../fixtures/log-tasks.js";
import { startFixture } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import { wantWarnings } from "../fixtures/log-tasks.js";
import type { BullMQTaskExecutorOptions } from "../../src/bullmq/index.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-bullmq-logs-"));
let redis: RedisServer;

before(async () => {
  redis = await RedisServer.forTests();
});

after(async () => {
  await redis[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function makeOptions(): BullMQTaskExecutorOptions & { readonly queue: string } {
  const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);
  return { connection: { url: redis.url }, queue: `logs-${randomUUID()}`, tasks, version: "1" };
}

/** The queue as BullMQ and bull-board have it. */
function openQueue(queue: string): Queue {
  const id = { queue, version: "1" };
  return new Queue(queueName(id), { connection: { url: redis.url }, prefix: keyPrefix(id) });
}

test("a job has what its task has logged and reported, although its producer listens to neither", async () => {
  const options = makeOptions();
  const queue = openQueue(options.queue);
  try {
    await using executor = new BullMQTaskExecutor(options);
    await using host = startFixture("bullmq-host", { args: [redis.url, options.queue, "1"] });
    await host.waitForLine(/^serving$/);
    const gate = path.join(folder, "reports");
    const future = executor.with({ taskId: "seen", name: "prints" }).submit(reportUntil, gate);
    await waitUntil(async () => typeof (await queue.getJob("seen"))?.progress === "object", { what: "a progress" });
    const progress = (await queue.getJob("seen"))?.progress as { readonly page?: number };
    assert.equal(typeof progress.page, "number");
    writeFileSync(gate, "");
    await future;
    const job = await queue.getJob("seen");
    assert.deepEqual([job?.name, job?.progress], ["prints", "done"]);
    const { logs, count } = await queue.getJobLogs("seen");
    assert.equal(count, 1);
    assert.match(logs[0] ?? "", /INFO +\[pid \d+ task "prints"\] begins$/);
    // Nobody else takes it.
    await waitUntil(() => host.stderr.includes("begins"), { what: "the line of a task without a queue" });
  } finally {
    await queue.close();
  }
});

test("reports of before somebody listens arrive, the newest hundred, in order", async () => {
  const options = makeOptions();
  await using executor = new BullMQTaskExecutor(options);
  await using _host = await startHost(options);
  const gate = path.join(folder, "late");
  const future = executor.with({ taskId: "late" }).submit(reportUntil, gate);
  await future.started;
  const queue = openQueue(options.queue);
  try {
    // So the host has heard some.
    await waitUntil(async () => typeof (await queue.getJob("late"))?.progress === "object", { what: "a progress" });
  } finally {
    await queue.close();
  }
  const heard: unknown[] = [];
  const reading = (async () => {
    for await (const value of future.progress) heard.push(value);
  })();
  writeFileSync(gate, "");
  await future;
  await reading;
  const last = heard.length - 1;
  assert.deepEqual(
    heard.slice(0, last),
    Array.from({ length: last }, (_, index) => ({ page: index + 1 })),
  );
  assert.equal(heard[last], "done");
});

test("a job keeps its newest lines, as many as jobOptions say, and the program has all", async () => {
  const options = makeOptions();
  const queue = openQueue(options.queue);
  try {
    const logQueue = new LogQueue();
    await using executor = new BullMQTaskExecutor({ ...options, logQueue, jobOptions: { keepLogs: 10 } });
    await using _host = await startHost(options);
    await executor.with({ taskId: "few" }).submit(logLines, 40);
    assert.equal(logQueue.size, 40);
    const { logs } = await queue.getJobLogs("few");
    assert.equal(logs.length, 10);
    assert.match(logs[9] ?? "", /line 40$/);
    await executor.with({ taskId: "flood" }).submit(logLines, 5000);
    assert.equal(logQueue.size, 5040);
    await using bounded = new BullMQTaskExecutor({ ...options, logQueue: new LogQueue() });
    await bounded.with({ taskId: "many" }).submit(logLines, 5000);
    const { count } = await queue.getJobLogs("many");
    assert.ok(count > 0 && count <= 1000, `${count} lines`);
  } finally {
    await queue.close();
  }
});

test("a host keeps few of the records that Redis does not take, and prints the others", async () => {
  const options = makeOptions();
  const logQueue = new LogQueue();
  await using executor = new BullMQTaskExecutor({ ...options, logQueue });
  await using host = startFixture("bullmq-host", { args: [redis.url, options.queue, "1", "60000"] });
  await host.waitForLine(/^serving$/);
  const gate = path.join(folder, "away");
  const future = executor.submit(logWhenThere, gate, 400, 100_000);
  await future.started;
  const client = new Redis(redis.url);
  try {
    await client.client("PAUSE", 60_000, "WRITE");
    writeFileSync(gate, "");
    await waitUntil(() => host.stderr.includes("line 400 x"), { what: "the last line at the host" });
    await client.client("UNPAUSE");
  } finally {
    client.disconnect();
  }
  await future;
  const printed = host.stderr.match(/line \d+ x/g)?.length ?? 0;
  // 16 MiB, and the one that is above it.
  assert.ok(logQueue.size > 150 && logQueue.size < 180, `${logQueue.size} records`);
  assert.equal(logQueue.size + printed, 400);
});

test("the configurer of a host sets levels; a queue of logs in place of the name is refused", async () => {
  const options = makeOptions();
  const logQueue = new LogQueue();
  await using executor = new BullMQTaskExecutor({ ...options, logQueue });
  await using _host = await startHost({ ...options, configurer: wantWarnings });
  await executor.submit(logDebugAndWarn);
  assert.deepEqual([logQueue.tryGet()?.message, logQueue.size], ["wanted", 0]);
});

test("a queue of logs in place of the queue's name is refused, with the option to use", () => {
  const { connection, tasks } = makeOptions();
  assert.throws(
    () => new BullMQTaskExecutor({ connection, tasks, queue: new LogQueue() as never }),
    (error) => error instanceof InvalidOptionError && error.message.includes("logQueue"),
  );
});

async function startHost(
  options: ConstructorParameters<typeof BullMQTaskHost>[0] & BullMQTaskExecutorOptions,
): Promise<BullMQTaskHost> {
  const host = new BullMQTaskHost({ ...options, jobs: 2 });
  await host.start();
  return host;
}
