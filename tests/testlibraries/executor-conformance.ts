/**
 * The suite that every executor passes: each line of the table in docs/api.md ("Which executor does what") that says
 * "the same" has a test here.
 */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { after } from "node:test";
import { describe } from "node:test";
import { mkdtempSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { CancelledError } from "../../src/index.js";
import { ExecutorShutdownError } from "../../src/index.js";
import { FunctionNotPicklableError } from "../../src/index.js";
import { InvalidOptionError } from "../../src/index.js";
import { NotAFunctionError } from "../../src/index.js";
import { NotSerializableError } from "../../src/index.js";
import { QueueFullError } from "../../src/index.js";
import { QueueTimeoutError } from "../../src/index.js";
import { TaskTimeoutError } from "../../src/index.js";
import { OutOfPaperError } from "../fixtures/conformance-tasks.js";
import { applyTo } from "../fixtures/conformance-tasks.js";
import { createSharedArray } from "../../src/index.js";
import { disposeSharedArray } from "../../src/index.js";
import { moduleTask } from "../../src/index.js";
import { readAll } from "../fixtures/conformance-tasks.js";
import { sharedMemoryOf } from "../../src/index.js";
import { waitForSignal } from "../fixtures/conformance-tasks.js";
import { add } from "../fixtures/tasks.js";
import { addLater } from "../fixtures/tasks.js";
import { appendTo } from "../fixtures/conformance-tasks.js";
import { currentTask } from "../../src/index.js";
import { failWithCause } from "../fixtures/conformance-tasks.js";
import { ignoreAbort } from "../fixtures/conformance-tasks.js";
import { reportEach } from "../fixtures/conformance-tasks.js";
import { succeedAt } from "../fixtures/conformance-tasks.js";
import { waitForAbort } from "../fixtures/conformance-tasks.js";
import { waitForFile } from "../fixtures/conformance-tasks.js";
import type { ProcessFuture } from "../../src/index.js";
import type { TaskExecutor } from "../../src/index.js";

/** What the suite sets, where an executor has it. */
export interface ConformanceOptions {
  readonly maxWorkers?: number;
  readonly maxQueue?: number;
  readonly graceMs?: number;
  readonly cancelTasksWhenShutdown?: boolean;
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

/** Names a global: a function can't capture an AsyncLocalStorage. */
const STORAGE = "asynccpuConformanceStorage";

declare global {
  var asynccpuConformanceStorage: AsyncLocalStorage<string> | undefined;
}

/** Runs the suite on executors of one kind. */
export function describeExecutor(kind: string, make: (options?: ConformanceOptions) => TaskExecutor): void {
  const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-conformance-"));
  let gates = 0;

  after(() => rmSync(folder, { recursive: true }));

  /** Keeps the one worker of an executor busy until its gate is opened. */
  async function occupy(executor: TaskExecutor): Promise<{ future: ProcessFuture<string>; open(): void }> {
    gates += 1;
    const gate = path.join(folder, `${gates}`);
    const future = executor.createProcessTask(waitForFile, gate);
    await future.started;
    return { future, open: () => writeFileSync(gate, "") };
  }

  describe(`${kind}: calls`, () => {
    test("createProcessTask and submit run sync and async functions, with what they capture", async () => {
      await using executor = make();
      const factor = 3;
      const multiply = (value: number): number => value * factor;
      assert.equal(await executor.createProcessTask(add, 1, 2), 3);
      assert.equal(await executor.submit(addLater, 3, 4), 7);
      assert.equal(await executor.submit(multiply, 5), 15);
    });

    test("a function is not called in the turn in which it is submitted", async () => {
      await using executor = make();
      const future = executor.submit(add, 1, 2);
      assert.deepEqual([future.done, future.running, future.cancelled], [false, false, false]);
      assert.equal(await future, 3);
      assert.deepEqual([future.done, future.running, future.cancelled], [true, false, false]);
    });

    test("arguments are copied at the call, results when the task ends; both keep their kinds", async () => {
      await using executor = make();
      const list = [7];
      const future = executor.submit(appendTo, list);
      list.push(8);
      assert.deepEqual(await future, [7, 1]);
      assert.deepEqual(list, [7, 8]);
      const values = [new Map([[1, new Date(5)]]), Buffer.from("a"), 3n, new RangeError("r"), Buffer.alloc(300_000, 1)];
      const kept = await executor.submit((given: unknown) => given, values);
      assert.deepEqual(kept, values);
      assert.notEqual(kept, values);
      const shared = { at: 1 };
      const pair = await executor.submit(() => [shared, shared]);
      assert.equal(pair[0], pair[1]);
      assert.notEqual(pair[0], shared);
    });

    test("what can't be sent is refused: promises, values, functions with what they capture", async () => {
      await using executor = make();
      const socket = new WeakRef({});
      await assert.rejects(executor.submit((given: unknown) => given, { socket }), NotSerializableError);
      await assert.rejects(executor.submit(() => socket), FunctionNotPicklableError);
      await assert.rejects(executor.submit(() => () => 1), NotSerializableError);
      await assert.rejects(executor.submit(7 as never), NotAFunctionError);
      await assert.rejects(executor.submit(addLater(1, 2) as never), { code: "ASYNCCPU_PROMISE_PASSED" });
    });

    test("errors keep class, message, properties and cause, and show where the task was submitted", async () => {
      await using executor = make();
      const error = await executor.submit(failWithCause, 2).exception();
      assert.ok(error instanceof OutOfPaperError);
      assert.deepEqual([error.name, error.message, error.tray], ["OutOfPaperError", "Tray 2 is empty.", 2]);
      assert.ok(error.cause instanceof RangeError);
      assert.match(error.stack ?? "", /failWithCause[^]*submitted from[^]*executor-conformance/);
      const thrown = await executor.submit(() => {
        // Reason: a task may throw anything.
        // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error
        throw 5;
      }).exception();
      assert.equal(thrown, 5);
    });

    test("with() names a task, and refuses wrong options", async () => {
      await using executor = make();
      const tellName = (): string => currentTask().name;
      assert.equal(await executor.with({ name: "n" }).submit(tellName), "n");
      assert.equal(await executor.createProcessTask(tellName), "tellName");
      assert.throws(() => executor.with({ timeoutMs: 0 }), InvalidOptionError);
      assert.throws(() => executor.with({ timeout: 5 } as never), InvalidOptionError);
    });
  });

  describe(`${kind}: maps`, () => {
    test("map gives results in the order of the items, in chunks, too", async () => {
      await using executor = make();
      const items = Array.from({ length: 12 }, (_, index) => index);
      const sums = items.map((item) => item + 1);
      const ones = items.map(() => 1);
      assert.deepEqual(await collect(executor.map(add, items, ones)), sums);
      assert.deepEqual(await collect(executor.with({ chunkSize: 5 }).map(addLater, items, ones)), sums);
    });

    test("map is lazy, ends with the first failure, and can be left", async () => {
      await using executor = make();
      let taken = 0;
      const endless = function* (): Generator<number> {
        for (;;) yield taken++;
      };
      for await (const result of executor.with({ maxInFlight: 2 }).map(add, endless(), endless())) {
        if (result > 4) break;
      }
      assert.ok(taken < 30, `${taken} items were taken`);
      const failing = executor.map(failWithCause, [1, 2]);
      await assert.rejects(failing.next(), OutOfPaperError);
      assert.deepEqual(await failing.next(), { done: true, value: undefined });
      assert.throws(() => executor.map(add, 5 as never, 6 as never), InvalidOptionError);
    });
  });

  describe(`${kind}: ending`, () => {
    test("a task that waits never starts when it is cancelled", async () => {
      await using executor = make({ maxWorkers: 1 });
      const busy = await occupy(executor);
      const waiting = executor.submit(writeFileSync, path.join(folder, "never"), "");
      assert.equal(waiting.cancel("enough"), true);
      await assert.rejects(waiting, (error) => error instanceof CancelledError && error.cause === "enough");
      await assert.rejects(waiting.started, CancelledError);
      assert.deepEqual([waiting.cancelled, waiting.cancel()], [true, true]);
      busy.open();
      assert.equal(await busy.future, "waitForFile");
      assert.equal(busy.future.cancel(), false);
    });

    test("a task that runs sees its signal; by cancel, by a signal of the program, by its time limit", async () => {
      await using executor = make({ graceMs: 60_000 });
      const byFuture = executor.submit(waitForAbort);
      await byFuture.started;
      assert.equal(byFuture.cancel("by the future"), true);
      await assert.rejects(byFuture, (error) => error instanceof CancelledError && error.cause === "by the future");
      const controller = new AbortController();
      const bySignal = executor.with({ signal: controller.signal }).submit(waitForAbort);
      await bySignal.started;
      controller.abort("by the signal");
      await assert.rejects(bySignal, (error) => error instanceof CancelledError && error.cause === "by the signal");
      await assert.rejects(executor.with({ signal: controller.signal }).submit(add, 1, 2), CancelledError);
      const byTime = executor.with({ timeoutMs: 20, name: "slow" }).submit(waitForAbort);
      const error = await byTime.exception();
      assert.ok(error instanceof TaskTimeoutError);
      assert.deepEqual([error.timeoutMs, byTime.cancelled], [20, false]);
      assert.match(error.message, /"slow"/);
    });

    test("a task that ignores its signal counts as ended when its grace period is over", async () => {
      await using executor = make({ maxWorkers: 1, graceMs: 20 });
      const stubborn = executor.submit(ignoreAbort);
      await stubborn.started;
      stubborn.cancel();
      await assert.rejects(stubborn, CancelledError);
      assert.equal(await executor.submit(add, 1, 2), 3);
    });

    test("shutdown lets tasks end, and takes no more; cancelFutures cancels those that wait", async () => {
      const executor = make({ maxWorkers: 1 });
      const busy = await occupy(executor);
      const waiting = executor.submit(add, 1, 2);
      const ended = executor.shutdown({ cancelFutures: true });
      await assert.rejects(waiting, CancelledError);
      await assert.rejects(executor.submit(add, 1, 2), ExecutorShutdownError);
      await assert.rejects(executor.room(), ExecutorShutdownError);
      busy.open();
      assert.equal(await busy.future, "waitForFile");
      await ended;
      await executor.shutdown();
      const other = make();
      const last = other.submit(addLater, 1, 2);
      await other.shutdown();
      assert.equal(await last, 3);
    });

    test("a cancelling shutdown ends what runs and what waits", async () => {
      const executor = make({ maxWorkers: 1, graceMs: 20, cancelTasksWhenShutdown: true });
      const running = executor.submit(waitForAbort);
      await running.started;
      const waiting = executor.submit(add, 1, 2);
      await executor[Symbol.asyncDispose]();
      await assert.rejects(running, CancelledError);
      await assert.rejects(waiting, CancelledError);
    });
  });

  describe(`${kind}: order and limits`, () => {
    test("tasks of higher priority begin first, and those of one priority in their order", async () => {
      await using executor = make({ maxWorkers: 1 });
      const busy = await occupy(executor);
      const order: string[] = [];
      const named = [["a", 0], ["low", -1], ["high", 5], ["b", 0]] as const;
      const futures = named.map(([name, priority]) => {
        const onProgress = (value: string): number => order.push(value);
        return executor.with({ priority, onProgress }).submit(reportEach, [name]);
      });
      busy.open();
      await Promise.all(futures);
      assert.deepEqual(order, ["high", "a", "b", "low"]);
    });

    test("a task that doesn't begin within its queueTimeoutMs never runs", async () => {
      await using executor = make({ maxWorkers: 1 });
      const busy = await occupy(executor);
      const late = executor.with({ queueTimeoutMs: 20 }).submit(add, 1, 2);
      await assert.rejects(late, QueueTimeoutError);
      assert.equal(late.cancelled, false);
      busy.open();
      await busy.future;
    });

    test("maxQueue refuses, and room() waits", async () => {
      await using executor = make({ maxWorkers: 1, maxQueue: 1 });
      const busy = await occupy(executor);
      const waiting = executor.submit(add, 1, 2);
      await assert.rejects(executor.submit(add, 3, 4), QueueFullError);
      const room = executor.room();
      busy.open();
      await room;
      assert.equal(await executor.submit(add, 3, 4), 7);
      assert.equal(await waiting, 3);
    });

    test("retries try a task again that fails, never more often than asked, and not without being asked", async () => {
      await using executor = make();
      const retrying = executor.with({ retries: { limit: 2, backoffMs: 1 } });
      assert.equal(await retrying.submit(succeedAt, path.join(folder, "retried"), 3), 3);
      const error = await retrying.submit(succeedAt, path.join(folder, "in-vain"), 4).exception();
      assert.ok(error instanceof OutOfPaperError);
      assert.equal(error.tray, 3);
      await assert.rejects(executor.submit(succeedAt, path.join(folder, "once"), 2), OutOfPaperError);
      const onlyFirst = (failure: unknown): boolean => failure instanceof OutOfPaperError && failure.tray === 1;
      const chosen = executor.with({ retries: { limit: 5, on: onlyFirst } });
      const last = await chosen.submit(succeedAt, path.join(folder, "chosen"), 9).exception();
      assert.equal((last as OutOfPaperError).tray, 2);
    });

    test("stats() counts tasks by what became of them", async () => {
      await using executor = make({ maxWorkers: 1 });
      await executor.submit(add, 1, 2);
      await executor.submit(failWithCause, 1).exception();
      const busy = await occupy(executor);
      const waiting = executor.submit(add, 1, 2);
      waiting.cancel();
      await waiting.exception();
      const { completedTasks, failedTasks, cancelledTasks, runningTasks, queuedTasks } = executor.stats();
      assert.deepEqual([completedTasks, failedTasks, cancelledTasks, runningTasks, queuedTasks], [1, 1, 1, 1, 0]);
      busy.open();
      await busy.future;
    });
  });

  describe(`${kind}: progress`, () => {
    test("reports reach onProgress and future.progress in order, before the result, as copies", async () => {
      await using executor = make();
      const events: unknown[] = [];
      const view = executor.with({ onProgress: (value, { skipped }) => events.push([value, skipped]) });
      const future = view.submit(reportEach, [1, { two: 2 }, "three"]);
      const heard = collect(future.progress);
      events.push(await future);
      assert.deepEqual(events, [[1, 0], [{ two: 2 }, 0], ["three", 0], 3]);
      assert.deepEqual(await heard, [1, { two: 2 }, "three"]);
      const refused = executor.submit(() => currentTask().report(() => {}));
      await assert.rejects(refused, NotSerializableError);
    });

    test("a task whose reports nobody awaits goes on", async () => {
      await using executor = make();
      assert.equal(await executor.submit(reportEach, Array.from({ length: 1000 }, (_, index) => index)), 1000);
    });
  });

  describe(`${kind}: what goes beside values`, () => {
    test("streams, signals and functions among the arguments, and streams of results", async () => {
      await using executor = make();
      const chunks = new ReadableStream<string>({
        start(controller) {
          for (const chunk of ["a", "b", "c"]) controller.enqueue(chunk);
          controller.close();
        },
      });
      assert.equal(await executor.submit(readAll, chunks), "abc");
      const factor = 3;
      assert.equal(await executor.submit(applyTo, (value: number) => value * factor, 4), 12);
      const controller = new AbortController();
      const waiting = executor.submit(waitForSignal, controller.signal);
      await waiting.started;
      controller.abort("stop");
      assert.equal(await waiting, "stop");
      const stream = await executor.submit(() => new Blob(["12", "3"]).stream());
      let text = "";
      for await (const chunk of stream) text += Buffer.from(chunk).toString();
      assert.equal(text, "123");
    });

    test("shared arrays are shared, and transferred buffers given away", async () => {
      await using executor = make();
      const shared = createSharedArray(Float64Array, 4);
      const isShared = sharedMemoryOf(shared) !== undefined;
      await executor.submit((array: Float64Array) => {
        array[0] = 5;
      }, shared);
      assert.equal(shared[0], isShared ? 5 : 0);
      disposeSharedArray(shared);
      const buffer = new ArrayBuffer(200_000);
      const size = (given: ArrayBuffer): number => given.byteLength;
      assert.equal(await executor.with({ transfer: [buffer] }).submit(size, buffer), 200_000);
      assert.equal(buffer.byteLength, 0);
    });

    test("moduleTask names a function by its module", async () => {
      await using executor = make();
      const fn = moduleTask<typeof add>(new URL("../fixtures/tasks.js", import.meta.url), "add");
      assert.equal(await executor.submit(fn, 1, 2), 3);
    });

    test("a task has nothing of the asynchronous context of its submission", async () => {
      await using executor = make();
      const storage = new AsyncLocalStorage<string>();
      globalThis[STORAGE] = storage;
      const future = storage.run("request", () =>
        executor.submit((key: string) => {
          const known: unknown = Reflect.get(globalThis, key);
          return known instanceof AsyncLocalStorage ? known.getStore() : "none";
        }, STORAGE),
      );
      assert.notEqual(await future, "request");
    });
  });
}
