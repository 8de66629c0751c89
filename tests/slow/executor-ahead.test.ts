/** Tasks that a worker has before it needs them, and those that are taken back. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { closeSync } from "node:fs";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import { writeSync } from "node:fs";

import { CancelledError } from "../../src/index.js";
import { ProcessTaskPoolExecutor } from "../../src/index.js";
import { WorkerCrashedError } from "../../src/index.js";
import { poolOf } from "../testlibraries/pool-of.js";
import { add } from "../fixtures/tasks.js";
import { noteAndSpin } from "../fixtures/tasks.js";
import { spinFor } from "../fixtures/tasks.js";
import { spinForEver } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import { whileClockStands } from "../testlibraries/standing-clock.js";

const two = new ProcessTaskPoolExecutor({ maxWorkers: 2, graceMs: 300 });
const one = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 300 });

after(async () => {
  await two.shutdown();
  await one.shutdown();
});

/** Has every worker run the function, which makes it known as a short one. */
async function warmUp(executor: ProcessTaskPoolExecutor, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => executor.submit(spinFor, 20)));
  for (let i = 0; i < 5; i += 1) await Promise.all(Array.from({ length: 40 }, () => executor.submit(spinFor, 0)));
}

function tasksOf(executor: ProcessTaskPoolExecutor): number[] {
  return poolOf(executor).workers.map(({ tasks }) => tasks?.all.length ?? 0);
}

test("a worker has several short tasks at a time, and long or unknown ones singly", async () => {
  await warmUp(one, 1);
  const short = Array.from({ length: 200 }, () => one.submit(spinFor, 0));
  assert.ok((tasksOf(one)[0] ?? 0) > 1, `${tasksOf(one).join()} short ones`);
  await Promise.all(short);
  const unknown = whileClockStands(() => Array.from({ length: 10 }, () => one.submit(() => 5)));
  assert.deepEqual(tasksOf(one), [1]);
  await Promise.all(unknown);
});

test("a long one has one behind it while each worker will get another, and an unknown one has none", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
  await executor.warmUp();
  const most: number[] = [];
  const note = (): void => {
    most.push(...tasksOf(executor));
  };
  const tasks = whileClockStands(() => Array.from({ length: 12 }, () => executor.submit(spinFor, 30)));
  assert.deepEqual(tasksOf(executor), [1, 1], "nothing is known of the first");
  for (const future of tasks) void future.then(note, note);
  await Promise.all(tasks);
  assert.equal(Math.max(...most), 2);
  const few = whileClockStands(() => Array.from({ length: 4 }, () => executor.submit(spinFor, 30)));
  // A worker that is still asked for tasks of before gets none yet: on a busy machine the answer takes a while.
  assert.equal(Math.max(...tasksOf(executor)), 1, "whoever has nothing to do finds the others in the queue");
  await Promise.all(few);
});

