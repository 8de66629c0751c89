/** Results in the order in which they are there. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { mkdtempSync } from "node:fs";
import path from "node:path";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";

import { CancelledError } from "asynccpu";
import { InvalidOptionError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { PromisePassedError } from "asynccpu";

import { add } from "../../fixtures/tasks.js";
import { blockUntilFileExists } from "../../fixtures/tasks.js";
import { echo } from "../../fixtures/tasks.js";
import { hangForEver } from "../../fixtures/tasks.js";

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, graceMs: 0 });
const plain = new ProcessPoolExecutor({ maxWorkers: 1, graceMs: 0 });
const folder = mkdtempSync(path.join(tmpdir(), "map-unordered-"));

after(async () => {
  await Promise.all([executor.shutdown(), plain.shutdown()]);
  rmSync(folder, { recursive: true });
});

async function collect<T>(results: AsyncIterable<T>): Promise<{ all: T[]; error: unknown }> {
  const all: T[] = [];
  try {
    for await (const result of results) all.push(result);
    return { all, error: undefined };
  } catch (error) {
    return { all, error };
  }
}

function byValue(a: number, b: number): number {
  return a - b;
}

class Numbers implements Iterable<number> {
  taken = 0;
  isClosed = false;

  *[Symbol.iterator](): Generator<number> {
    try {
      for (;;) yield this.taken++;
    } finally {
      this.isClosed = true;
    }
  }
}

async function* countLater(length: number): AsyncGenerator<number> {
  for (let i = 0; i < length; i += 1) {
    await new Promise(setImmediate);
    yield i;
  }
}

test("a call that takes long holds up no others", async () => {
  const gate = path.join(folder, "gate");
  const waitAtFirst = (i: number, file: string): number => {
    if (i === 0) blockUntilFileExists(file);
    return i;
  };
  const seen: number[] = [];
  const files = Array.from({ length: 40 }, () => gate);
  for await (const result of executor.mapUnordered(waitAtFirst, Array(40).keys(), files)) {
    seen.push(result);
    if (seen.length === 39) writeFileSync(gate, "");
  }
  assert.equal(seen.at(-1), 0);
  assert.deepEqual(seen.toSorted(byValue), [...Array(40).keys()]);
});

test("each item gives one result, over sync and async iterables, whatever the size of the chunks", async () => {
  const items = [...Array(500).keys()];
  const views = [executor, plain, ...[1, 7, 1000].map((chunkSize) => executor.with({ chunkSize }))];
  for (const view of views) {
    for (const source of [items, countLater(items.length)]) {
      const { all, error } = await collect(view.mapUnordered(add, source, items));
      assert.equal(error, undefined);
      assert.deepEqual(
        all.toSorted(byValue),
        items.map((i) => i + i),
      );
    }
  }
  assert.deepEqual((await collect(executor.mapUnordered(() => 1))).all, []);
});

test("an endless source is taken as results are asked for, and closed when the loop is left", async () => {
  const numbers = new Numbers();
  const results = executor.with({ maxInFlight: 3, chunkSize: 2 }).mapUnordered((x: number) => x, numbers);
  assert.equal(numbers.taken, 0);
  let count = 0;
  for await (const result of results) {
    assert.ok(result >= 0);
    count += 1;
    assert.ok(numbers.taken <= count + 3 * 2 + 2, `${numbers.taken} taken at result ${count}`);
    if (count === 50) break;
  }
  assert.equal(numbers.isClosed, true);
});

test("return() and a signal end it at once, also while calls run, and the executor goes on", async () => {
  const makeMap = (view: Pick<typeof executor, "mapUnordered">): AsyncGenerator<number> =>
    view.mapUnordered((i: number) => (i === 0 ? Promise.resolve(0) : hangForEver()), [0, 1, 2]);
  const results = makeMap(executor);
  assert.deepEqual(await results.next(), { done: false, value: 0 });
  const waiting = results.next();
  assert.deepEqual(await results.return(undefined), { done: true, value: undefined });
  assert.deepEqual(await waiting, { done: true, value: undefined });
  const controller = new AbortController();
  const signalled = makeMap(executor.with({ signal: controller.signal }));
  assert.equal((await signalled.next()).value, 0);
  const next = signalled.next();
  controller.abort("enough");
  await assert.rejects(next, (error) => error instanceof CancelledError && error.cause === "enough");
  assert.equal(await executor.submit(add, 1, 1), 2);
});

test("a failed call ends it with its error; a failed source does after the results of the items before it", async () => {
  const failAt3 = (i: number): number => {
    if (i === 3) throw new RangeError("at 3");
    return i;
  };
  const call = await collect(executor.mapUnordered(failAt3, [0, 1, 2, 3, 4, 5]));
  assert.ok(call.error instanceof RangeError);
  assert.ok(!call.all.includes(3));
  function* failAfterTwo(): Generator<number> {
    yield 1;
    yield 2;
    throw new TypeError("no more");
  }
  const source = await collect(executor.mapUnordered(echo<number>, failAfterTwo()));
  assert.ok(source.error instanceof TypeError);
  assert.deepEqual(source.all.toSorted(byValue), [1, 2]);
});

test("what it can't run is refused at once, by its own name", () => {
  const isRefused = (option: string, text: RegExp) => (error: unknown) =>
    error instanceof InvalidOptionError && error.option === option && text.test(error.message);
  for (const view of [executor, plain, executor.with({})]) {
    assert.throws(
      () => view.mapUnordered([1, 2] as never, [1]),
      isRefused("fn", /^mapUnordered\(\) takes the function first, .*: mapUnordered\(fn, \[1, 2\]\)/),
    );
    assert.throws(
      () => view.mapUnordered(add, [1], 5 as never),
      isRefused("iterables[1]", /^mapUnordered\(\) takes iterables/),
    );
    assert.throws(() => view.mapUnordered(Promise.resolve() as never), PromisePassedError);
  }
});

test("an error shows where the map was called", async () => {
  const fail = (i: number): never => {
    throw new RangeError(`shown ${i}`);
  };
  const { error } = await collect(executor.mapUnordered(fail, [1]));
  assert.match((error as Error).stack ?? "", /submitted from[^]*map-unordered\.test/);
});
