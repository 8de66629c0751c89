import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";

import { InvalidOptionError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { WorkerMemoryLimitError } from "asynccpu";
import type { MemoryLimitOptions } from "asynccpu";

import { FakePlatform } from "../testlibraries/fake-platform.js";
import { MemoryWatch } from "../../src/pool/memory-watch.js";
import { add } from "../fixtures/tasks.js";
import { processId } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const MIB = 1024 * 1024;

/** Keeps so many bytes in the worker, outside of V8's heap, and gives the process. */
function hoard(bytes: number): number {
  const { hoarded = [] } = globalThis as { hoarded?: Buffer[] };
  hoarded.push(Buffer.alloc(bytes, 1));
  Object.assign(globalThis, { hoarded });
  return process.pid;
}

/** Takes more and more memory, a step at a time. */
async function hoardForEver(): Promise<never> {
  const hoarded: Buffer[] = [];
  for (;;) {
    hoarded.push(Buffer.alloc(4 * 1024 * 1024, 1));
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

test("workers that idle end, and tasks that come later start others", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, idleTimeoutMs: 100 });
  await executor.warmUp();
  const { workers } = executor.stats();
  assert.equal(workers.length, 2);
  await waitUntil(() => executor.stats().workers.length === 0, { what: "the end of idle workers" });
  assert.equal(executor.stats().crashedWorkers, 0);
  const pid = await executor.submit(processId);
  assert.equal(
    workers.some((worker) => worker.pid === pid),
    false,
  );
  await waitUntil(() => executor.stats().workers.length === 0, { what: "the end of the next one" });
});

test("so many workers stay as minWorkers says", async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 3, minWorkers: 2, idleTimeoutMs: 50 });
  await executor.warmUp();
  await waitUntil(() => executor.stats().workers.length === 2, { what: "the end of one of three workers" });
  const pids = executor.stats().workers.map(({ pid }) => pid);
  await sleep(400);
  assert.deepEqual(
    executor.stats().workers.map(({ pid }) => pid),
    pids,
  );
});

test("a worker that has tasks, one after the other or a long one, doesn't idle", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, idleTimeoutMs: 1500 });
  const pid = await executor.submit(processId);
  for (let i = 0; i < 12; i += 1) {
    assert.equal(await executor.submit(processId), pid);
    await sleep(50);
  }
  const long = (ms: number): Promise<number> =>
    new Promise((resolve) => {
      setTimeout(() => resolve(process.pid), ms);
    });
  assert.equal(await executor.submit(long, 2500), pid);
});

test("a task whose worker takes more than the hard limit fails, Buffers included, and the pool goes on", async () => {
  await using executor = new ProcessTaskPoolExecutor({
    maxWorkers: 1,
    execArgv: ["--max-old-space-size=64"],
    maxMemoryBytes: { hard: 160 * MIB },
  });
  const pid = await executor.submit(processId);
  const growing = executor.with({ name: "hoarder" }).createProcessTask(hoardForEver);
  const next = executor.submit(add, 1, 2);
  await assert.rejects(growing, (error) => {
    assert.ok(error instanceof WorkerMemoryLimitError, String(error));
    assert.equal(error.code, "ASYNCCPU_WORKER_MEMORY_LIMIT");
    assert.deepEqual([error.pid, error.taskName, error.limitBytes], [pid, "hoarder", 160 * MIB]);
    assert.ok(error.measuredBytes > 160 * MIB);
    assert.match(error.message, /had \d+\.\d MiB in RAM while it ran task "hoarder", and its limit is 160\.0 MiB/);
    assert.match(error.stack ?? "", /submitted from[^]*resources\.test/);
    return true;
  });
  assert.equal(await next, 3);
  const { crashedWorkers, failedTasks } = executor.stats();
  assert.deepEqual([crashedWorkers, failedTasks], [0, 1]);
});

test("a worker above the soft limit ends its task, and is replaced then", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, maxMemoryBytes: { soft: 140 * MIB } });
  const first = await executor.submit(hoard, 100 * MIB);
  await waitUntil(() => executor.stats().workers.every(({ pid }) => pid !== first), { what: "its replacement" });
  assert.notEqual(await executor.submit(processId), first);
  // One that is never idle is replaced as well: between two tasks.
  const pids = new Set<number>();
  const slowly = async (): Promise<number> => {
    hoarded.push(Buffer.alloc(20 * 1024 * 1024, 1));
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    return process.pid;
  };
  const hoarded: Buffer[] = [];
  for (const pid of await Promise.all(Array.from({ length: 12 }, () => executor.submit(slowly)))) pids.add(pid);
  assert.ok(pids.size >= 2, `${pids.size} workers`);
  assert.equal(executor.stats().failedTasks, 0);
});

test("a task that the hard limit ended is tried again where errors are", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, maxMemoryBytes: { hard: 160 * MIB } });
  await assert.rejects(executor.with({ retries: { limit: 1 } }).createProcessTask(hoardForEver), (error) => {
    assert.ok(error instanceof WorkerMemoryLimitError);
    const { attempts } = error as { attempts?: unknown[] };
    assert.ok(attempts?.[0] instanceof WorkerMemoryLimitError);
    return true;
  });
});

test("where memory can't be measured, the limit has no effect but a warning", async () => {
  const warned = once(process, "warning");
  const platform = new FakePlatform("darwin", 1, []);
  assert.ok(new MemoryWatch({ hard: 1 }, [], platform));
  assert.ok(new MemoryWatch({ hard: 1 }, [], platform));
  const [warning] = (await warned) as [Error & { code: string }];
  assert.equal(warning.code, "ASYNCCPU_NO_MEMORY_LIMIT");
  assert.match(warning.message, /^The option maxMemoryBytes has no effect/);
});

test("options of resources that are out of range are refused", () => {
  const bad: object[] = [
    { idleTimeoutMs: 0 },
    { minWorkers: -1 },
    { maxWorkers: 2, minWorkers: 3 },
    { maxMemoryBytes: {} },
    { maxMemoryBytes: { soft: 0 } },
    { maxMemoryBytes: { soft: 2, hard: 1 } },
    { maxMemoryBytes: { max: 5 } },
    { maxMemoryBytes: 5 as unknown as MemoryLimitOptions },
  ];
  for (const options of bad) {
    assert.throws(() => new ProcessTaskPoolExecutor(options), InvalidOptionError, JSON.stringify(options));
  }
});
