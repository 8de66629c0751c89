import assert from "node:assert/strict";
import { after } from "node:test";
import { existsSync } from "node:fs";
import { getEventListeners } from "node:events";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";

import { CancelledError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { TaskTimeoutError } from "asynccpu";
import { currentTask } from "asynccpu";

import { add } from "../../fixtures/tasks.js";
import { hangForEver } from "../../fixtures/tasks.js";
import { processId } from "../../fixtures/tasks.js";
import { spinForEver } from "../../fixtures/tasks.js";
import { spinUntilAborted } from "../../fixtures/tasks.js";

const folder = mkdtempSync(join(tmpdir(), "asynccpu-cancel-"));
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 300 });
/** With a grace period that no test waits for: what ends here has ended by itself. */
const patient = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 100_000 });

after(async () => {
  await executor.shutdown();
  await patient.shutdown();
  rmSync(folder, { recursive: true });
});

/** Has a worker import the module of the tasks beforehand. */
const loadTasks = processId;

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

test("a task that waits never starts", async () => {
  const marker = join(folder, "must-not-exist");
  const blocker = patient.createProcessTask(spinUntilAborted);
  await blocker.started;
  const waiting = patient.createProcessTask((path: string) => writeFileSync(path, ""), marker);
  assert.equal(waiting.cancel("not needed"), true);
  await assert.rejects(waiting, (error) => error instanceof CancelledError && error.cause === "not needed");
  await assert.rejects(waiting.started, CancelledError);
  assert.deepEqual([waiting.cancelled, waiting.done, waiting.cancel()], [true, true, true]);
  blocker.cancel();
  await assert.rejects(blocker, CancelledError);
  assert.equal(await patient.submit(add, 1, 1), 2);
  assert.equal(existsSync(marker), false);
});

test("a synchronous loop sees the flag, and its worker goes on to the next task", async () => {
  const future = patient.createProcessTask(spinUntilAborted);
  const { id } = await future.started;
  future.cancel();
  await assert.rejects(future, CancelledError);
  assert.equal(await patient.submit(processId), id);
});

test("an asynchronous task sees its signal with the reason, and its finally block runs", async () => {
  const marker = join(folder, "finally");
  const future = patient.createProcessTask(async (path: string) => {
    const { signal } = currentTask();
    try {
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    } finally {
      const reason = signal.reason as CancelledError;
      writeFileSync(path, `${reason.name} ${String(reason.cause)}`);
    }
  }, marker);
  await future.started;
  assert.equal(future.running, true);
  future.cancel("enough");
  await assert.rejects(future, (error) => error instanceof CancelledError && error.cause === "enough");
  assert.equal(readFileSync(marker, "utf8"), "CancelledError enough");
});

test("a task that ignores its signal is killed after the grace period, its process gone when the future settles", async () => {
  const future = executor.createProcessTask(spinForEver);
  const { id } = await future.started;
  const begunMs = performance.now();
  future.cancel();
  await assert.rejects(future, CancelledError);
  assert.ok(performance.now() - begunMs >= 290, "it had its grace period");
  assert.equal(isRunning(id), false);
  assert.equal(await executor.submit(add, 1, 1), 2);
});

test("a grace period of 0 kills at once", async () => {
  await using pool = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 0 });
  const future = pool.createProcessTask(hangForEver);
  const { id } = await future.started;
  future.cancel();
  await assert.rejects(future, CancelledError);
  assert.equal(isRunning(id), false);
});

test("cancelling one task leaves the others undisturbed", async () => {
  await using pool = new ProcessTaskPoolExecutor({ maxWorkers: 2, graceMs: 0 });
  const busy = pool.createProcessTask(spinForEver);
  const { id } = await busy.started;
  const others = Array.from({ length: 20 }, () => pool.createProcessTask(processId));
  busy.cancel();
  await assert.rejects(busy, CancelledError);
  const pids = new Set(await Promise.all(others));
  assert.equal(pids.has(id), false);
});

test("an abort signal cancels its tasks, and no listener is left on it", async () => {
  const controller = new AbortController();
  const bound = patient.with({ signal: controller.signal });
  assert.equal(await bound.createProcessTask(add, 1, 2), 3);
  const running = bound.createProcessTask(spinUntilAborted);
  const waiting = bound.createProcessTask(add, 1, 2);
  await running.started;
  controller.abort("stop");
  await assert.rejects(running, (error) => error instanceof CancelledError && error.cause === "stop");
  await assert.rejects(waiting, CancelledError);
  await assert.rejects(bound.createProcessTask(add, 1, 2), CancelledError);
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
});

