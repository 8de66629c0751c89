import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { test } from "node:test";

import { ProcessTaskPoolExecutor } from "asynccpu";

import { FakePlatform } from "../testlibraries/fake-platform.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";
import { add } from "../fixtures/tasks.js";
import { processId } from "../fixtures/tasks.js";
import { residentBytesOf } from "../../src/system/process/memory.js";
import { spinUntilAborted } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";

function fail(): never {
  throw new Error("as asked");
}

test("stats tell what has become of the tasks, what waits and what runs, and each worker", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  assert.deepEqual(executor.stats(), {
    queuedTasks: 0,
    assignedTasks: 0,
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
    assignedTasks: 0,
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

test("tasks that a worker was given ahead of need are not said to run", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  // By now they are known to be short, and the worker gets several.
  for (let i = 0; i < 50; i += 1) await executor.submit(add, 1, 2);
  const futures = Array.from({ length: 200 }, () => executor.submit(add, 1, 2));
  const { queuedTasks, assignedTasks, runningTasks } = executor.stats();
  assert.equal(queuedTasks + assignedTasks + runningTasks, 200);
  assert.ok(assignedTasks > 1, `${assignedTasks} are given`);
  assert.ok(runningTasks <= 1, `${runningTasks} run in one worker`);
  await Promise.all(futures);
});

test("running tasks are those of submit, map and createProcessTask, with one count for both", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 3, cancelTasksWhenShutdown: true, graceMs: 5000 });
  const created = executor.createProcessTask(spinUntilAborted);
  const submitted = executor.submit(spinUntilAborted);
  const mapped = executor.map((_item: number) => spinUntilAborted(), [1]).next();
  mapped.catch(() => {});
  await waitUntil(() => executor.runningTasks.length === 3, { what: "all three to run" });
  assert.equal(executor.stats().runningTasks, 3);
  const ids = new Set(executor.runningTasks.map(({ id }) => id));
  assert.deepEqual(ids, new Set(executor.stats().workers.map(({ pid }) => pid)));
  assert.ok(ids.has((await submitted.started).id));
  created.cancel();
  await created.exception();
  assert.equal(executor.runningTasks.length, 2);
  submitted.cancel();
  await submitted.exception();
  assert.equal(executor.stats().runningTasks, 1);
});

test(
  "the signal of a cancelling shutdown reaches what submit and map run",
  { skip: process.platform === "win32" },
  async () => {
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 3, cancelTasksWhenShutdown: true, graceMs: 5000 });
    using folder = new ProgramFolder();
    const noteSignal = (file: string): Promise<void> =>
      new Promise((resolve) => {
        process.once("SIGTERM", () => {
          writeFileSync(file, "SIGTERM");
          resolve();
        });
        writeFileSync(`${file}.ready`, "");
      });
    const files = ["created", "submitted", "mapped"].map((name) => folder.at(name));
    const [created = "", submitted = "", mapped = ""] = files;
    const outcomes = [
      executor.createProcessTask(noteSignal, created),
      executor.submit(noteSignal, submitted),
      executor.map(noteSignal, [mapped]).next(),
    ];
    for (const outcome of outcomes) outcome.catch(() => {});
    await waitUntil(() => files.every((file) => existsSync(`${file}.ready`)), { what: "all three to listen" });
    await executor.shutdown();
    assert.deepEqual(
      files.map((file) => existsSync(file)),
      [true, true, true],
    );
  },
);

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
