/** A program's fake timers, put in place when the library is loaded, stop neither a pool nor its time limits. */

import assert from "node:assert/strict";
import { mock } from "node:test";
import { test } from "node:test";

import { CancelledError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { TaskTimeoutError } from "asynccpu";

import { add } from "../fixtures/tasks.js";
import { hangForEver } from "../fixtures/tasks.js";
import { spinFor } from "../fixtures/tasks.js";
import { spinUntilAborted } from "../fixtures/tasks.js";

function wait(durationMs: number): Promise<string> {
  return new Promise((resolve) => {
    setTimeout(() => resolve("waited"), durationMs);
  });
}

/** Whatever a pool does by the clock, from the start of its workers to their end. */
async function usePool(): Promise<void> {
  const executor = new ProcessTaskPoolExecutor({
    maxWorkers: 2,
    graceMs: 50,
    cancelTasksWhenShutdown: true,
    timeoutInEmergencyMs: 100,
  });
  await executor.warmUp();
  assert.equal(await executor.submit(add, 1, 2), 3);
  // The worker's timers are its own.
  assert.equal(await executor.submit(wait, 1), "waited");
  await assert.rejects(executor.with({ timeoutMs: 50 }).submit(hangForEver), TaskTimeoutError);
  await assert.rejects(executor.with({ timeoutMs: 50 }).submit(spinUntilAborted), TaskTimeoutError);
  const future = executor.submit(hangForEver);
  await future.started;
  future.cancel();
  await assert.rejects(future, CancelledError);
  // One that takes long holds up none of those behind it.
  for (let i = 0; i < 20; i += 1) await executor.submit(spinFor, 0, i);
  const futures = Array.from({ length: 40 }, (_, i) => executor.submit(spinFor, i === 0 ? 300 : 0, i));
  assert.deepEqual(
    await Promise.all(futures),
    Array.from({ length: 40 }, (_, i) => i),
  );
  for await (const sum of executor.map(add, [1, 2], [3, 2])) assert.equal(sum, 4);
  const last = executor.createProcessTask(hangForEver);
  await last.started;
  await executor.shutdown();
  await assert.rejects(last, CancelledError);
}

test("node:test's mock timers stop nothing", async () => {
  mock.timers.enable();
  try {
    await usePool();
  } finally {
    mock.timers.reset();
  }
});

test("timers and clocks of the program's own, that never fire and stand still, stop nothing", async () => {
  const names = [
    "setTimeout",
    "setInterval",
    "setImmediate",
    "clearTimeout",
    "clearInterval",
    "clearImmediate",
    "queueMicrotask",
  ] as const;
  const fakes = globalThis as unknown as Record<string, unknown>;
  const before = Object.fromEntries(names.map((name) => [name, fakes[name]]));
  const { now } = performance;
  const { now: dateNow } = Date;
  for (const name of names) fakes[name] = () => ({ ref() {}, unref() {} });
  performance.now = () => 0;
  Date.now = () => 0;
  try {
    await usePool();
  } finally {
    Object.assign(globalThis, before);
    performance.now = now;
    Date.now = dateNow;
  }
});

test("a fake process.nextTick leaves tasks alone", async () => {
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 0 });
  await executor.warmUp();
  const { nextTick } = process;
  const held: (() => void)[] = [];
  process.nextTick = ((callback: (...args: unknown[]) => void, ...args: unknown[]) => {
    held.push(() => callback(...args));
  }) as typeof process.nextTick;
  try {
    assert.equal(await executor.submit(add, 1, 2), 3);
    const futures = Array.from({ length: 200 }, (_, i) => executor.submit(add, i, 1));
    assert.equal((await Promise.all(futures)).length, 200);
    await assert.rejects(executor.with({ timeoutMs: 50 }).submit(hangForEver), TaskTimeoutError);
  } finally {
    process.nextTick = nextTick;
    for (const callback of held) callback();
  }
  await executor.shutdown();
});