test("a getter of an argument that aborts the signal cancels its task, which isn't given away", async () => {
  for (const more of [undefined, new Map(), "a".repeat(100_000)]) {
    const controller = new AbortController();
    const argument = {
      more,
      get late(): number {
        controller.abort("late");
        return 1;
      },
    };
    const future = patient.with({ signal: controller.signal }).submit((value: unknown) => value, argument);
    await assert.rejects(future, (error) => error instanceof CancelledError && error.cause === "late");
    assert.equal(getEventListeners(controller.signal, "abort").length, 0);
  }
});

test("a timeout counts from the start of the task, not from its submission", async () => {
  const blocker = patient.createProcessTask(spinUntilAborted);
  await blocker.started;
  const limited = patient.with({ timeoutMs: 20_000 }).createProcessTask(add, 1, 2);
  const short = patient.with({ timeoutMs: 1 }).createProcessTask(add, 1, 2);
  // Longer than the short limit: it would be over now if it counted from the submission.
  await new Promise((resolve) => {
    setTimeout(resolve, 30);
  });
  blocker.cancel();
  await assert.rejects(blocker, CancelledError);
  assert.equal(await limited, 3);
  await short.exception();
});

test("a task that times out is ended with a TaskTimeoutError, spinning or not", async () => {
  const limited = executor.with({ timeoutMs: 50, name: "endless" });
  for (const endless of [spinForEver, hangForEver]) {
    const future = limited.createProcessTask(endless);
    const { id } = await future.started;
    await assert.rejects(future, (error) => {
      assert.ok(error instanceof TaskTimeoutError);
      assert.equal(error.timeoutMs, 50);
      assert.match(error.message, /"endless"/);
      assert.match(error.stack ?? "", /submitted from[^]*executor.cancel\.test/);
      return true;
    });
    assert.equal(isRunning(id), false);
  }
  const cooperative = await limited.createProcessTask(spinUntilAborted).exception();
  assert.ok(cooperative instanceof TaskTimeoutError);
});

test("a task that times out in a loop tells where it was stuck; one that waits has no such place", async () => {
  const limited = executor.with({ timeoutMs: 50 });
  await executor.submit(loadTasks);
  const stuck = await limited.createProcessTask(spinForEver).exception();
  assert.ok(stuck instanceof TaskTimeoutError);
  assert.match(stuck.taskStack, /^ +at spinForEver \(file:.*fixtures\/tasks\.ts:\d+:\d+\)$/m);
  assert.doesNotMatch(stuck.taskStack, /node:|subprocess/);
  const [, first = ""] = (stuck.stack ?? "")
    .split("\n")
    .filter((line) => !/^ +at /.test(line) || line.includes("spinForEver"));
  assert.match(first, /spinForEver/, "the stack begins with it");
  assert.match(stuck.stack ?? "", /spinForEver[^]*submitted from[^]*executor.cancel\.test/);

  const byValue = (): never => {
    const spinDeeply = (): never => {
      for (;;) {
        // Nobody asks.
      }
    };
    return spinDeeply();
  };
  const captured = await limited.createProcessTask(byValue).exception();
  assert.ok(captured instanceof TaskTimeoutError);
  assert.match(captured.taskStack, /at spinDeeply .*executor.cancel\.test[^]*at byValue .*executor.cancel\.test/);

  await executor.submit(loadTasks);
  const waiting = await limited.createProcessTask(hangForEver).exception();
  assert.ok(waiting instanceof TaskTimeoutError);
  assert.equal(waiting.taskStack, "");
});

test("outside a task, currentTask is never aborted", () => {
  assert.equal(currentTask().aborted, false);
  assert.equal(currentTask().signal.aborted, false);
  currentTask().throwIfAborted();
});

test("throwIfAborted ends a synchronous loop", async () => {
  const future = patient.createProcessTask(() => {
    for (;;) currentTask().throwIfAborted();
  });
  await future.started;
  future.cancel();
  await assert.rejects(future, CancelledError);
});

test("a signal that is aborted while the arguments are taken cancels the task, and nothing is given away", async () => {
  const controller = new AbortController();
  const given = new ArrayBuffer(8);
  const stream = new ReadableStream();
  const argument = {
    given,
    stream,
    get trigger() {
      controller.abort("enough");
      return 1;
    },
  };
  const view = executor.with({ signal: controller.signal, transfer: [given] });
  const future = view.createProcessTask((taken: unknown) => taken, argument);
  await assert.rejects(future, (error) => error instanceof CancelledError && error.cause === "enough");
  assert.deepEqual([given.byteLength, stream.locked], [8, false]);
});
