/** How far a map is, in lines and by a callback. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import process from "node:process";
import { test } from "node:test";

import { InvalidOptionError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import type { MapProgressOptions } from "asynccpu";
import type { MapProgressState } from "asynccpu";

import { describe as describeState } from "../../../src/executor/map/map-progress.js";
import { drawBar } from "../../../src/executor/map/map-progress.js";
import { echo } from "../../fixtures/tasks.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, graceMs: 0 });

after(() => executor.shutdown());

/** The states that a map tells while it runs to its end, or to this many results. */
async function statesOf(
  items: Iterable<number>,
  options: Omit<MapProgressOptions, "onUpdate"> = {},
  upTo = Infinity,
): Promise<MapProgressState[]> {
  const states: MapProgressState[] = [];
  const view = executor.with({ progress: { ...options, onUpdate: (state) => states.push(state) } });
  let count = 0;
  for await (const _ of view.mapUnordered(echo<number>, items)) {
    count += 1;
    if (count === upTo) break;
  }
  return states;
}

describe("onUpdate", () => {
  test("is told how much is done, and last that the map is over", async () => {
    const states = await statesOf(Array(500).keys(), { total: 500 });
    const last = states.at(-1);
    assert.deepEqual([last?.label, last?.done, last?.failed, last?.total, last?.isOver], ["echo", 500, 0, 500, true]);
    assert.equal(states.filter(({ isOver }) => isOver).length, 1);
    assert.equal(last?.remainingMs, undefined);
    assert.ok((last?.perSecond ?? 0) > 0 && (last?.elapsedMs ?? 0) > 0);
    const counts = states.map(({ done }) => done);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
    );
  });

  test("knows the number of items of arrays and Sets, and not that of generators", async () => {
    assert.equal((await statesOf([1, 2, 3])).at(-1)?.total, 3);
    assert.equal((await statesOf(new Set([1, 2]), { label: "two" })).at(-1)?.label, "two");
    assert.equal((await statesOf(new Set([1, 2]))).at(-1)?.total, 2);
    assert.equal((await statesOf([1, 2, 3].values())).at(-1)?.total, undefined);
    const shortest: MapProgressState[] = [];
    const view = executor.with({ progress: { onUpdate: (state) => shortest.push(state) } });
    for await (const _ of view.map((a: number, b: number) => a + b, [1, 2, 3], new Set([1, 2])));
    assert.deepEqual([shortest.at(-1)?.total, shortest.at(-1)?.done], [2, 2]);
  });

  test("is told of a map that is left or fails, too, and of what has failed", async () => {
    const left = await statesOf(Array(1000).keys(), {}, 5);
    assert.deepEqual([left.at(-1)?.done, left.at(-1)?.isOver], [5, true]);
    const failAtOdd = (i: number): number => {
      if (i % 2 === 1) throw new RangeError();
      return i;
    };
    const states: MapProgressState[] = [];
    const progress = { onUpdate: (state: MapProgressState) => states.push(state) };
    const run = async (): Promise<void> => {
      for await (const _ of executor.with({ progress }).map(failAtOdd, [0, 1]));
    };
    await assert.rejects(run(), RangeError);
    assert.deepEqual([states.at(-1)?.done, states.at(-1)?.isOver], [1, true]);
    for await (const _ of executor.with({ progress, onError: "continue" }).map(failAtOdd, [0, 1, 2, 3]));
    assert.deepEqual([states.at(-1)?.done, states.at(-1)?.failed], [4, 2]);
  });

  test("is called from time to time while the map runs, and what it throws is a warning", async () => {
    const warned = new Promise<Error>((resolve) => {
      process.once("warning", resolve);
    });
    let next: () => void = () => {};
    const told = new Promise<void>((resolve) => {
      next = resolve;
    });
    async function* waitForTelling(): AsyncGenerator<number> {
      yield 1;
      await told;
      yield 2;
    }
    const onUpdate = ({ done, isOver }: MapProgressState): void => {
      if (done === 1 && !isOver) next();
      throw new RangeError("bad display");
    };
    const results: number[] = [];
    // Neither the map nor what tells of it keeps a program running that waits for its source.
    const keepAlive = setInterval(() => {}, 1000);
    for await (const result of executor.with({ progress: { onUpdate } }).map(echo<number>, waitForTelling())) {
      results.push(result);
    }
    clearInterval(keepAlive);
    assert.deepEqual(results, [1, 2]);
    assert.equal((await warned).message, "bad display");
  });

  test("may be async: what it is rejected with is a warning, too", async () => {
    const warnings: string[] = [];
    // Some of the test before may come here.
    const take = ({ message }: Error): void => void warnings.push(message);
    process.on("warning", take);
    const onUpdate = (): Promise<never> => Promise.reject(new RangeError("display gone"));
    for await (const _ of executor.with({ progress: { onUpdate } }).map(echo<number>, [1]));
    await waitUntil(() => warnings.includes("display gone"), { what: "the warning" });
    process.off("warning", take);
  });
});

test("without onUpdate a line on stderr tells it at the end, and nothing does without progress", async (t) => {
  const written: string[] = [];
  // Warnings of other tests may come here, too.
  t.mock.method(process.stderr, "write", (text: string) => !/^(?:files|echo):/.test(text) || written.push(text) > 0);
  for await (const _ of executor.with({ progress: true, name: "files" }).map(echo<number>, [1, 2, 3, 4]));
  assert.equal(written.length, 1);
  assert.match(written[0] ?? "", /^files: 4 of 4 \(100%\), [\d.]+\/s, \d+ s\n$/);
  for await (const _ of executor.with({ progress: false }).map(echo<number>, [1]));
  assert.equal(written.length, 1);
});

test("a line has the count, the failures, the rate, the time, and what is left of it", () => {
  const state = { label: "files", done: 30, failed: 2, total: 120, elapsedMs: 10_000, isOver: false };
  const line = describeState({ ...state, perSecond: 3, remainingMs: 30_000 });
  assert.equal(line, "files: 30 of 120 (25%), 2 failed, 3.0/s, 10 s, 30 s left");
  const unknown = { ...state, failed: 0, total: undefined, perSecond: 1234.5, remainingMs: undefined };
  assert.equal(describeState(unknown), "files: 30, 1235/s, 10 s");
  assert.equal(describeState({ ...unknown, elapsedMs: 600_000 }), "files: 30, 1235/s, 10 min");
});

test("a bar stands between the label, whatever is in that, and the count", () => {
  const state = { label: "$& of $$", done: 6, failed: 0, total: 12, elapsedMs: 2000, perSecond: 3, remainingMs: 2000 };
  assert.equal(
    drawBar({ ...state, isOver: false }),
    "$& of $$ [############------------] 6 of 12 (50%), 3.0/s, 2 s, 2 s left",
  );
});

test("what progress can't be is refused by its part", () => {
  const cases: [unknown, string][] = [
    ["yes", "progress"],
    [null, "progress"],
    [{ label: 5 }, "progress.label"],
    [{ total: -1 }, "progress.total"],
    [{ total: 1.5 }, "progress.total"],
    [{ onUpdate: true }, "progress.onUpdate"],
    [{ title: "files" }, "title"],
  ];
  for (const [progress, option] of cases) {
    assert.throws(
      () => executor.with({ progress: progress as never }),
      (error) => error instanceof InvalidOptionError && error.option === option,
    );
  }
});
