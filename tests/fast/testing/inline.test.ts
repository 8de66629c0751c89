/** What the inline executor has of its own; tests/testlibraries/executor-conformance.ts has what all have. */

import assert from "node:assert/strict";
import { mock } from "node:test";
import { test } from "node:test";

import { CancelledError } from "asynccpu";
import { FunctionNotPicklableError } from "asynccpu";
import { InlineTaskExecutor } from "asynccpu/testing";
import { InvalidOptionError } from "asynccpu";
import { NotSerializableError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { QueueTimeoutError } from "asynccpu";
import { TaskTimeoutError } from "asynccpu";
import { currentTask } from "asynccpu";

import { add } from "../../fixtures/tasks.js";
import { printTwice } from "../../fixtures/conformance-tasks.js";
import { printer } from "../../fixtures/conformance-tasks.js";
import { processId } from "../../fixtures/tasks.js";

const calls: string[] = [];

function note(name: string): string {
  calls.push(name);
  return name;
}

function calledSince(count: number): readonly string[] {
  return calls.slice(count);
}

/** Waits by the program's timers, fake ones too. */
async function takeTime(durationMs: number): Promise<string> {
  await new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
  return `took ${durationMs}`;
}

test("the function itself is called, in this process: its state is the program's", async () => {
  await using executor = new InlineTaskExecutor();
  const before = calls.length;
  assert.equal(await executor.submit(note, "here"), "here");
  assert.deepEqual(calledSince(before), ["here"]);
  assert.equal(await executor.submit(processId), process.pid);
  assert.equal((await executor.submit(processId).started).id, process.pid);
});

test("a spy in an object of a module is called by the function, by reference and by value", async () => {
  await using executor = new InlineTaskExecutor();
  const spy = mock.method(printer, "print", (page: string) => `spied ${page}`);
  try {
    assert.equal(await executor.submit(printTwice, "a"), "spied a spied a");
    assert.equal(await executor.submit((page: string) => printer.print(page), "b"), "spied b");
    assert.deepEqual(
      spy.mock.calls.map(({ arguments: [page] }) => page),
      ["a", "a", "b"],
    );
  } finally {
    spy.mock.restore();
  }
});

test("a function that can't travel is refused as it would be for a worker, one of mock.fn among them", async () => {
  await using executor = new InlineTaskExecutor();
  const spy = mock.fn(add);
  await assert.rejects(executor.submit(spy, 1, 2), FunctionNotPicklableError);
  assert.equal(spy.mock.callCount(), 0);
  const socket = new WeakRef({});
  const future = executor.submit(() => socket);
  await assert.rejects(future, (error) => error instanceof FunctionNotPicklableError && /socket/.test(error.message));
  await assert.rejects(
    executor.submit((given: unknown) => given, Promise.resolve()),
    NotSerializableError,
  );
});

test("code that takes a ProcessTaskPoolExecutor takes it, too", async () => {
  await using executor = new InlineTaskExecutor();
  const run = (given: ProcessTaskPoolExecutor): Promise<number> => given.createProcessTask(add, 1, 2);
  assert.equal(await run(executor), 3);
  assert.ok(executor instanceof ProcessTaskPoolExecutor);
  assert.deepEqual([executor.runningTasks, executor.stats().workers], [[], []]);
  await executor.warmUp();
});

test("without autoRun, tasks begin in runNext and runAll alone, one after the other", async () => {
  await using executor = new InlineTaskExecutor({ autoRun: false });
  const before = calls.length;
  const futures = ["a", "b", "c"].map((name) => executor.submit(note, name));
  await new Promise(setImmediate);
  assert.deepEqual(calledSince(before), []);
  assert.equal(await executor.runNext(), true);
  assert.deepEqual([calledSince(before), futures[0]?.done, futures[1]?.done], [["a"], true, false]);
  const failing = executor.submit(() => {
    throw new Error("no");
  });
  failing.catch(() => {});
  assert.equal(await executor.runAll(), 3);
  assert.deepEqual(calledSince(before), ["a", "b", "c"]);
  await assert.rejects(failing, /no/);
  assert.deepEqual([await executor.runNext(), await executor.runAll()], [false, 0]);
});

test("runAll runs what is submitted when a task has ended, and a shutdown what waits", async () => {
  const executor = new InlineTaskExecutor({ autoRun: false });
  const both = (async () => {
    const first = await executor.submit(takeTime, 1);
    return [first, await executor.submit(add, 1, 2)];
  })();
  assert.equal(await executor.runAll(), 2);
  assert.deepEqual(await both, ["took 1", 3]);
  const waiting = [executor.submit(add, 1, 2), executor.submit(add, 3, 4)];
  await executor.shutdown();
  assert.deepEqual(await Promise.all(waiting), [3, 7]);
});

test("one task runs at a time by default; with maxWorkers, async ones take turns", async () => {
  for (const maxWorkers of [undefined, 2]) {
    await using executor = new InlineTaskExecutor({ maxWorkers });
    const before = calls.length;
    const twice = async (name: string): Promise<void> => {
      note(`${name} begins`);
      await new Promise(setImmediate);
      note(`${name} ends`);
    };
    // Its function captures what lies around it, so it is a copy in a worker; here it is itself.
    await Promise.all([executor.submit(twice, "a"), executor.submit(twice, "b")]);
    const inTurn = ["a begins", "a ends", "b begins", "b ends"];
    const mixed = ["a begins", "b begins", "a ends", "b ends"];
    assert.deepEqual(calledSince(before), maxWorkers === 2 ? mixed : inTurn);
  }
});

test("with fake timers, time limits and tasks go by these alone", async () => {
  await using executor = new InlineTaskExecutor({ autoRun: false, graceMs: 100 });
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const slow = executor.submit(takeTime, 60_000);
    const late = executor.with({ queueTimeoutMs: 1000 }).submit(add, 1, 2);
    late.catch(() => {});
    const ran = executor.runNext();
    mock.timers.tick(59_999);
    await new Promise(setImmediate);
    assert.deepEqual([slow.done, late.done], [false, true]);
    mock.timers.tick(1);
    assert.equal(await ran, true);
    assert.equal(await slow, "took 60000");
    await assert.rejects(late, QueueTimeoutError);

    const limited = executor.with({ timeoutMs: 5000 }).submit(takeTime, 60_000);
    limited.catch(() => {});
    const rest = executor.runAll();
    mock.timers.tick(5000);
    await new Promise(setImmediate);
    assert.equal(limited.done, false, "it has its grace period");
    mock.timers.tick(100);
    await rest;
    await assert.rejects(limited, TaskTimeoutError);

    const retried = executor.with({ retries: { limit: 1, backoffMs: 3000 } }).submit((): void => {
      throw new RangeError("again");
    });
    retried.catch(() => {});
    assert.equal(await executor.runNext(), true);
    assert.equal(retried.done, false);
    mock.timers.tick(3000);
    assert.equal(await executor.runNext(), true);
    await assert.rejects(retried, RangeError);
  } finally {
    mock.timers.reset();
  }
});

