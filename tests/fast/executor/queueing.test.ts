import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after } from "node:test";
import { test } from "node:test";

import { CancelledError } from "asynccpu";
import { ExecutorShutdownError } from "asynccpu";
import { InvalidOptionError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { QueueFullError } from "asynccpu";
import { QueueTimeoutError } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";
import type { ProcessFuture } from "asynccpu";

import { waitUntil } from "../../testlibraries/wait-until.js";
import { add } from "../../fixtures/tasks.js";
import { blockUntilFileExists } from "../../fixtures/tasks.js";
import { hangForEver } from "../../fixtures/tasks.js";
import { processId } from "../../fixtures/tasks.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-queueing-"));
let gateCount = 0;

after(() => rmSync(folder, { recursive: true }));

/** A task that runs until its gate is opened. */
interface Gated {
  readonly future: ProcessFuture<string>;
  open(): void;
}

/** Keeps a worker busy. Resolves when the task has begun. */
async function occupy(executor: ProcessTaskPoolExecutor): Promise<Gated> {
  gateCount += 1;
  const gate = path.join(folder, `gate-${gateCount}`);
  const future = executor.createProcessTask(blockUntilFileExists, gate);
  await future.started;
  return { future, open: () => writeFileSync(gate, "open") };
}

function noteName(file: string, name: string): void {
  appendFileSync(file, `${name} `);
}

/** In a turn that submits for longer, a task is given ahead: in one of a busy machine, too. */
const SHORT_TURN_MS = 2;

test("of the tasks that wait, those with the highest priority begin first, in their order", async () => {
  const named = [
    ["a", undefined],
    ["b", 0],
    ["low", -1],
    ["high", 1],
    ["highest", 1_000_000],
    ["c", 0],
    ["high2", 1],
  ] as const;
  let round = 0;
  const isShortTurn = async (): Promise<boolean> => {
    round += 1;
    // A new one: of the task that opens its gate nothing is known, so nothing is given behind it.
    await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    // What is used for the first time takes long.
    await executor.with({ priority: 1 }).submit(noteName, path.join(folder, "first-look"), "");
    const file = path.join(folder, `order-${round}`);
    const gated = await occupy(executor);
    const start = performance.now();
    const futures = named.map(([name, priority]) => executor.with({ priority }).submit(noteName, file, name));
    const isShort = performance.now() - start < SHORT_TURN_MS;
    gated.open();
    await Promise.all(futures);
    if (isShort) assert.equal(readFileSync(file, "utf8").trim(), "highest high high2 a b c low");
    return isShort;
  };
  await waitUntil(isShortTurn, { what: "a turn that is short" });
});

test("a map and a submission have their priority, too, and one that is cancelled is left out", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const file = path.join(folder, "map-order");
  const gated = await occupy(executor);
  const low = executor.submit(noteName, file, "low");
  const cancelled = executor.with({ priority: 3 }).submit(noteName, file, "cancelled");
  const results = executor.with({ priority: 2, maxInFlight: 3 }).map(noteName, [file, file, file], ["x", "y", "z"]);
  const first = results.next();
  const urgent = executor.with({ priority: 9 }).submit(noteName, file, "urgent");
  while (executor.stats().queuedTasks < 6) await new Promise(setImmediate);
  assert.equal(cancelled.cancel(), true);
  gated.open();
  await first;
  for await (const result of results) assert.equal(result, undefined);
  await Promise.all([low, urgent]);
  await assert.rejects(cancelled, CancelledError);
  assert.equal(readFileSync(file, "utf8").trim(), "urgent x y z low");
});

