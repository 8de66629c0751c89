/** The part of the suite for every executor that is about ends, order and limits. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { mkdtempSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { CancelledError } from "asynccpu";
import { ExecutorShutdownError } from "asynccpu";
import { QueueFullError } from "asynccpu";
import { QueueTimeoutError } from "asynccpu";
import { TaskTimeoutError } from "asynccpu";
import type { LogQueue } from "asynccpu";
import type { ProcessFuture } from "asynccpu";
import type { TaskExecutor } from "asynccpu";

import { OutOfPaperError } from "../fixtures/conformance-tasks.js";
import { add } from "../fixtures/tasks.js";
import { addLater } from "../fixtures/tasks.js";
import { failWithCause } from "../fixtures/conformance-tasks.js";
import { ignoreAbort } from "../fixtures/conformance-tasks.js";
import { reportEach } from "../fixtures/conformance-tasks.js";
import { succeedAt } from "../fixtures/conformance-tasks.js";
import { waitForAbort } from "../fixtures/conformance-tasks.js";
import { waitForFile } from "../fixtures/conformance-tasks.js";

/** What the suite sets, where an executor has it. */
export interface ConformanceOptions {
  readonly maxWorkers?: number;
  readonly maxQueue?: number;
  readonly graceMs?: number;
  readonly cancelTasksWhenShutdown?: boolean;
  /** Receives what tasks log. */
  readonly logQueue?: LogQueue;
}

/** Makes an executor of one kind. */
export type MakeExecutor = (options?: ConformanceOptions) => TaskExecutor;

/** Runs this part of the suite. */
export function describeEnding(kind: string, make: MakeExecutor): void {
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
      const named = [
        ["a", 0],
        ["low", -1],
        ["high", 5],
        ["b", 0],
      ] as const;
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

    test("a task that is cancelled while retries.on is asked is not tried again", async () => {
      await using executor = make();
      const future: ProcessFuture<unknown> = executor
        .with({ retries: { limit: 5, on: () => future.cancel("given up") } })
        .submit(succeedAt, path.join(folder, "given-up"), 9);
      const error = await future.exception();
      assert.ok(error instanceof CancelledError);
      assert.equal(error.cause, "given up");
      assert.equal((error as { attempts?: readonly unknown[] }).attempts?.length, 1);
      const { cancelledTasks, failedTasks } = executor.stats();
      assert.deepEqual([future.cancelled, cancelledTasks, failedTasks], [true, 1, 0]);
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
}
