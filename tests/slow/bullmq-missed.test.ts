/** Starts that a program has not heard of, and a job that comes to a host which still runs it. */

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

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { add } from "../fixtures/tasks.js";
import { markAndWait } from "../fixtures/network-tasks.js";
import { reportUntil } from "../fixtures/log-tasks.js";
import { startHost } from "../testlibraries/bullmq-hosts.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { BullMQTaskExecutorOptions } from "../../src/bullmq/index.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-missed-"));
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
  return { connection: { url: server.url }, queue: `missed-${randomUUID()}`, tasks };
}

for (const isEarly of [true, false]) {
  const when = isEarly ? "before it begins" : "while it runs";

  test(`who finds a task ${when} knows its process, and hears its reports`, async () => {
    const options = optionsFor(redis);
    await using executor = new BullMQTaskExecutor(options);
    await using other = new BullMQTaskExecutor(options);
    const gate = path.join(folder, `gate-${when}`);
    const submitted = executor.with({ taskId: "seen" }).submit(reportUntil, gate);
    await using host = await startHost(redis.url, options.queue);
    if (!isEarly) await submitted.started;
    const found = other.find("seen");
    const heard: unknown[] = [];
    const reading = (async () => {
      for await (const value of found.progress) heard.push(value);
    })();
    assert.equal(host.pid > 0, true);
    assert.deepEqual((await found.started).toPlain(), (await submitted.started).toPlain());
    await waitUntil(() => heard.length > 0, { what: "a report" });
    writeFileSync(gate, "");
    await Promise.all([submitted, found, reading]);
    assert.equal(heard.at(-1), "done");
  });
}

test("who finds a task that is over is told that its place is not known", async () => {
  const options = optionsFor(redis);
  await using executor = new BullMQTaskExecutor(options);
  await using _host = await startHost(redis.url, options.queue);
  await executor.with({ taskId: "over" }).submit(add, 1, 2);
  const found = executor.find("over");
  const started = found.started;
  assert.equal(await found, 3);
  for (const promise of [started, executor.find("over").started]) {
    await assert.rejects(promise, { code: "ASYNCCPU_UNKNOWN_START" });
  }
  const late = executor.find("over");
  await late;
  await assert.rejects(late.started, { code: "ASYNCCPU_UNKNOWN_START" });
});

test("a task that is added again comes to an end, also on the host that still runs it", async () => {
  await using server = await RedisServer.start();
  const options = optionsFor(server);
  await using executor = new BullMQTaskExecutor({ ...options, onLost: "resubmit", askIntervalMs: 200 });
  await using _host = await startHost(server.url, options.queue);
  const marks = path.join(folder, "marks");
  const gate = path.join(folder, "again");
  const future = executor.submit(markAndWait, marks, gate);
  const countStarts = (): number => (existsSync(marks) ? readFileSync(marks, "utf8").length : 0);
  await waitUntil(() => countStarts() === 1, { what: "a start" });
  await server.kill();
  await server.resume();
  await waitUntil(() => countStarts() > 1, { what: "a second start" });
  // For longer than a lock lasts that nobody renews.
  await new Promise((resolve) => {
    setTimeout(resolve, 5000);
  });
  writeFileSync(gate, "");
  assert.equal(await future, "done");
});