test("currentTask() is that of each task, also of those that take turns", async () => {
  await using executor = new InlineTaskExecutor({ maxWorkers: 2 });
  const tell = async (): Promise<string[]> => {
    const first = currentTask().name;
    await new Promise(setImmediate);
    return [first, currentTask().name];
  };
  const named = ["x", "y"].map((name) => executor.with({ name }).submit(tell));
  assert.deepEqual(await Promise.all(named), [
    ["x", "x"],
    ["y", "y"],
  ]);
  assert.equal(currentTask().name, "");
});

test("a report reaches onProgress at once, without a timer", async () => {
  await using executor = new InlineTaskExecutor({ autoRun: false });
  const before = calls.length;
  const view = executor.with({ onProgress: (value: string) => note(`heard ${value}`) });
  const future = view.submit(() => {
    for (const step of ["one", "two"]) {
      currentTask().report(step);
      note(`said ${step}`);
    }
  });
  await executor.runAll();
  await future;
  assert.deepEqual(calledSince(before), ["heard one", "said one", "heard two", "said two"]);
});

test("a task that is cancelled and goes on settles nothing twice", async () => {
  await using executor = new InlineTaskExecutor({ graceMs: 0 });
  let finish: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    finish = resolve;
  });
  Object.assign(globalThis, { asynccpuGate: gate });
  const future = executor.submit(async () => {
    await (Reflect.get(globalThis, "asynccpuGate") as Promise<void>);
    return "too late";
  });
  await future.started;
  future.cancel();
  await assert.rejects(future, CancelledError);
  finish();
  assert.equal(await executor.submit(add, 1, 2), 3);
  Reflect.deleteProperty(globalThis, "asynccpuGate");
});

test("wrong options are refused", () => {
  assert.throws(() => new InlineTaskExecutor({ autoRun: "no" as never }), InvalidOptionError);
  assert.throws(() => new InlineTaskExecutor({ initializer: add } as never), InvalidOptionError);
  assert.throws(() => new InlineTaskExecutor({ maxWorkers: 0 }), InvalidOptionError);
});

test("a retry goes before what waits, as with processes", async () => {
  await using executor = new InlineTaskExecutor({ autoRun: false });
  const before = calls.length;
  const failing = executor.with({ retries: { limit: 1 } }).submit((): void => {
    note("failing");
    if (calledSince(before).length === 1) throw new Error("not yet");
  });
  const other = executor.submit(note, "other");
  await executor.runAll();
  await Promise.all([failing, other]);
  assert.deepEqual(calledSince(before), ["failing", "failing", "other"]);
});