test("a task of low priority does not wait until all others are done", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const file = path.join(folder, "aging");
  const gated = await occupy(executor);
  const lowest = executor.with({ priority: -5 }).submit(noteName, file, "lowest");
  const low = executor.submit(noteName, file, "low");
  const urgent = executor.with({ priority: 5 });
  const futures = Array.from({ length: 60 }, () => urgent.submit(noteName, file, "urgent"));
  gated.open();
  await Promise.all([...futures, lowest, low]);
  const order = readFileSync(file, "utf8").trim().split(" ");
  assert.equal(order.length, 62);
  assert.ok(order.indexOf("lowest") < order.lastIndexOf("urgent"), String(order));
  assert.ok(order.indexOf("low") < order.lastIndexOf("urgent"), String(order));
});

test("a task that is given back by a dead worker is before the others of its priority again", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const file = path.join(folder, "returned");
  const gated = await occupy(executor);
  const futures = ["a", "b", "c"].map((name) => executor.with({ priority: 1 }).submit(noteName, file, name));
  const top = executor.with({ priority: 2 }).submit(noteName, file, "top");
  (await gated.future.started).sendSignal("SIGKILL");
  await assert.rejects(gated.future, WorkerCrashedError);
  await Promise.all([...futures, top]);
  assert.equal(readFileSync(file, "utf8").trim(), "top a b c");
});

test("a task that has not begun in time fails, and never runs", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const file = path.join(folder, "late");
  const gated = await occupy(executor);
  const late = executor.with({ queueTimeoutMs: 20, name: "late" }).submit(noteName, file, "late");
  await assert.rejects(late, (error) => {
    assert.ok(error instanceof QueueTimeoutError);
    assert.equal(error.code, "ASYNCCPU_QUEUE_TIMEOUT");
    assert.equal(error.queueTimeoutMs, 20);
    assert.match(error.message, /^Task "late" waited for longer than its queueTimeoutMs of 20 ms/);
    return true;
  });
  assert.equal(late.cancelled, false);
  gated.open();
  await executor.submit(noteName, file, "next");
  assert.equal(readFileSync(file, "utf8").trim(), "next");
  assert.equal(executor.stats().failedTasks, 1);
});

test("a task that has begun in time runs as long as it likes", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  await executor.submit(processId);
  const gate = path.join(folder, "begun");
  const future = executor.with({ queueTimeoutMs: 2000 }).createProcessTask(blockUntilFileExists, gate);
  await future.started;
  await new Promise((resolve) => {
    setTimeout(resolve, 2100);
  });
  writeFileSync(gate, "done");
  // What it reads may be empty: the file is there before its contents are.
  await assert.doesNotReject(future);
});

test("a task that waits in a worker, behind one that hangs, fails in time as well", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 0 });
  // A function that is known to be short has others sent behind it.
  for (let i = 0; i < 50; i += 1) await executor.submit(add, i, 1);
  const maybe = (isHanging: boolean): unknown => (isHanging ? new Promise(() => {}) : 0);
  await Promise.all(Array.from({ length: 50 }, () => executor.submit(maybe, false)));
  const hanging = executor.createProcessTask(maybe, true);
  const late = Array.from({ length: 5 }, () => executor.with({ queueTimeoutMs: 50 }).submit(maybe, false));
  for (const each of late) await assert.rejects(each, QueueTimeoutError);
  hanging.cancel();
  await assert.rejects(hanging, CancelledError);
});

test("with maxQueue the executor takes no more tasks than that beside one for each worker", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, maxQueue: 2 });
  const gated = await occupy(executor);
  const taken = [executor.submit(add, 1, 1), executor.submit(add, 2, 2)];
  await assert.rejects(executor.submit(add, 3, 3), (error) => {
    assert.ok(error instanceof QueueFullError);
    assert.equal(error.code, "ASYNCCPU_QUEUE_FULL");
    assert.equal(error.maxQueue, 2);
    assert.match(error.stack ?? "", /queueing\.test/);
    return true;
  });
  gated.open();
  assert.deepEqual(await Promise.all(taken), [2, 4]);
  assert.equal(await executor.submit(add, 4, 4), 8);
});

