/** Values that are too large for Redis, on their way through a store. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { mkdirSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { rmSync } from "node:fs";
import { statSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { Redis } from "ioredis";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { CancelledError } from "../../src/index.js";
import { JobLostError } from "../../src/bullmq/index.js";
import { FolderStore } from "../../src/bullmq/index.js";
import { NotSerializableError } from "../../src/index.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { ValueStoreError } from "../../src/bullmq/index.js";
import { add } from "../fixtures/tasks.js";
import { failAtLength } from "../fixtures/network-tasks.js";
import { keep } from "../fixtures/conformance-tasks.js";
import { makeBytes } from "../fixtures/network-tasks.js";
import { reportBytes } from "../fixtures/network-tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { BullMQTaskExecutorOptions } from "../../src/bullmq/index.js";
import type { ValueStore } from "../../src/bullmq/index.js";

const root = mkdtempSync(path.join(tmpdir(), "asynccpu-values-"));
let redis: RedisServer;
let client: Redis;

before(async () => {
  redis = await RedisServer.forTests();
  client = new Redis(redis.url);
});

after(async () => {
  client.disconnect();
  await redis[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

function newOptions(store?: ValueStore): BullMQTaskExecutorOptions & { readonly queue: string } {
  const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);
  return { connection: { url: redis.url }, queue: `values-${randomUUID()}`, tasks, store };
}

function newFolder(): string {
  return path.join(root, randomUUID());
}

async function startHost(options: BullMQTaskExecutorOptions): Promise<BullMQTaskHost> {
  const host = new BullMQTaskHost({ ...options, jobs: 2 });
  await host.start();
  return host;
}

/** All that Redis has of a queue, as text: how much, in characters. */
async function sizeInRedis(queue: string): Promise<number> {
  let size = 0;
  for (const key of await client.keys(`{asynccpu-${queue}@*`)) {
    const type = await client.type(key);
    if (type === "hash") size += Object.values(await client.hgetall(key)).join("").length;
    else if (type === "string") size += (await client.get(key))?.length ?? 0;
  }
  return size;
}

const MEBIBYTE = 1024 * 1024;
const large = new Uint8Array(MEBIBYTE).map((_, index) => index % 251);
const text = "é".repeat(MEBIBYTE);

test("large arguments, results and errors go through the folder, and Redis has small things", async () => {
  const folder = newFolder();
  const options = newOptions(new FolderStore(folder));
  await using executor = new BullMQTaskExecutor(options);
  const kept = executor.with({ taskId: "kept" }).submit(keep, large);
  const future = executor.submit(keep, { text, large });
  const failing = assert.rejects(executor.submit(failAtLength, MEBIBYTE), (error) => {
    return error instanceof RangeError && error.message.length === MEBIBYTE;
  });
  const small = executor.submit(add, 1, 2);
  await waitUntil(async () => (await client.keys(`{asynccpu-${options.queue}@*:kept`)).length === 1, { what: "jobs" });
  const waiting = readdirSync(folder);
  assert.equal(waiting.length, 2);
  for (const name of waiting) assert.equal(statSync(path.join(folder, name)).mode & 0o777, 0o600);
  assert.ok((await sizeInRedis(options.queue)) < 10_000);
  await using _host = await startHost(options);
  assert.deepEqual(await kept, large);
  assert.deepEqual(await future, { text, large });
  await failing;
  assert.equal(await small, 3);
  // Three outcomes; the arguments went with their jobs.
  await waitUntil(() => !readdirSync(folder).some((name) => waiting.includes(name)), { what: "the end of arguments" });
  assert.equal(readdirSync(folder).length, 3);
  assert.ok((await sizeInRedis(options.queue)) < 20_000);
  await using other = new BullMQTaskExecutor(options);
  assert.deepEqual(await other.find("kept"), large);
});

test("large chunks of a map go the same way", async () => {
  const folder = newFolder();
  const options = { ...newOptions(new FolderStore(folder)), largeAboveBytes: 1000 };
  await using executor = new BullMQTaskExecutor(options);
  await using _host = await startHost(options);
  const items = Array.from({ length: 8 }, (_, index) => String(index).repeat(600));
  const results = [];
  for await (const result of executor.with({ chunkSize: 4 }).map(keep, items)) results.push(result);
  assert.deepEqual(results, items);
  await waitUntil(() => readdirSync(folder).length === 2, { what: "two results and no arguments" });
});

test("a task that is taken out of the queue takes its arguments along", async () => {
  const folder = newFolder();
  const options = newOptions(new FolderStore(folder));
  await using executor = new BullMQTaskExecutor(options);
  const future = executor.with({ taskId: "waiting" }).submit(keep, large);
  await waitUntil(async () => (await client.keys(`{asynccpu-${options.queue}@*:waiting`)).length === 1, {
    what: "a job",
  });
  future.cancel();
  await assert.rejects(future, CancelledError);
  await waitUntil(() => readdirSync(folder).length === 0, { what: "an empty folder" });
});

