/** What of the variables in a worker belongs to one function, one module or one worker alone. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { FORMS } from "../testlibraries/state-programs.js";
import { FunctionStore } from "../../src/subprocess/task/function-store.js";
import { pickleFunction } from "../../src/pickle/pickle-function.js";
import { StatePrograms } from "../testlibraries/state-programs.js";

const programs = new StatePrograms();
after(() => programs[Symbol.dispose]());

for (const form of FORMS) {
  describe(`in a program of the form ${form}`, () => {
    test("what a function was made with stays its own, and what it shares with the module is shared", () => {
      const found = programs.find(form, {
        declarations: `
          let total = 0;
          function makeCounter(step) { let count = 0; const next = () => { total += step; return (count += step); }; return () => next(); }
          function makeBox() { class Box { value = 1; } registerClass(Box); return Box; }`,
        body: `
          const [one, ten] = [makeCounter(1), makeCounter(10)];
          found.counters = [await run(one), await run(one), await run(ten), await run(one), await run(() => total)];
          let local = 0;
          const bump = () => { local += 1; total += 100; return local; };
          found.local = [await run(() => [bump(), bump(), local, total]), await run(() => [local, total])];
          const Box = makeBox();
          found.box = [await run((box) => box instanceof Box, new Box()), (await run(() => new Box())) instanceof Box];`,
      });
      assert.deepEqual(found, {
        counters: [1, 2, 10, 3, 13],
        local: [
          [1, 2, 2, 213],
          [0, 213],
        ],
        box: [true, true],
      });
    });
  });
}

test("each module has variables of its own, and what a worker imports has its own", () => {
  programs.write({
    "other.mjs": `
      let count = 0;
      export const makeRaise = () => () => (count += 1);
      export const makeRead = () => () => count;
      export function read() { return count; }`,
  });
  const found = programs.find("mjs", {
    declarations: `
      import { makeRaise, makeRead, read } from "./other.mjs";
      let count = 100;`,
    body: `
      found.other = [await run(makeRaise()), await run(makeRaise()), await run(makeRead())];
      found.own = [await run(() => ++count), await run(() => count)];
      found.imported = await run(read);`,
  });
  assert.deepEqual(found, { other: [1, 2, 2], own: [101, 101], imported: 0 });
});

test("a worker that takes the place of another begins again", () => {
  const found = programs.find("mjs", {
    declarations: `
          let count = 0;
          const seen = [];
          function raise() { seen.push(count); return ++count; }`,
    body: `
          found.before = [await run(raise), await run(raise)];
found.after = [await run(raise), await run(() => [count, seen.length])];
          const error = await run(() => process.exit(3)).exception();
          found.replaced = [error.code, await run(raise), await run(() => seen.length)];`,
  });
  assert.deepEqual(found, {
    before: [1, 2],
    after: [3, [3, 3]],
    replaced: ["ASYNCCPU_WORKER_CRASHED", 1, 1],
  });
});

const config = { level: 1 };
const readLevel = (): number => config.level;

/** Refuses to be evaluated while there is such a global. */
class Fragile {
  static readonly isWhole = !Reflect.has(globalThis, "asynccpuTestBreaks");
  static {
    if (!Fragile.isWhole) throw new RangeError("broken");
  }
}

test("a function that can't be built leaves no variable as it wanted it", async () => {
  const store = new FunctionStore();
  store.add(1, pickleFunction(readLevel).payload);
  assert.equal((await store.load(1))(), 1);
  config.level = 2;
  store.add(2, pickleFunction(() => [config.level, Fragile.isWhole]).payload);
  Reflect.set(globalThis, "asynccpuTestBreaks", true);
  await assert.rejects(async () => await store.load(2), RangeError);
  assert.equal((await store.load(1))(), 1);
  Reflect.deleteProperty(globalThis, "asynccpuTestBreaks");
  assert.deepEqual((await store.load(2))(), [2, true]);
  assert.equal((await store.load(1))(), 1);
});

let raised = 0;
const raises: number[] = [];
function raise(): number {
  raises.push(raised);
  return ++raised;
}

test("a function that was forgotten and is sent again finds the variables that it left", async () => {
  const store = new FunctionStore();
  const { payload } = pickleFunction(raise);
  store.add(1, payload);
  const first = await store.load(1);
  assert.deepEqual([first(), first()], [1, 2]);
  store.forget(1);
  store.add(2, payload);
  const again = await store.load(2);
  assert.equal(again, first);
  assert.equal(again(), 3);
  store.add(3, pickleFunction(() => [raised, raises.length]).payload);
  assert.deepEqual((await store.load(3))(), [3, 3]);
  assert.deepEqual([raised, raises.length], [0, 0]);
});

test("what a task submits in its turn sees an object that the program has changed since", () => {
  const found = programs.find("mjs", {
    declarations: `
      const table = [1];
      const makeReader = (list) => () => list.length;
      const list = [1];
      const read = makeReader(list);
      let nested;
      const inner = () => [table.length, read()];
      async function outer(isLast) {
        nested ??= new ProcessTaskPoolExecutor({ maxWorkers: 1 });
        const lengths = await nested.createProcessTask(inner);
        if (isLast) await nested.shutdown();
        return lengths;
      }`,
    body: `
      found.before = await run(outer);
      found.again = await run(outer);
      table.push(2);
      list.push(3);
      found.after = await run(outer, true);`,
  });
  assert.deepEqual(found, { before: [1, 1], again: [1, 1], after: [2, 2] });
});

test("a class that a function has made is one in a worker, whichever variables lead to it", () => {
  const found = programs.find("mjs", {
    declarations: `
      const load = () => { class Scaled { value = 1; } return { Scaled }; };
      const { Scaled } = load();
      class Sub extends Scaled {}
      const kinds = [Scaled, load().Scaled];`,
    body: `
      found.sub = await run(() => new Sub().value);
      found.scaled = await run(() => new Scaled().value);
      found.both = await run(() => [new Sub() instanceof Scaled, kinds[0] === Scaled, new Sub() instanceof kinds[1]]);
      kinds.push(1);
      found.replaced = await run(() => [kinds.length, kinds[0] === Scaled, new Sub() instanceof kinds[0]]);`,
  });
  assert.deepEqual(found, { sub: 1, scaled: 1, both: [true, true, false], replaced: [3, true, true] });
});
