import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import path from "node:path";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";

import { CancelledError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";

import { add } from "../../fixtures/tasks.js";
import { hangForEver } from "../../fixtures/tasks.js";
import { processId } from "../../fixtures/tasks.js";
import { spinForEver } from "../../fixtures/tasks.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

test("a shutdown waits for every task that was taken, queued ones too, and for the processes", async () => {
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const futures = Array.from({ length: 20 }, (_, i) => executor.submit(add, i, 1));
  const pid = executor.submit(processId);
  await executor.shutdown();
  assert.ok(futures.every(({ done }) => done));
  assert.deepEqual(
    await Promise.all(futures),
    futures.map((_, i) => i + 1),
  );
  assert.equal(isRunning(await pid), false);
});

test("cancelFutures cancels what waits; what runs goes on to its end", async () => {
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const running = executor.submit(async () => {
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    return "finished";
  });
  await running.started;
  const waiting = executor.submit(add, 1, 2);
  await executor.shutdown({ cancelFutures: true });
  assert.equal(await running, "finished");
  assert.equal(waiting.cancelled, true);
});

test("wait: false returns at once, and the work is still done", async () => {
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const future = executor.submit(add, 1, 2);
  await executor.shutdown({ wait: false });
  assert.equal(future.done, false);
  assert.equal(await future, 3);
  await executor.shutdown();
});

test("cancelTasksWhenShutdown ends tasks that are busy, asleep or waiting", async () => {
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, cancelTasksWhenShutdown: true, graceMs: 200 });
  const busy = executor.createProcessTask(spinForEver);
  const asleep = executor.createProcessTask(hangForEver);
  const waiting = executor.createProcessTask(add, 1, 2);
  const pids = [(await busy.started).id, (await asleep.started).id];
  assert.deepEqual(new Set(executor.runningTasks.map(({ id }) => id)), new Set(pids));
  await executor.shutdown();
  for (const future of [busy, asleep, waiting]) {
    assert.equal(future.cancelled, true);
    await assert.rejects(future, CancelledError);
  }
  assert.deepEqual(pids.map(isRunning), [false, false]);
  assert.deepEqual(executor.runningTasks, []);
});

test("a cancelling shutdown right after the submission ends the task too", async () => {
  for (let turns = 0; turns < 8; turns += 1) {
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, cancelTasksWhenShutdown: true, graceMs: 0 });
    const future = executor.createProcessTask(spinForEver);
    for (let i = 0; i < turns * 5; i += 1) {
      // Every round lets the start get a little further.
      await new Promise(setImmediate);
    }
    await executor.shutdown();
    assert.equal(future.cancelled, true, `after ${turns * 5} turns`);
  }
});

test("a shutdown from inside a done callback, and twice at a time, ends", async () => {
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const both = new Promise<void>((resolve) => {
    executor.createProcessTask(add, 1, 2).addDoneCallback(() => {
      void Promise.all([executor.shutdown(), executor.shutdown({ cancelFutures: true })]).then(() => resolve());
    });
  });
  await both;
});

test("an executor that never ran a task shuts down at once", async () => {
  await new ProcessTaskPoolExecutor().shutdown();
  await using unused = new ProcessPoolExecutor();
  assert.ok(unused instanceof ProcessPoolExecutor);
});

test("a worker that was never ready is killed, and neither waited for nor told to end", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-shutdown-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const executor = new ProcessPoolExecutor({
    maxWorkers: 1,
    initargs: [folder],
    initializer: async (within: string) => {
      process.on("exit", () => writeFileSync(path.join(within, "told"), ""));
      writeFileSync(path.join(within, "begun"), "");
      await new Promise(() => {});
    },
  });
  const warm = executor.warmUp();
  await waitUntil(() => existsSync(path.join(folder, "begun")), { what: "the initializer" });
  await executor.shutdown();
  await assert.rejects(warm);
  assert.equal(existsSync(path.join(folder, "told")), false);
});
