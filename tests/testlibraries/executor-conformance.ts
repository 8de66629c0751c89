/**
 * The suite that every executor passes: each line of the table in docs/api.md ("Which executor does what") that says
 * "the same" has a test here.
 */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { FunctionNotPicklableError } from "asynccpu";
import { InvalidOptionError } from "asynccpu";
import { NotAFunctionError } from "asynccpu";
import { NotSerializableError } from "asynccpu";
import { createSharedArray } from "asynccpu";
import { disposeSharedArray } from "asynccpu";
import { moduleTask } from "asynccpu";
import { sharedMemoryOf } from "asynccpu";
import type { TaskExecutor } from "asynccpu";

import { OutOfPaperError } from "../fixtures/conformance-tasks.js";
import { applyTo } from "../fixtures/conformance-tasks.js";
import { readAll } from "../fixtures/conformance-tasks.js";
import { waitForSignal } from "../fixtures/conformance-tasks.js";
import { describeLogs } from "./executor-conformance-logs.js";
import { describeEnding } from "./executor-conformance-ends.js";
import { add } from "../fixtures/tasks.js";
import { addLater } from "../fixtures/tasks.js";
import { appendTo } from "../fixtures/conformance-tasks.js";
import { failWithCause } from "../fixtures/conformance-tasks.js";
import { failAtTwo } from "../fixtures/conformance-tasks.js";
import { keep } from "../fixtures/conformance-tasks.js";
import { makeFunction } from "../fixtures/conformance-tasks.js";
import { makePair } from "../fixtures/conformance-tasks.js";
import { makeStream } from "../fixtures/conformance-tasks.js";
import { readStorage } from "../fixtures/conformance-tasks.js";
import { reportFunction } from "../fixtures/conformance-tasks.js";
import { setFirst } from "../fixtures/conformance-tasks.js";
import { sizeOf } from "../fixtures/conformance-tasks.js";
import { tellName } from "../fixtures/conformance-tasks.js";
import { throwFive } from "../fixtures/conformance-tasks.js";
import { reportEach } from "../fixtures/conformance-tasks.js";
import type { MakeExecutor } from "./executor-conformance-ends.js";

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

/** Where kinds of executors differ. */
export interface ExecutorTraits {
  /** Whether code and live values go to where tasks run; else only the name of an export does. */
  readonly isNear: boolean;
  /** Whether what tasks log arrives in a queue. */
  readonly hasLogs: boolean;
}

