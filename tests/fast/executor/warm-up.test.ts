import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";

import { ExecutorShutdownError } from "asynccpu";
import { InitializerError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { WorkerStartError } from "asynccpu";

import { processId } from "../../fixtures/tasks.js";

test("a warm-up starts all workers, and the tasks run in those", async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 3 });
  assert.equal(executor.stats().workers.length, 0);
  await Promise.all([executor.warmUp(), executor.warmUp()]);
  const { workers, startedWorkers } = executor.stats();
  assert.deepEqual(
    workers.map(({ state }) => state),
    ["idle", "idle", "idle"],
  );
  assert.equal(startedWorkers, 3);
  await executor.warmUp();
  const pid = await executor.submit(processId);
  assert.ok(workers.some((worker) => worker.pid === pid));
  assert.equal(executor.stats().startedWorkers, 3);
});

test("the first two workers are started while tasks for them are submitted, and others in later turns", async () => {
  for (const [maxWorkers, expected] of [
    [1, [1, 1, 1]],
    [3, [1, 2, 2]],
  ] as const) {
    await using executor = new ProcessPoolExecutor({ maxWorkers });
    const counts = expected.map(() => {
      void executor.submit(processId);
      return executor.stats().workers.length;
    });
    assert.deepEqual(counts, expected);
  }
});

test("a warm-up fails as a task would", async () => {
  await using broken = new ProcessPoolExecutor({ maxWorkers: 2, execArgv: ["--no-such-flag"] });
  await assert.rejects(broken.warmUp(), WorkerStartError);
  await using failing = new ProcessPoolExecutor({
    maxWorkers: 2,
    initializer: () => {
      throw new Error("not today");
    },
  });
  await assert.rejects(failing.warmUp(), InitializerError);
  await assert.rejects(failing.warmUp(), InitializerError);
  const closed = new ProcessPoolExecutor({ maxWorkers: 2 });
  const warmUp = closed.warmUp();
  await Promise.all([assert.rejects(warmUp, ExecutorShutdownError), closed.shutdown()]);
  await assert.rejects(closed.warmUp(), ExecutorShutdownError);
});

test("a warm-up that nobody awaits does not end the program when the executor is shut down in its midst", async (t) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): number => unhandled.push(reason);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  const executor = new ProcessPoolExecutor({ maxWorkers: 2 });
  void executor.warmUp();
  await executor.shutdown();
  await setImmediate();
  assert.deepEqual(unhandled, []);
});
