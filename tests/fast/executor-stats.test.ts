import assert from "node:assert/strict";
import { test } from "node:test";

import { FakePlatform } from "../testlibraries/fake-platform.js";
import { ProcessTaskPoolExecutor } from "../../src/index.js";
import { add } from "../fixtures/tasks.js";
import { processId } from "../fixtures/tasks.js";
import { residentBytesOf } from "../../src/system/process-memory.js";
import { spinUntilAborted } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";

function fail(): never {
  throw new Error("as asked");
}

test("stats tell what has become of the tasks, what waits and what runs, and each worker", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  assert.deepEqual(executor.stats(), {
    queuedTasks: 0,
    runningTasks: 0,
    completedTasks: 0,
    failedTasks: 0,
    cancelledTasks: 0,
    startedWorkers: 0,
    crashedWorkers: 0,
    workers: [],
  });
  const pid = await executor.submit(processId);
  await executor.submit(add, 1, 2);
  await executor.submit(fail).exception();
  const running = executor.with({ name: "runs" }).createProcessTask(spinUntilAborted);
  const waiting = executor.submit(add, 3, 4);
  await running.started;
  const { workers, ...counts } = executor.stats();
  assert.deepEqual(counts, {
    queuedTasks: 1,
    runningTasks: 1,
    completedTasks: 2,
    failedTasks: 1,
    cancelledTasks: 0,
    startedWorkers: 1,
    crashedWorkers: 0,
  });
  assert.equal(workers.length, 1);
  const [worker] = workers;
  assert.ok(worker !== undefined);
  assert.deepEqual([worker.pid, worker.state, worker.taskName, worker.taskCount], [pid, "busy", "runs", 4]);
  assert.ok(worker.ageMs > 0);
  if (process.platform === "linux") assert.ok((worker.residentBytes ?? 0) > 10_000_000);

  waiting.cancel();
  running.cancel();
  await running.exception();
  await executor.submit(() => process.exit(3)).exception();
  await waitUntil(() => executor.stats().crashedWorkers === 1, { what: "the crash to be counted" });
  assert.equal(await executor.submit(add, 5, 6), 11);
  const after = executor.stats();
  assert.deepEqual(
    [after.completedTasks, after.failedTasks, after.cancelledTasks, after.startedWorkers, after.runningTasks],
    [3, 2, 2, 2, 0],
  );
});

test("a task that leaks is seen in the memory of its worker", { skip: process.platform !== "linux" }, async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const leak = (): void => {
    const shared = globalThis as { leaked?: Buffer[] };
    (shared.leaked ??= []).push(Buffer.alloc(20_000_000, 1));
  };
  await executor.submit(leak);
  const before = executor.stats().workers[0]?.residentBytes ?? 0;
  for (let i = 0; i < 5; i += 1) await executor.submit(leak);
  const grown = (executor.stats().workers[0]?.residentBytes ?? 0) - before;
  assert.ok(grown > 80_000_000, `${grown} bytes more`);
});

test("the memory of a process is not known where there is no /proc, or no such process", () => {
  const fake = new FakePlatform("darwin", 10, [{ pid: 10, parentPid: 1 }]);
  assert.equal(residentBytesOf(10, fake), undefined);
  assert.equal(residentBytesOf(2 ** 30), undefined);
});