/** Runs the suite on executors of one kind. */
export function describeExecutor(kind: string, make: MakeExecutor, traits: ExecutorTraits): void {
  describeEnding(kind, make);
  if (traits.hasLogs) describeLogs(kind, make);
  const executor = make();
  after(() => executor.shutdown());

  describe(`${kind}: calls`, () => {
    test("createProcessTask and submit run sync and async functions", async () => {
      assert.equal(await executor.createProcessTask(add, 1, 2), 3);
      assert.equal(await executor.submit(addLater, 3, 4), 7);
    });

    test("a function is not called in the turn in which it is submitted", async () => {
      const future = executor.submit(add, 1, 2);
      assert.deepEqual([future.done, future.running, future.cancelled], [false, false, false]);
      assert.equal(await future, 3);
      assert.deepEqual([future.done, future.running, future.cancelled], [true, false, false]);
    });

    test("arguments are copied at the call, results when the task ends; both keep their kinds", async () => {
      const list = [7];
      const future = executor.submit(appendTo, list);
      list.push(8);
      assert.deepEqual(await future, [7, 1]);
      assert.deepEqual(list, [7, 8]);
      const values = [
        new Map([[1, new Date(5)]]),
        Buffer.from("a"),
        3n,
        new RangeError("r"),
        Buffer.alloc(300_000, 1),
      ];
      const kept = await executor.submit(keep, values);
      assert.deepEqual(kept, values);
      assert.notEqual(kept, values);
      const pair = await executor.submit(makePair);
      assert.equal(pair[0], pair[1]);
    });

    test("what can't be sent is refused: promises, values, functions with what they capture", async () => {
      const socket = new WeakRef({});
      await assert.rejects(executor.submit(keep, { socket }), NotSerializableError);
      await assert.rejects(
        executor.submit(() => socket),
        FunctionNotPicklableError,
      );
      await assert.rejects(executor.submit(makeFunction), NotSerializableError);
      await assert.rejects(executor.submit(7 as never), NotAFunctionError);
      await assert.rejects(executor.submit(addLater(1, 2) as never), { code: "ASYNCCPU_PROMISE_PASSED" });
    });

    test("errors keep class, message, properties and cause, and show where the task was submitted", async () => {
      const error = await executor.submit(failWithCause, 2).exception();
      assert.ok(error instanceof OutOfPaperError);
      assert.deepEqual([error.name, error.message, error.tray], ["OutOfPaperError", "Tray 2 is empty.", 2]);
      assert.ok(error.cause instanceof RangeError);
      assert.match(error.stack ?? "", /failWithCause[^]*submitted from[^]*executor-conformance/);
      assert.equal(await executor.submit(throwFive).exception(), 5);
    });

    test("with() names a task, and refuses wrong options", async () => {
      assert.equal(await executor.with({ name: "n" }).submit(tellName), "n");
      assert.equal(await executor.createProcessTask(tellName), "tellName");
      assert.throws(() => executor.with({ timeoutMs: 0 }), InvalidOptionError);
      assert.throws(() => executor.with({ timeout: 5 } as never), InvalidOptionError);
    });
  });

  describe(`${kind}: maps`, () => {
    test("map gives results in the order of the items, in chunks, too", async () => {
      const items = Array.from({ length: 12 }, (_, index) => index);
      const sums = items.map((item) => item + 1);
      const ones = items.map(() => 1);
      assert.deepEqual(await collect(executor.map(add, items, ones)), sums);
      assert.deepEqual(await collect(executor.with({ chunkSize: 5 }).map(addLater, items, ones)), sums);
    });

    test("mapUnordered gives all results, and a map that goes on tells of each item what came of it", async () => {
      const items = [1, 2, 3, 4, 5];
      const sums = await collect(executor.mapUnordered(add, items, items));
      assert.deepEqual(
        sums.toSorted((a, b) => a - b),
        [2, 4, 6, 8, 10],
      );
      for (const chunkSize of [1, 3]) {
        const view = executor.with({ onError: "continue", chunkSize });
        const outcomes = await collect(view.map(failAtTwo, items));
        assert.deepEqual(
          outcomes.map(({ index, item, status }) => [index, item, status]),
          items.map((item, index) => [index, item, item === 2 ? "rejected" : "fulfilled"]),
        );
        assert.ok(outcomes[1]?.status === "rejected" && outcomes[1].reason instanceof OutOfPaperError);
      }
    });

    test("map is lazy, ends with the first failure, and can be left", async () => {
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

  describe(`${kind}: progress`, () => {
    test("reports reach onProgress and future.progress in order, before the result, as copies", async () => {
      const events: unknown[] = [];
      const view = executor.with({ onProgress: (value, { skipped }) => events.push([value, skipped]) });
      const future = view.submit(reportEach, [1, { two: 2 }, "three"]);
      const heard = collect(future.progress);
      events.push(await future);
      assert.deepEqual(events, [[1, 0], [{ two: 2 }, 0], ["three", 0], 3]);
      assert.deepEqual(await heard, [1, { two: 2 }, "three"]);
      const refused = executor.submit(reportFunction);
      await assert.rejects(refused, NotSerializableError);
    });

    test("a task whose reports nobody awaits goes on", async () => {
      assert.equal(
        await executor.submit(
          reportEach,
          Array.from({ length: 1000 }, (_, index) => index),
        ),
        1000,
      );
    });
  });

  if (traits.isNear) describeNear(kind, executor);
  describe(`${kind}: what goes beside values`, () => {
    test("transferred buffers are given away", async () => {
      const buffer = new ArrayBuffer(200_000);
      assert.equal(await executor.with({ transfer: [buffer] }).submit(sizeOf, buffer), 200_000);
      assert.equal(buffer.byteLength, 0);
    });

    test("moduleTask names a function by its module", async () => {
      const fn = moduleTask<typeof add>(new URL("../fixtures/conformance-exports.js", import.meta.url), "add");
      assert.equal(await executor.submit(fn, 1, 2), 3);
    });

    test("a task has nothing of the asynchronous context of its submission", async () => {
      const storage = new AsyncLocalStorage<string>();
      globalThis[STORAGE] = storage;
      const future = storage.run("request", () => executor.submit(readStorage, STORAGE));
      assert.notEqual(await future, "request");
    });
  });
}

/** What goes no further than to another process. */
function describeNear(kind: string, executor: TaskExecutor): void {
  describe(`${kind}: what goes to this machine alone`, () => {
    test("functions go with what they capture", async () => {
      const factor = 3;
      const multiply = (value: number): number => value * factor;
      assert.equal(await executor.submit(multiply, 5), 15);
    });

    test("streams, signals and functions among the arguments, and streams of results", async () => {
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
      let text = "";
      for await (const chunk of await executor.submit(makeStream)) text += Buffer.from(chunk).toString();
      assert.equal(text, "123");
    });

    test("shared arrays are shared", async () => {
      const shared = createSharedArray(Float64Array, 4);
      const isShared = sharedMemoryOf(shared) !== undefined;
      await executor.submit(setFirst, shared);
      assert.equal(shared[0], isShared ? 5 : 0);
      disposeSharedArray(shared);
    });
  });
}