test("with maxQueue of 0 a task is taken when a worker may have it at once", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, maxQueue: 0 });
  const first = executor.submit(add, 1, 1);
  const second = executor.submit(add, 2, 2);
  await assert.rejects(executor.submit(add, 3, 3), QueueFullError);
  assert.deepEqual([await first, await second], [2, 4]);
});

test("room() tells as many as there is room for, in their order", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, maxQueue: 1 });
  const results: number[] = [];
  const work = async (value: number): Promise<void> => {
    await executor.room();
    results.push(await executor.submit(add, value, 0));
  };
  await Promise.all(Array.from({ length: 300 }, (_, index) => work(index)));
  assert.deepEqual(
    results,
    Array.from({ length: 300 }, (_, index) => index),
  );
});

test("room() in a loop lets the executor have all that it may, and no more", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, maxQueue: 3 });
  const futures: Promise<number>[] = [];
  let most = 0;
  for (let i = 0; i < 500; i += 1) {
    await executor.room();
    futures.push(executor.submit(add, i, 0));
    const { queuedTasks, assignedTasks, runningTasks } = executor.stats();
    most = Math.max(most, queuedTasks + assignedTasks + runningTasks);
  }
  assert.equal((await Promise.all(futures)).length, 500);
  assert.equal(most, 5);
});

test("room() of a place that nobody takes goes to the next", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, maxQueue: 0 });
  const gated = await occupy(executor);
  const waiting = [executor.room(), executor.room(), executor.room()];
  gated.open();
  await Promise.all(waiting);
});

test("room() without a limit is there at once, and fails when no task is taken any more", async () => {
  const unlimited = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  await unlimited.room();
  await unlimited.shutdown();
  await assert.rejects(unlimited.room(), ExecutorShutdownError);
  const limited = new ProcessTaskPoolExecutor({ maxWorkers: 1, maxQueue: 0 });
  const hanging = limited.submit(hangForEver);
  const waiting = limited.room();
  void limited.shutdown({ wait: false });
  await assert.rejects(waiting, ExecutorShutdownError);
  hanging.cancel();
  await assert.rejects(hanging, CancelledError);
  await limited.shutdown();
});

test("a map waits for room, rather than to fail", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, maxQueue: 1 });
  const results: number[] = [];
  const numbers = Array.from({ length: 50 }, (_, index) => index);
  for await (const sum of executor.with({ maxInFlight: 20 }).map(add, numbers, numbers)) results.push(sum);
  assert.deepEqual(
    results,
    numbers.map((number) => number * 2),
  );
});

test("a map that waits for room ends when it is left, when it is aborted, and when the executor is shut down", async () => {
  for (const way of ["left", "aborted", "shut down"]) {
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, maxQueue: 0 });
    const hanging = executor.submit(hangForEver);
    const abort = new AbortController();
    const results = executor.with({ signal: abort.signal }).map(add, [1, 2], [3, 4]);
    const next = results.next();
    // The map has come to where it waits.
    await new Promise(setImmediate);
    if (way === "left") {
      await results.return();
      assert.equal((await next).done, true);
    } else {
      const failed = assert.rejects(next, way === "aborted" ? CancelledError : ExecutorShutdownError);
      if (way === "aborted") abort.abort();
      else void executor.shutdown({ wait: false });
      await failed;
    }
    hanging.cancel();
    await assert.rejects(hanging, CancelledError);
    await executor.shutdown();
  }
});

test("options of the queue that are out of range are refused", () => {
  const refused = [
    () => new ProcessTaskPoolExecutor({ maxQueue: -1 }),
    () => new ProcessTaskPoolExecutor({ maxQueue: 1.5 }),
  ];
  for (const make of refused) assert.throws(make, InvalidOptionError);
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  for (const options of [
    { priority: 0.5 },
    { priority: Number.NaN },
    { queueTimeoutMs: 0 },
    { queueTimeoutMs: 2 ** 31 },
  ]) {
    assert.throws(() => executor.with(options), InvalidOptionError);
  }
});
