import assert from "node:assert/strict";
import { AssertionError } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";

import { InlineTaskExecutor } from "asynccpu/testing";
import { InvalidOptionError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { assertNothingLeft } from "asynccpu/testing";
import { createSharedArray } from "asynccpu";
import { disposeSharedArray } from "asynccpu";
import { sharedMemoryOf } from "asynccpu";

import { add } from "../../fixtures/tasks.js";
import { hangForEver } from "../../fixtures/tasks.js";

/** What it says is left at once. */
async function left(): Promise<string> {
  try {
    await assertNothingLeft({ deadlineMs: 0 });
    return "";
  } catch (error) {
    assert.ok(error instanceof AssertionError);
    return error.message;
  }
}

test("processes and unfinished tasks are named until the executor was shut down", async () => {
  await assertNothingLeft();
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 0, cancelTasksWhenShutdown: true });
  await executor.submit(add, 1, 2);
  const pid = executor.stats().workers[0]?.pid ?? 0;
  assert.match(await left(), new RegExp(`\\n- process ${pid} \\(.*worker\\.cjs`));
  assert.doesNotMatch(await left(), /tasks that have not ended/);
  const future = executor.submit(hangForEver);
  future.catch(() => {});
  await future.started;
  assert.match(await left(), /1 executor\(s\) with tasks that have not ended/);
  await executor.shutdown();
  await assertNothingLeft();
});

test("tasks of an inline executor are named, those that run and those that wait", async () => {
  const executor = new InlineTaskExecutor({ autoRun: false, cancelTasksWhenShutdown: true });
  const futures = [executor.submit(add, 1, 2), executor.submit(add, 3, 4)];
  for (const future of futures) future.catch(() => {});
  assert.match(await left(), /a task that waits, of an InlineTaskExecutor\n.*a task that waits/);
  await executor.shutdown();
  assert.equal(await left(), "");
});

test("shared arrays count until they are disposed, or nobody has them", async (t) => {
  const array = createSharedArray(Float64Array, 8);
  if (sharedMemoryOf(array) === undefined) {
    t.skip("there is no shared memory here");
    return;
  }
  assert.match(await left(), /1 shared array/);
  disposeSharedArray(array);
  await assertNothingLeft();
});

test("other child processes of the program are none of its business", async (t) => {
  if (process.platform !== "linux") {
    t.skip("the environment of a process is read on Linux alone");
    return;
  }
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  await assertNothingLeft();
  child.kill("SIGKILL");
  await once(child, "exit");
});

test("wrong options are refused", async () => {
  await assert.rejects(assertNothingLeft({ deadlineMs: -1 }), InvalidOptionError);
  await assert.rejects(assertNothingLeft({ deadline: 1 } as never), InvalidOptionError);
});
