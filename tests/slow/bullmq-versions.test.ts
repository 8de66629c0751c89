/** What a program learns when hosts have another version of its tasks. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Redis } from "ioredis";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { QueueTimeoutError } from "../../src/index.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { VersionMismatchError } from "../../src/bullmq/index.js";
import { add } from "../fixtures/tasks.js";
import { startFixture } from "../testlibraries/process-family.js";
import { waitForAbort } from "../fixtures/conformance-tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { BullMQTaskExecutorOptions } from "../../src/bullmq/index.js";

let redis: RedisServer;

before(async () => {
  redis = await RedisServer.forTests();
});

after(() => redis[Symbol.asyncDispose]());

function optionsOf(version: string, queue = `versions-${randomUUID()}`): BullMQTaskExecutorOptions {
  const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);
  return { connection: { url: redis.url }, queue, tasks, version };
}

async function startHost(version: string, queue: string | undefined): Promise<BullMQTaskHost> {
  const { connection, tasks } = optionsOf(version);
  const host = new BullMQTaskHost({ connection, tasks, version, queue, jobs: 1 });
  await host.start();
  return host;
}

test('with onVersionMismatch "fail" a task fails at once where hosts have other versions alone, and names all', async () => {
  const options = optionsOf("2");
  await using _first = await startHost("1", options.queue);
  await using _third = await startHost("3", options.queue);
  await using executor = new BullMQTaskExecutor({ ...options, onVersionMismatch: "fail" });
  const [one, two] = await Promise.all([1, 2].map((value) => executor.submit(add, value, 2).exception()));
  assert.ok(one instanceof VersionMismatchError && two instanceof VersionMismatchError && one !== two);
  assert.deepEqual([one.code, one.version, one.served], ["ASYNCCPU_VERSION_MISMATCH", "2", ["1", "3"]]);
  assert.match(one.message, /version 2 .*"versions-.*serve 1, 3\./);
  // The hosts' own tasks run.
  await using other = new BullMQTaskExecutor({ ...options, version: "3", onVersionMismatch: "fail" });
  assert.equal(await other.submit(add, 1, 2), 3);
});

test('with "fail" a task waits while there is no host at all, and fails when one of another version comes', async () => {
  const options = optionsOf("2");
  await using executor = new BullMQTaskExecutor({ ...options, onVersionMismatch: "fail" });
  const future = executor.submit(add, 1, 2);
  await waitForJobs(options.queue, 1);
  await using _host = await startHost("1", options.queue);
  await assert.rejects(future, VersionMismatchError);
  await waitForJobs(options.queue, 0);
});

test("else it waits: for a host of its version, or until its queueTimeoutMs, whose error names the versions", async () => {
  const options = optionsOf("2");
  await using executor = new BullMQTaskExecutor(options);
  await using _first = await startHost("1", options.queue);
  const waiting = executor.submit(add, 1, 2);
  const error = await executor.with({ queueTimeoutMs: 300 }).submit(add, 2, 2).exception();
  assert.ok(error instanceof QueueTimeoutError && error.cause instanceof VersionMismatchError);
  assert.deepEqual([error.cause.version, error.cause.served], ["2", ["1"]]);
  assert.ok(error.message.includes(error.cause.message));
  {
    await using _second = await startHost("2", options.queue);
    assert.equal(await waiting, 3);
  }
});

test("a queueTimeoutMs has no such cause while no host lives, or one of its own version does", async () => {
  const options = optionsOf("2");
  await using executor = new BullMQTaskExecutor(options);
  const lonely = await executor.with({ queueTimeoutMs: 100 }).submit(add, 1, 2).exception();
  assert.ok(lonely instanceof QueueTimeoutError);
  assert.equal(lonely.cause, undefined);
  assert.equal(lonely.queueTimeoutMs, 100);
  assert.match(lonely.message, /No host serves queue "versions-.*", version 2: start one/);
  await using _host = await startHost("2", options.queue);
  const busy = executor.submit(waitForAbort);
  await busy.started;
  const late = await executor.with({ queueTimeoutMs: 100 }).submit(add, 1, 2).exception();
  assert.ok(late instanceof QueueTimeoutError && late.cause === undefined);
  assert.match(late.message, /No host of queue .* has taken it: start more/);
  busy.cancel();
  await busy.exception();
});

test("a host that has ended counts no more at once, one that was killed after a time", async () => {
  const options = optionsOf("2");
  const { queue = "" } = options;
  const client = new Redis(redis.url);
  try {
    const key = `{asynccpu-${queue}}:versions`;
    await (await startHost("1", queue))[Symbol.asyncDispose]();
    await waitUntil(async () => (await client.zcard(key)) === 0, { what: "a host that takes its version back" });
    await using executor = new BullMQTaskExecutor({ ...options, onVersionMismatch: "fail" });
    await using host = startFixture("bullmq-host", { args: [redis.url, queue] });
    await host.waitForLine(/^serving$/);
    await assert.rejects(executor.submit(add, 1, 2), VersionMismatchError);
    process.kill(host.pid, "SIGKILL");
    await waitUntil(async () => (await client.exists(key)) === 0, { what: "the end of what a dead host has said" });
    const future = executor.submit(add, 1, 2);
    await using _host = await startHost("2", queue);
    assert.equal(await future, 3);
  } finally {
    client.disconnect();
  }
});

async function waitForJobs(queue = "", count: number): Promise<void> {
  const client = new Redis(redis.url);
  try {
    const find = async (): Promise<string[]> => await client.keys(`{asynccpu-${queue}@*}*:prioritized`);
    await waitUntil(async () => (await find()).length === count, { what: `${count} jobs` });
  } finally {
    client.disconnect();
  }
}
