/** What becomes of the tasks of a program that ends. */

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

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { CancelledError } from "../../src/index.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { startFixture } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-producer-end-"));
let redis: RedisServer;

before(async () => {
  redis = await RedisServer.forTests();
});

after(async () => {
  await redis[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Of docs/api.md. */
const STATED_MS = 30_000;

function makeOptions(): { connection: { url: string }; queue: string; tasks: URL } {
  const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);
  return { connection: { url: redis.url }, queue: `ends-${randomUUID()}`, tasks };
}

test('with onProducerEnd "cancel" hosts cancel the tasks of a killed program in time, those that wait, too', async () => {
  const options = makeOptions();
  await using host = new BullMQTaskHost({ ...options, jobs: 1 });
  await host.start();
  await using other = new BullMQTaskExecutor(options);
  const gate = path.join(folder, "never");
  const args = [redis.url, options.queue, "cancel", gate];
  await using producer = startFixture("bullmq-producer", { args });
  await producer.waitForLine(/^running$/);
  const marker = other.find("running");
  process.kill(producer.pid, "SIGKILL");
  const killedAt = performance.now();
  await assert.rejects(marker, CancelledError);
  await assert.rejects(other.find("waiting"), /program that has submitted the task is gone/);
  assert.ok(performance.now() - killedAt < STATED_MS, `${performance.now() - killedAt} ms`);
  await waitUntil(() => host.stats().runningTasks === 0, { what: "an idle host" });
});

test("the tasks of a program that lives go on beyond that time", async () => {
  const options = makeOptions();
  await using host = new BullMQTaskHost({ ...options, jobs: 1 });
  await host.start();
  const gate = path.join(folder, "lives");
  await using producer = startFixture("bullmq-producer", { args: [redis.url, options.queue, "cancel", gate] });
  await producer.waitForLine(/^running$/);
  const begunAt = performance.now();
  await waitUntil(() => performance.now() - begunAt > STATED_MS, { deadlineMs: 2 * STATED_MS, what: "the clock" });
  assert.equal(host.stats().runningTasks, 1);
  writeFileSync(gate, "");
  await producer.waitForLine(/^ended waitForFile waitForFile$/);
  assert.equal((await producer.waitForEnd()).code, 0);
});

test("by default the tasks of a killed program go on, and another one has their outcomes", async () => {
  const options = makeOptions();
  await using host = new BullMQTaskHost({ ...options, jobs: 1 });
  await host.start();
  await using other = new BullMQTaskExecutor(options);
  const gate = path.join(folder, "goes-on");
  await using producer = startFixture("bullmq-producer", { args: [redis.url, options.queue, "continue", gate] });
  await producer.waitForLine(/^running$/);
  process.kill(producer.pid, "SIGKILL");
  await producer.waitForEnd();
  writeFileSync(gate, "");
  assert.deepEqual(await Promise.all([other.find("running"), other.find("waiting")]), ["waitForFile", "waitForFile"]);
});
