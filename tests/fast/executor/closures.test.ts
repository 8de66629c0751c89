import assert from "node:assert/strict";
import { after } from "node:test";
import { test } from "node:test";

import { ProcessTaskPoolExecutor } from "asynccpu";
import { decodeInstance } from "asynccpu";
import { encodeInstance } from "asynccpu";

import { pickleFunction } from "../../../src/pickle/pickle-function.js";

// One worker, so that what one task leaves behind is there for the next.
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });

after(() => executor.shutdown());

type Collector = (item: string) => number;

function makeCollector(): Collector {
  const seen: string[] = [];
  return (item) => seen.push(item);
}

function makeCounter(): () => number {
  let count = 0;
  const next = (): number => ++count;
  return () => next();
}

function makeKeeper(): Collector {
  const keep = (item: string): number => keep.items.push(item);
  keep.items = [] as string[];
  return (item) => keep(item);
}

let total = 0;

test("closures of one factory have objects of their own in a worker, and keep them", async () => {
  for (const make of [makeCollector, makeKeeper]) {
    const [users, orders] = [make(), make()];
    assert.equal(await executor.submit(users, "a"), 1);
    assert.equal(await executor.submit(users, "b"), 2);
    assert.equal(await executor.submit(orders, "c"), 1);
    assert.equal(await executor.submit(users, "d"), 3);
  }
});

test("closures of one factory have variables of their own in a worker", async () => {
  const [first, second] = [makeCounter(), makeCounter()];
  assert.deepEqual([await executor.submit(first), await executor.submit(first)], [1, 2]);
  assert.equal(await executor.submit(second), 1);
});

async function makeFromModule(): Promise<() => number> {
  // Reason: a module that was loaded late is what is tested.
  const counter = (await import("../../fixtures/pickle-modules/counter.js")).makeCounter();
  return () => counter.next();
}

test("what a module's function has made for each of them is theirs alone, and what the program made of a module is copied", async () => {
  const [first, second] = [await makeFromModule(), await makeFromModule()];
  assert.deepEqual([await executor.submit(first), await executor.submit(first)], [1, 2]);
  assert.equal(await executor.submit(second), 1);
  // Reason: the namespace of a module that was loaded late is what is tested.
  const settings = Object.assign({}, await import("../../fixtures/pickle-modules/counter.js"));
  Object.assign(settings, { FIRST: 8080 });
  assert.equal(await executor.submit(() => settings.FIRST), 8080);
});

test("so they do beside a table of more than a thousand objects that both have", async () => {
  const table = Array.from({ length: 1200 }, (_, index) => ({ index }));
  const makeReader = (): Collector => {
    const own: string[] = [];
    const push = (item: string): number => own.push(item);
    return (item) => (table.length === 0 ? 0 : push(item));
  };
  const [first, second] = [makeReader(), makeReader()];
  const keys = [first, second, first].map((each) => pickleFunction(each).stateKey);
  assert.equal(keys[0], keys[2]);
  assert.notEqual(keys[0], keys[1]);
  assert.deepEqual([await executor.submit(first, "x"), await executor.submit(second, "x")], [1, 1]);
});

test("a getter that somebody has given a function is not run to look at it", async () => {
  const guarded = (): number => 7;
  const get = (): never => {
    throw new RangeError("nobody shall run this");
  };
  Object.defineProperty(guarded, "prototype", { get, configurable: true });
  for (let turn = 0; turn < 2; turn += 1) assert.equal(await executor.submit(guarded), 7);
});

test("functions in arguments have objects of their own, too", async () => {
  const call = (fns: readonly Collector[]): number[] => fns.map((each) => each("x"));
  assert.deepEqual(await executor.submit(call, [makeCollector(), makeCollector()]), [1, 1]);
});

test("a function made anew in every turn is one in the worker, while what it captures is the same", async () => {
  const seen: string[] = [];
  const results: number[] = [];
  for (const item of ["a", "b", "c"]) results.push(await executor.submit((each) => seen.push(each), item));
  for (let turn = 0; turn < 2; turn += 1) results.push(await executor.submit(() => ++total));
  assert.deepEqual(results, [1, 2, 3, 1, 2]);
});

test("what a hook makes of a captured instance is no other state every time", () => {
  class Point {
    readonly at: readonly number[];
    constructor(at: readonly number[]) {
      this.at = at;
    }
    static [encodeInstance]({ at }: Point): unknown {
      return { at: [...at] };
    }
    static [decodeInstance](plain: unknown): Point {
      return new Point((plain as { at: number[] }).at);
    }
  }
  const [point, another] = [new Point([1, 2]), new Point([1, 2])];
  const makeReader = (of: Point) => (): unknown => of.at;
  const { payload, stateKey } = pickleFunction(makeReader(point));
  const again = pickleFunction(makeReader(point));
  assert.deepEqual([Buffer.compare(again.payload, payload), again.stateKey], [0, stateKey]);
  assert.notEqual(pickleFunction(makeReader(another)).stateKey, stateKey);
  assert.equal(pickleFunction(makeCollector).stateKey, "");
});