test("what is given away leaves at once when no worker has room for more, and not at the end of the turn", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
  await executor.warmUp();
  const folder = mkdtempSync(join(tmpdir(), "asynccpu-ahead-"));
  try {
    const paths = Array.from({ length: 3 }, (_, number) => join(folder, String(number)));
    const tasks = paths.map((path) => executor.submit((file: string) => writeFileSync(file, ""), path));
    // This process stays in its turn meanwhile.
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const endMs = performance.now() + 30_000;
    const [first = "", second = "", third = ""] = paths;
    while (!(existsSync(first) && existsSync(second)) && performance.now() < endMs) Atomics.wait(pause, 0, 0, 1);
    assert.deepEqual([first, second, third].map(existsSync), [true, true, false]);
    await Promise.all(tasks);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

for (const [what, isKnown] of [
  ["a function that is known", true],
  ["one of which nothing is known", false],
] as const) {
  const skip = process.platform === "linux" ? false : "no journal tells how far a worker has come";

  test(`workers go on while one turn submits for long, with ${what}`, { skip }, async () => {
    await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    await executor.warmUp();
    const folder = mkdtempSync(join(tmpdir(), "asynccpu-ahead-"));
    const file = join(folder, "begun");
    writeFileSync(file, "");
    try {
      if (isKnown) for (let i = 0; i < 5; i += 1) await executor.submit(noteAndSpin, file, 1);
      const before = readFileSync(file).length;
      const countBegun = (): number => readFileSync(file).length - before;
      const pause = new Int32Array(new SharedArrayBuffer(4));
      const futures: Promise<void>[] = [];
      const endMs = performance.now() + 60_000;
      // More than are given away to begin with, and fewer outcomes than the pipe holds unread (some 170, one to a
      // write).
      while (countBegun() < 100 && performance.now() < endMs) {
        futures.push(executor.submit(noteAndSpin, file, 1));
        Atomics.wait(pause, 0, 0, 1);
      }
      assert.ok(countBegun() >= 100, `${countBegun()} of ${futures.length} have begun`);
      await Promise.all(futures);
      assert.equal(countBegun(), futures.length, "each once");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test("one behind a long one that takes longer still is had back, also while all workers are busy", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
  await executor.warmUp();
  await Promise.all(Array.from({ length: 4 }, () => executor.submit(spinFor, 30)));
  const stuck = executor.submit(spinFor, 100_000);
  const others = Array.from({ length: 8 }, () => executor.submit(spinFor, 30));
  await Promise.all(others);
  assert.equal(stuck.done, false);
  stuck.cancel();
  await assert.rejects(stuck, CancelledError);
});

for (const [count, what] of [
  [0, "leaves before a task that may take long"],
  [8, "is not held up for long by one that does, though it waits for company"],
] as const) {
  test(`an outcome ${what}`, async () => {
    await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    // Known as a task of 1 ms.
    for (let i = 0; i < 5; i += 1) await executor.submit(spinFor, 1);
    const first = executor.submit(spinFor, 1);
    const long = executor.submit(spinFor, 100_000);
    const behind = Array.from({ length: count }, () => executor.submit(spinFor, 1));
    await first;
    assert.equal(long.done, false);
    long.cancel();
    await assert.rejects(long, CancelledError);
    await Promise.all(behind);
  });
}

for (const [what, isSame] of [
  ["the same", true],
  ["another", false],
] as const) {
  test(`1,000 tasks of 1 ms don't wait behind a long one of ${what} function while another worker has nothing to do`, async (t) => {
    await warmUp(two, 2);
    const long = two.submit(isSame ? spinFor : spinForEver, 100_000);
    const begunMs = performance.now();
    const short = Array.from({ length: 1000 }, () => two.submit(spinFor, 1));
    await Promise.all(short);
    t.diagnostic(`${Math.round(performance.now() - begunMs)} ms`);
    assert.equal(long.done, false);
    long.cancel();
    await assert.rejects(long, CancelledError);
  });
}

test("each task runs once, whatever is taken back", async () => {
  await warmUp(two, 2);
  const seen: number[] = [];
  const tasks = Array.from({ length: 400 }, async (_, i) => {
    // Long ones in between have those behind them taken back.
    seen.push(await two.submit(spinFor, i % 40 === 7 ? 60 : 0, i));
  });
  await Promise.all(tasks);
  assert.deepEqual(
    seen.toSorted((a, b) => a - b),
    Array.from({ length: 400 }, (_, i) => i),
  );
  const { completedTasks, failedTasks } = two.stats();
  assert.equal(failedTasks, 0);
  assert.ok(completedTasks >= 400);
});

test("a task that waits behind a long one in its worker is cancelled at once, and never begins", async () => {
  await warmUp(one, 1);
  const long = one.submit(spinFor, 100_000);
  const held = Array.from({ length: 5 }, () => one.submit(spinFor, 0));
  await waitUntil(() => (tasksOf(one)[0] ?? 0) >= 1, { what: "the tasks in their worker" });
  for (const future of held) assert.equal(future.cancel("not needed"), true);
  const outcomes = await Promise.allSettled(held);
  assert.ok(outcomes.every((outcome) => outcome.status === "rejected" && outcome.reason instanceof CancelledError));
  assert.equal(long.done, false, "they didn't wait for the long one");
  long.cancel();
  await assert.rejects(long, CancelledError);
  assert.equal(await one.submit(add, 1, 2), 3);
});

test("a crash harms one task; those that were to run behind it run elsewhere, and those before it keep their results", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const perhapsDie = (i: number): number => {
    if (i === 150) process.kill(process.pid, "SIGKILL");
    if (i === 250) process.abort();
    return i;
  };
  for (let i = 0; i < 20; i += 1) await executor.submit(perhapsDie, 0);
  const outcomes = await Promise.allSettled(Array.from({ length: 300 }, (_, i) => executor.submit(perhapsDie, i)));
  const failed = outcomes.flatMap((outcome, i) =>
    outcome.status === "rejected" ? [[i, outcome.reason] as const] : [],
  );
  assert.deepEqual(
    failed.map(([i]) => i),
    [150, 250],
  );
  for (const [, error] of failed) assert.ok(error instanceof WorkerCrashedError);
  assert.ok(outcomes.every((outcome, i) => outcome.status === "rejected" || outcome.value === i));
});

test("without a journal the same holds", async () => {
  await using executor = new ProcessTaskPoolExecutor({
    maxWorkers: 1,
    // As a task might do: what is written there fails from then on, and everything is sent at once.
    initializer: () => closeSync(6),
  });
  const perhapsDie = (i: number): number => {
    if (i === 150) process.kill(process.pid, "SIGKILL");
    return i;
  };
  for (let i = 0; i < 20; i += 1) await executor.submit(perhapsDie, 0);
  const outcomes = await Promise.allSettled(Array.from({ length: 300 }, (_, i) => executor.submit(perhapsDie, i)));
  const failed = outcomes.flatMap((outcome, i) => (outcome.status === "rejected" ? [i] : []));
  assert.deepEqual(failed, [150]);
});

test("a cancelled task doesn't take what its successor in the same worker has started along", async () => {
  await warmUp(one, 1);
  const futures = Array.from({ length: 20 }, (_, i) => one.createProcessTask(spinFor, i === 3 ? 100_000 : 0, i));
  const third = futures[3];
  assert.ok(third !== undefined);
  await waitUntil(() => futures[2]?.done === true, { what: "the tasks before it" });
  third.cancel();
  const outcomes = await Promise.allSettled(futures);
  outcomes.forEach((outcome, i) => assert.equal(outcome.status, i === 3 ? "rejected" : "fulfilled", `task ${i}`));
});

test("a task that writes garbage to the private pipe and kills its process fails alone: the journal tells what had begun", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const perhapsRage = async (i: number): Promise<number> => {
    if (i !== 50) return i;
    writeSync(4, Buffer.alloc(64, 0xff));
    process.kill(process.pid, "SIGKILL");
    return i;
  };
  for (let i = 0; i < 20; i += 1) await executor.submit(perhapsRage, 0);
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => executor.submit(perhapsRage, i)));
  const failed = outcomes.flatMap((outcome, i) => (outcome.status === "rejected" ? [i] : []));
  assert.deepEqual(failed, process.platform === "linux" ? [50] : failed);
});
