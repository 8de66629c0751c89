import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";

import { FunctionNotPicklableError } from "../../../src/index.js";
import { NotSerializableError } from "../../../src/index.js";
import { ProcessPoolExecutor } from "../../../src/index.js";
import { createSharedArray } from "../../../src/index.js";
import { resolveReference } from "../../../src/pickle/function-reference.js";
import { Circle } from "../../fixtures/value-modules/shapes.js";
import { double } from "../../fixtures/value-modules/shapes.js";
import { giveFunctions } from "../../fixtures/value-modules/shapes.js";

const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
after(() => executor.shutdown());

class Counter {
  count = 0;

  next(): number {
    this.count += 1;
    return this.count;
  }
}

describe("a function in an argument", () => {
  it("travels as the function of a task does: by value with what it captures, or by reference", async () => {
    const factor = 3;
    const results = await executor.submit(
      (use: { readonly map: (value: number) => number; readonly list: readonly ((value: number) => number)[] }) => [
        use.map(2),
        ...use.list.map((fn) => fn(10)),
      ],
      { map: (value: number) => value * factor, list: [double, Math.sqrt] },
    );
    assert.deepEqual(results, [6, 20, Math.sqrt(10)]);
  });

  it("may be the argument itself, a Map's value, a method, async, a generator or a class", async () => {
    function* upTo(limit: number): Generator<number> {
      for (let value = 0; value < limit; value++) yield value;
    }
    const later = async (value: number): Promise<number> => value + 1;
    const object = {
      base: 5,
      plus(value: number): number {
        return this.base + value;
      },
    };
    const results = await executor.submit(
      async (apply: typeof later, map: Map<string, typeof upTo>, OwnCounter: typeof Counter, own: typeof object) => {
        const counter = new OwnCounter();
        counter.next();
        return [await apply(1), [...(map.get("upTo")?.(3) ?? [])], counter.next(), own.plus(1)];
      },
      later,
      new Map([["upTo", upTo]]),
      Counter,
      object,
    );
    assert.deepEqual(results, [2, [0, 1, 2], 2, 6]);
  });

  it("is the same function wherever it stands in one call", async () => {
    const fn = (): number => 1;
    assert.deepEqual(
      await executor.submit(
        (first: unknown, list: readonly unknown[]) => [first === list[0], list[0] === list[1]],
        fn,
        [fn, fn],
      ),
      [true, true],
    );
  });

  it("works in the items of map, and in initargs", async () => {
    const results: number[] = [];
    for await (const result of executor.map((fn: (value: number) => number) => fn(4), [Math.sqrt, double])) {
      results.push(result);
    }
    assert.deepEqual(results, [2, 8]);
    const other = new ProcessPoolExecutor({
      maxWorkers: 1,
      initializer: (make: () => number) => {
        Reflect.set(globalThis, "madeByInitializer", make());
      },
      initargs: [() => 42],
    });
    assert.equal(await other.submit(() => Reflect.get(globalThis, "madeByInitializer") as number), 42);
    await other.shutdown();
  });

  it("keeps the shared memory that it captures", async () => {
    const shared = createSharedArray(Float64Array, 8);
    const fill = (): void => {
      shared.fill(7);
    };
    await executor.submit((fn: () => void) => fn(), fill);
    if (process.platform === "linux") assert.equal(shared[3], 7);
    shared[Symbol.dispose]();
  });

  it("that can't be pickled is refused with its path, and the pickler's reasons as the cause", async () => {
    const promise = Promise.resolve(1);
    const error: unknown = await executor
      .submit((value: unknown) => value, { list: [1, { fn: () => promise }] })
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof NotSerializableError);
    assert.equal(error.path, "args[0].list[1].fn");
    assert.match(error.message, /promise/);
    assert.ok(error.cause instanceof FunctionNotPicklableError);
  });

  it("counts as needed however many functions a worker holds", async () => {
    const makers = Array.from({ length: 1100 }, (_, index) => () => index);
    const sum = await executor.submit(
      (fns: readonly (() => number)[]) => fns.reduce((total, fn) => total + fn(), 0),
      makers,
    );
    assert.equal(sum, (1099 * 1100) / 2);
    assert.equal(await executor.submit(() => 1), 1);
  });
});

describe("a function in a result", () => {
  it("is found by reference where this process has it, as the same function", async () => {
    const found = (await executor.submit(giveFunctions)) as Record<string, unknown> & { list: unknown[] };
    assert.equal(found["double"], double);
    assert.equal(found["max"], Math.max);
    assert.equal(found.list[0], double);
    assert.equal(found["Circle"], Circle);
    assert.equal(await executor.submit(() => double), double);
  });

  it("that would have to travel by value is refused with its path", async () => {
    const error: unknown = await executor.submit(() => ({ a: [() => 1] })).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof NotSerializableError);
    assert.equal(error.path, "result.a[0]");
    assert.match(error.message, /function that the parent can't import/);
  });

  it("of a module that this process has not loaded is refused, and the module is not loaded", async () => {
    const error: unknown = await executor
      .submit(async () => {
        // Reason: the parent is not to load it.
        const { hidden } = await import("../../fixtures/value-modules/only-in-workers.js");
        return hidden;
      })
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof NotSerializableError);
    assert.match(error.message, /has not loaded/);
  });

  it("can't be what a worker makes up", async () => {
    const before = globalThis.process.listenerCount("exit");
    for (const forged of [
      undefined,
      "double",
      { kind: "import", specifier: "data:text/javascript,process.on('exit', () => {})", path: ["default"] },
      { kind: "import", specifier: import.meta.url.replace(/[^/]+$/, "nowhere.js"), path: ["x"] },
      { kind: "commonjs", filename: "/etc/passwd", path: [] },
      { kind: "builtin", module: "/etc/passwd", path: ["x"] },
      { kind: "builtin", module: "node:fs", path: ["__proto__", "constructor"] },
      { kind: "global", path: ["Object", "prototype"] },
      { kind: "global", path: ["Object", "__proto__"] },
      { kind: "global", path: ["Function", "prototype"] },
      { kind: "global", path: ["Math", "constructor"] },
      { kind: "require", filename: "/etc/passwd", path: [] },
      { kind: "interop", module: { kind: "global", path: ["process"] }, keys: ["x"], path: [] },
      { kind: "global", path: "Math" },
    ]) {
      await assert.rejects(resolveReference(forged), `${JSON.stringify(forged)} was taken`);
    }
    assert.equal(globalThis.process.listenerCount("exit"), before);
  });
});
