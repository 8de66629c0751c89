/** Shared memory, and data beside its message, in tasks that workers have before they need them. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { ProcessTaskPoolExecutor } from "../../src/index.js";
import { WorkerCrashedError } from "../../src/index.js";
import { poolOf } from "../testlibraries/pool-of.js";
import { countRun } from "../fixtures/memory-tasks.js";
import { countRunWithData } from "../fixtures/memory-tasks.js";
import { createSharedArray } from "../../src/index.js";
import { disposeSharedArray } from "../../src/index.js";
import { fillAndReturnSame } from "../fixtures/memory-tasks.js";
import { giveOwnOrDie } from "../fixtures/own-array-task.js";
import { spinFor } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const skip = process.platform === "linux" ? false : "shared memory is for Linux";

/** Of data beside its message, in bytes. */
const LARGE_BYTES = 1024 * 1024;

function isFilledWith(array: Uint8Array, value: number): boolean {
  return array.length === LARGE_BYTES && array.every((element) => element === value);
}

/**
 * Runs short tasks until the workers are given several at a time, as those of a function that is known to be short
 * are, and all workers that were started are up.
 */
async function waitUntilAhead(executor: ProcessTaskPoolExecutor, submit: () => Promise<unknown>): Promise<void> {
  const isAhead = async (): Promise<boolean> => {
    const futures = Array.from({ length: 40 }, submit);
    const hasSeveral = poolOf(executor).workers.some(({ tasks }) => (tasks?.all.length ?? 0) > 1);
    await Promise.all(futures);
    return hasSeveral && executor.stats().workers.every(({ state }) => state !== "starting");
  };
  await waitUntil(isAhead, { what: "tasks ahead of need" });
}

describe("shared memory and large data in tasks ahead of need", { skip }, () => {
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });

  after(() => executor.shutdown());

  test("many small tasks of two workers add to one array, each once", async () => {
    using counters = createSharedArray(Int32Array, 3001);
    await waitUntilAhead(executor, () => executor.submit(countRun, counters, 0, 0));
    counters.fill(0);
    const futures = Array.from({ length: 3000 }, (_, i) =>
      // Long ones in between have those behind them taken back.
      executor.submit(countRun, counters, i + 1, i % 500 === 99 ? 60 : 0),
    );
    const pids = new Set(await Promise.all(futures));
    assert.equal(pids.size, 2);
    assert.equal(counters[0], 3000);
    assert.ok(counters.subarray(1).every((count) => count === 1));
  });

  test("large data among small tasks arrives as it was, and nothing runs twice, although workers die", async () => {
    const count = 400;
    const deadly = 150;
    using counters = createSharedArray(Int32Array, count);
    await waitUntilAhead(executor, () => executor.submit(countRunWithData, counters, 0, undefined, false));
    counters.fill(0);
    const data = new Uint8Array(LARGE_BYTES);
    const futures = Array.from({ length: count }, (_, i) => {
      const isLarge = i % 20 === 5;
      // The same array for all: what was sent is what it held at the call.
      const future = executor.submit(
        countRunWithData,
        counters,
        i,
        isLarge ? data.fill(i / 2) : undefined,
        i === deadly,
      );
      if (i === 300) process.kill(poolOf(executor).workers[0]?.processTask?.id ?? 0, "SIGKILL");
      return future;
    });
    data.fill(255);
    const outcomes = await Promise.allSettled(futures);
    let failedCount = 0;
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === "rejected") {
        failedCount += 1;
        assert.ok(outcome.reason instanceof WorkerCrashedError, String(outcome.reason));
        assert.ok((counters[i] ?? 0) <= 1, `task ${i} ran ${counters[i]} times`);
        continue;
      }
      assert.equal(counters[i], 1, `task ${i}`);
      if (typeof outcome.value === "number") assert.equal(outcome.value, i);
      else assert.ok(isFilledWith(outcome.value, Math.floor(i / 2) + 1), `the data of task ${i}`);
    }
    assert.equal(outcomes[deadly]?.status, "rejected");
    assert.ok(failedCount <= 2, `${failedCount} tasks failed`);
  });

  test("a result is what it was when its task ended, whatever the next task does to it", async () => {
    await Promise.all(Array.from({ length: 20 }, () => executor.submit(fillAndReturnSame, 0)));
    const results = await Promise.all(Array.from({ length: 60 }, (_, i) => executor.submit(fillAndReturnSame, i)));
    assert.ok(results.every((result, i) => isFilledWith(result, i)));
  });

  test("a crash of the next task doesn't take a result in shared memory along", async () => {
    await using one = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    const give = async (isLast: boolean): Promise<number> => {
      const array = await one.submit(giveOwnOrDie, isLast);
      disposeSharedArray(array);
      return array.length;
    };
    await waitUntilAhead(one, () => give(false));
    const given = Array.from({ length: 8 }, (_, i) => give(i === 5));
    // They have left, and this process sees of the results only what a worker that goes on by itself leaves of them.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    spinFor(300);
    const outcomes = await Promise.allSettled(given);
    for (const [i, outcome] of outcomes.entries()) {
      if (i === 5) assert.ok(outcome.status === "rejected" && outcome.reason instanceof WorkerCrashedError);
      else assert.deepEqual(outcome, { status: "fulfilled", value: 10 }, `task ${i}`);
    }
  });

  test("a function whose captured array takes another one's place is there as long as a task ahead needs it", async () => {
    await using one = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    const makeReader = (first: number): (() => number) => {
      const data = createSharedArray(Uint8Array, 40 * 1024 * 1024);
      data[0] = first;
      return () => data[0] ?? 0;
    };
    // The worker keeps 64 MiB of them when it may choose.
    const readers = [makeReader(1), makeReader(2)] as const;
    for (const reader of readers) await waitUntilAhead(one, () => one.submit(reader));
    const results = await Promise.all(Array.from({ length: 10 }, (_, i) => one.submit(readers[i % 2 === 0 ? 0 : 1])));
    assert.deepEqual(results, [1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
  });
});