test("a job that Redis has lost leaves no arguments behind", async () => {
  const folder = newFolder();
  const options = { ...newOptions(new FolderStore(folder)), askIntervalMs: 100 };
  await using executor = new BullMQTaskExecutor(options);
  const future = executor.with({ taskId: "lost" }).submit(keep, large);
  let keys: string[] = [];
  const findJob = async (): Promise<boolean> => {
    keys = await client.keys(`{asynccpu-${options.queue}@*:lost`);
    return keys.length === 1;
  };
  await waitUntil(findJob, { what: "a job" });
  assert.equal(readdirSync(folder).length, 1);
  await client.del(keys);
  await assert.rejects(future, JobLostError);
  await waitUntil(() => readdirSync(folder).length === 0, { what: "an empty folder" });
});

const TOO_LARGE = 17 * MEBIBYTE;

test("without a store values go through Redis up to 16 MiB, and larger ones fail alone", async () => {
  const options = newOptions();
  await using executor = new BullMQTaskExecutor(options);
  await using _host = await startHost(options);
  const checkMessage = (message: RegExp) => (error: unknown) => {
    assert.ok(error instanceof ValueStoreError);
    assert.match(error.message, message);
    return true;
  };
  const reporting = executor.with({ onProgress: () => {} });
  await Promise.all([
    assert.rejects(
      executor.submit(keep, new Uint8Array(TOO_LARGE)),
      checkMessage(/^The arguments of task "keep".* option store/),
    ),
    assert.rejects(
      executor.submit(makeBytes, TOO_LARGE),
      checkMessage(/^The outcome of task "makeBytes".* option store/),
    ),
    assert.rejects(reporting.submit(reportBytes, TOO_LARGE), NotSerializableError),
    executor.submit(keep, large).then((kept) => assert.deepEqual(kept, large)),
  ]);
});

test("a value that a store does not take, or not give, fails its own call", async () => {
  const store = new FolderStore(newFolder());
  const isPoisoned = (bytes: Uint8Array): boolean => Buffer.from(bytes).includes("poison");
  const picky: ValueStore = {
    put: (key, bytes) => (isPoisoned(bytes) ? Promise.reject(new Error("disk full")) : store.put(key, bytes)),
    get: (key) => store.get(key),
    delete: (key) => store.delete(key),
  };
  const options = { ...newOptions(picky), largeAboveBytes: 10_000 };
  const poisoned = "poison".repeat(5000);
  {
    await using executor = new BullMQTaskExecutor(options);
    await using _host = await startHost({
      ...options,
      store: { ...picky, get: () => Promise.reject(new Error("away")) },
    });
    const [, , result, small] = await Promise.all([
      assert.rejects(executor.submit(keep, poisoned), { message: /^The arguments of task "keep".*disk full/ }),
      assert.rejects(executor.submit(keep, large), { message: /^The arguments of task "keep".*away/ }),
      executor.submit(makeBytes, MEBIBYTE),
      executor.submit(add, 1, 2),
    ]);
    assert.deepEqual([result.length, small], [MEBIBYTE, 3]);
  }
  await using executor = new BullMQTaskExecutor({ ...options, queue: `${options.queue}-2`, store });
  await using _host = await startHost({ ...options, queue: `${options.queue}-2` });
  const [, small] = await Promise.all([
    assert.rejects(executor.submit(keep, poisoned), { message: /^The outcome of task "keep".*disk full/ }),
    executor.submit(add, 1, 2),
  ]);
  assert.equal(small, 3);
});

test("a host without the store says so", async () => {
  const options = newOptions(new FolderStore(newFolder()));
  await using executor = new BullMQTaskExecutor(options);
  await using _host = await startHost({ ...options, store: undefined });
  await assert.rejects(executor.submit(keep, large), { name: "ValueStoreError", message: /--store FOLDER/ });
});

const DAMAGES: readonly [string, (store: ValueStore, key: string, bytes: Uint8Array) => Promise<void>, RegExp][] = [
  ["gone", (store, key) => store.delete(key), /has no .* It has expired, or was deleted/],
  ["cut short", (store, key, bytes) => store.put(key, bytes.subarray(1)), /not what was put there/],
  ["altered", (store, key, bytes) => store.put(key, Uint8Array.from(bytes).fill(0, -9)), /not what was put there/],
];

for (const [how, damage, message] of DAMAGES) {
  test(`a stored value that is ${how} is a clear error, and never a wrong value`, async () => {
    const store = new FolderStore(newFolder());
    const damaging: ValueStore = {
      put: async (key, bytes) => {
        await store.put(key, bytes);
        await damage(store, key, bytes);
      },
      get: (key) => store.get(key),
      delete: (key) => store.delete(key),
    };
    const options = newOptions(store);
    await using executor = new BullMQTaskExecutor(options);
    await using _host = await startHost({ ...options, store: damaging });
    await assert.rejects(executor.submit(makeBytes, MEBIBYTE), { name: "ValueStoreError", message });
    assert.equal(await executor.submit(add, 1, 2), 3);
  });
}

test("a host sweeps what has expired when it starts", async () => {
  const folder = newFolder();
  mkdirSync(folder);
  const expired = `1000-${randomUUID()}`;
  for (const name of [expired, "notes.txt"]) writeFileSync(path.join(folder, name), "");
  await using _host = await startHost(newOptions(new FolderStore(folder)));
  await waitUntil(() => !readdirSync(folder).includes(expired), { what: "a sweep" });
  assert.deepEqual(readdirSync(folder), ["notes.txt"]);
});
