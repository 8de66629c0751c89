/** The size of a chunk, when nobody says it. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { ProcessPoolExecutor } from "asynccpu";

import { MeasuredLimits } from "../../../src/executor/map/chunk-limits.js";
import { add } from "../../fixtures/tasks.js";
import { echo } from "../../fixtures/tasks.js";
import { spinFor } from "../../fixtures/tasks.js";

const ITEMS = 5000;

const executor = new ProcessPoolExecutor({ maxWorkers: 2, graceMs: 0 });

after(() => executor.shutdown());

/** How many tasks a map was; `sum` of its results. */
async function run(
  make: () => AsyncIterable<unknown>,
): Promise<{ readonly tasks: number; readonly results: readonly unknown[] }> {
  const before = executor.stats().completedTasks;
  const results: unknown[] = [];
  for await (const result of make()) results.push(result);
  return { tasks: executor.stats().completedTasks - before, results };
}

describe("the measured size", () => {
  const sizesOf = (callUs: (number | undefined)[]): number[] => {
    const limits = new MeasuredLimits();
    return callUs.map((us) => limits.next(us).size);
  };

  test("is one while nothing is known, and then at most doubles", () => {
    assert.deepEqual(sizesOf([undefined, undefined, 1, 1, 1, 1, 1]), [1, 1, 2, 4, 8, 16, 32]);
    assert.deepEqual(sizesOf([1]), [1]);
  });

  test("is what takes 5 ms, and falls at once", () => {
    assert.deepEqual(sizesOf([undefined, 1000, 1000, 1000, 1000]), [1, 2, 4, 5, 5]);
    assert.deepEqual(sizesOf([1, 1, 1, 20_000, 1]), [1, 2, 4, 1, 2]);
  });

  test("has a bound, and a call that takes no time is short", () => {
    const sizes = sizesOf(Array.from({ length: 15 }, () => 0));
    assert.equal(sizes.at(-1), 1000);
  });
});

describe("chunks of a map", () => {
  test("become large for short calls, and stay single for long ones", async () => {
    const items = [...Array(ITEMS).keys()];
    for (const kind of ["map", "mapUnordered"] as const) {
      const short = await run(() => executor[kind](add, items, items));
      assert.equal(short.results.length, ITEMS);
      assert.ok(short.tasks < ITEMS / 10, `${kind}: ${short.tasks} tasks`);
      const long = await run(() => executor[kind](spinFor, Array(12).fill(20), items));
      assert.deepEqual([long.tasks, long.results.length], [12, 12]);
    }
  });

  test("are single calls where `maxInFlight`, `timeoutMs` or `retries` is given, as these are for calls then", async () => {
    const items = [...Array(200).keys()];
    for (const options of [{ maxInFlight: 4 }, { timeoutMs: 60_000 }, { retries: { limit: 1 } }]) {
      const { tasks } = await run(() => executor.with(options).map(echo<number>, items));
      assert.equal(tasks, items.length, JSON.stringify(options));
    }
    const { tasks } = await run(() => executor.with({ maxInFlight: 4, chunkSize: 50 }).map(echo<number>, items));
    assert.equal(tasks, 4);
  });

  test("don't wait for an item that doesn't come", { timeout: 60_000 }, async () => {
    // Calls are known to be short by now: a chunk would take hundreds.
    for (const kind of ["map", "mapUnordered"] as const) {
      let next: () => void = () => {};
      const consumed = new Promise<void>((resolve) => {
        next = resolve;
      });
      async function* stallAfter(count: number): AsyncGenerator<number> {
        for (let i = 0; i < count; i += 1) yield i;
        await consumed;
        yield count;
      }
      const seen: number[] = [];
      for await (const result of executor[kind](echo<number>, stallAfter(333))) {
        seen.push(result);
        if (seen.length === 333) next();
      }
      assert.deepEqual(
        seen.toSorted((a, b) => a - b),
        [...Array(334).keys()],
      );
    }
  });

  test("of a source that fails behind such a wait give the results before it, then its error", async () => {
    for (const kind of ["map", "mapUnordered"] as const) {
      let next: () => void = () => {};
      const consumed = new Promise<void>((resolve) => {
        next = resolve;
      });
      async function* failLater(): AsyncGenerator<number> {
        for (let i = 0; i < 100; i += 1) yield i;
        await consumed;
        throw new RangeError("no more");
      }
      let count = 0;
      const loop = async (): Promise<void> => {
        for await (const result of executor[kind](echo<number>, failLater())) {
          assert.ok(result < 100);
          count += 1;
          if (count === 100) next();
        }
      };
      await assert.rejects(loop(), /^RangeError: no more$/);
      assert.equal(count, 100);
    }
  });

  test("are left at once while an iterable is asked for an item that never comes", async () => {
    let isClosed = false;
    async function* never(): AsyncGenerator<number> {
      try {
        for (let i = 0; i < 50; i += 1) yield i;
        await new Promise(() => {});
      } finally {
        isClosed = true;
      }
    }
    let count = 0;
    for await (const _ of executor.map(echo<number>, never())) {
      count += 1;
      if (count === 50) break;
    }
    assert.equal(count, 50);
    assert.equal(isClosed, false, "it can't be waited for");
  });

  test("have a bound in bytes", async () => {
    const blocks = Array.from({ length: 100 }, () => new Uint8Array(64 * 1024));
    const length = (block: Uint8Array): number => block.length;
    await run(() => executor.map(length, blocks));
    const { tasks, results } = await run(() => executor.map(length, blocks));
    assert.deepEqual(new Set(results), new Set([64 * 1024]));
    assert.ok(tasks >= 100 / 5, `${tasks} tasks`);
  });
});
