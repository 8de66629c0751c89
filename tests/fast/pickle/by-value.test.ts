import { deepStrictEqual } from "node:assert/strict";
import { notStrictEqual } from "node:assert/strict";
import { ok } from "node:assert/strict";
import { rejects } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import * as path from "node:path";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";

import { analyze } from "eslint-scope";

import { isUnchanged } from "../../testlibraries/is-unchanged.js";
import { pickleFunction } from "../../../src/pickle/pickle-function.js";
import data from "../../fixtures/pickle-modules/data.json" with { type: "json" };
import * as exportsNamespace from "../../fixtures/pickle-modules/exports.js";
import { LIMIT } from "../../fixtures/pickle-modules/exports.js";
import { ChildFailure } from "../../fixtures/pickle-child/pickle-child.js";
import { PickleChild } from "../../fixtures/pickle-child/pickle-child.js";

const BASE = 10;
const METHOD = "computed";
const settings = { factor: 2, nested: { list: [1, 2, 3] } };
let counter = 0;
let reassigned = 1;

function addBase(x: number): number {
  return x + BASE;
}

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

const isEven = (n: number): boolean => (n === 0 ? true : isOdd(n - 1));
function isOdd(n: number): boolean {
  return n === 0 ? false : isEven(n - 1);
}

function count(): number {
  counter += 1;
  return counter;
}

const readCounter = (): number => counter;

class Animal {
  static readonly kingdom = `k${addBase(1)}`;
  static created = 0;
  #name: string;

  constructor(name: string) {
    this.#name = name;
    Animal.created += 1;
  }

  get name(): string {
    return this.#name;
  }

  speak(): string {
    return `${this.name} makes a noise`;
  }
}

class Dog extends Animal {
  override speak(): string {
    return `${super.speak()}: woof ${BASE}`;
  }

  static create(name: string): Dog {
    return new Dog(name);
  }
}

const withTag = (Base: new () => object) =>
  class extends Base {
    tag = `tag ${BASE}`;
  };
class Tagged extends withTag(Object) {
  all = "all";
}

describe("a function of the main module", () => {
  const child = new PickleChild();
  after(() => child.end());

  it("brings constants, functions and objects, several levels deep", async () => {
    const outer = (a: number) => {
      const b = a * 2;
      return (c: number) => {
        const d = b + c;
        return (e: number): unknown => [addBase(e), a, b, c, d, settings.nested.list.length * settings.factor];
      };
    };
    deepStrictEqual(await child.call(outer(1)(5), 3), [13, 1, 2, 5, 7, 6]);
  });

  it("may call itself, and others that call it", async () => {
    strictEqual(await child.call(factorial, 6), 720);
    strictEqual(await child.call(isEven, 7), false);
    strictEqual(await child.call(isOdd, 7), true);
  });

  it("captures nothing that it does not use", async () => {
    const socketLike = new WeakRef({});
    ok(socketLike);
    strictEqual(await child.call(() => BASE), 10);
  });

  it("takes default, destructured and rest parameters", async () => {
    const fn = (
      { a = BASE, ...others }: { a?: number; b?: number } = {},
      [x = addBase(1)] = [],
      ...rest: number[]
    ) => [a, others, x, rest];
    deepStrictEqual(await child.call(fn), [10, {}, 11, []]);
    deepStrictEqual(await child.call(fn, { a: 1, b: 2 }, [3], 4, 5), [1, { b: 2 }, 3, [4, 5]]);
  });

  it("may be async, a generator's user, a method, an accessor's owner, or bound", async () => {
    async function delayed(x: number): Promise<number> {
      await Promise.resolve();
      return addBase(x);
    }
    function* numbers(): Generator<number> {
      yield* [1, BASE];
    }
    const owner = {
      method(x: number): number {
        return addBase(x);
      },
      async [METHOD](x: number): Promise<number> {
        return delayed(x);
      },
      get double(): number {
        return BASE * 2;
      },
    };
    strictEqual(await child.call(delayed, 1), 11);
    deepStrictEqual(await child.call(() => [...numbers()]), [1, 10]);
    strictEqual(await child.call(owner.method, 2), 12);
    strictEqual(await child.call(owner[METHOD], 3), 13);
    strictEqual(await child.call(() => owner.double), 20);
    const bound = function (this: { base: number }, a: number, b: number): number[] {
      return [this.base, a, b];
    }.bind({ base: 7 }, 8);
    deepStrictEqual(await child.call(bound, 9), [7, 8, 9]);
  });

  it("shares variables that one of them assigns to", async () => {
    const both = (): number[] => [count(), count(), readCounter()];
    deepStrictEqual(await child.call(both), [1, 2, 2]);
    strictEqual(counter, 0);
  });

  it("sees variables as they were when it was sent", async () => {
    const read = (): number => reassigned;
    reassigned = 5;
    const pickled = pickleFunction(read);
    reassigned = 6;
    deepStrictEqual(await child.callPayload(pickled.payload, [[]]), [5]);
    strictEqual(isUnchanged(pickled), false);
    notStrictEqual(Buffer.compare(pickleFunction(read).payload, pickled.payload), 0);
  });

  it("uses imports of every kind", async () => {
    const fn = (): unknown[] => [
      createHash("md5").update("a").digest("hex").slice(0, 4),
      path.posix.basename("/a/b"),
      data.answer,
      LIMIT,
      exportsNamespace.arrow(4),
      typeof analyze,
    ];
    deepStrictEqual(await child.call(fn), ["0cc1", "b", 42, 5, 8, "function"]);
    strictEqual(isUnchanged(pickleFunction(fn)), true);
  });

  it("knows its own import.meta, and imports relative to its file", async () => {
    const fn = async (): Promise<unknown[]> => {
      // Reason: an import() in a function of the user's is what is tested.
      const module = (await import("../../fixtures/pickle-modules/exports.js")) as { LIMIT: number };
      return [import.meta.url, import.meta.filename, import.meta.dirname, module.LIMIT];
    };
    deepStrictEqual(await child.call(fn), [import.meta.url, import.meta.filename, import.meta.dirname, 5]);
  });

  it("captures local functions and values that native code gave", async () => {
    const max = Math.max;
    const { slice } = Array.prototype;
    deepStrictEqual(await child.call((): unknown => [max(1, 2), slice.call([1, 2, 3], 1)]), [2, [2, 3]]);
  });

  it("uses globals that the program has made", async () => {
    const global = globalThis as unknown as { asynccpuTestGlobal?: (x: number) => number };
    global.asynccpuTestGlobal = (x) => x + BASE;
    try {
      // Reason: a name that TypeScript does not know.
      // oxlint-disable-next-line typescript/no-implied-eval
      const fn = new Function("x", "return asynccpuTestGlobal(x);") as (x: number) => number;
      strictEqual(await child.call(fn, 1), 11);
    } finally {
      delete global.asynccpuTestGlobal;
    }
  });

  it("may ask with typeof for what does not exist", async () => {
    // Reason: asking for a name that nobody declared is the point.
    // @ts-expect-error It does not exist.
    strictEqual(await child.call(() => typeof neverDeclared), "undefined");
  });

  it("has own properties and its name", async () => {
    const base = (x: number): string => `${tagged.name} ${tagged.unit} ${x}`;
    const tagged = Object.assign(base, { unit: "kg" });
    strictEqual(await child.call(tagged, 3), "base kg 3");
    const anonymous = (
      (): unknown => () =>
        1
    )();
    strictEqual(await child.call(() => (anonymous as () => number).name), "");
  });

  it("is sent in the same bytes while nothing changes", () => {
    const fn = (): unknown => [settings, Animal, addBase, createHash];
    strictEqual(Buffer.compare(pickleFunction(fn).payload, pickleFunction(fn).payload), 0);
    strictEqual(isUnchanged(pickleFunction(fn)), true);
  });

  it("shows the original position in stacks", async () => {
    const boom = (): never => {
      throw new Error(`boom ${BASE}`);
    };
    let here = "";
    // The child has no source maps, so the position in the compiled file is the one to compare with.
    const hadSourceMaps = process.sourceMapsEnabled;
    process.setSourceMapsEnabled(false);
    try {
      boom();
    } catch (error) {
      here = (error as Error).stack?.split("\n")[1] ?? "";
    } finally {
      process.setSourceMapsEnabled(hadSourceMaps);
    }
    await rejects(child.call(boom), (error) => {
      ok(error instanceof ChildFailure);
      const there = error.failure.stack.split("\n")[1] ?? "";
      const position = /pickle.by-value\.test\.js:\d+:\d+/;
      ok(position.test(there), there);
      strictEqual(position.exec(there)?.[0], position.exec(here)?.[0]);
      return true;
    });
  });
});

describe("a function pickled again where it was unpickled", () => {
  const child = new PickleChild();
  after(() => child.end());

  it("works after two more generations", async () => {
    const fn = async (x: number): Promise<unknown> => {
      // Reason: an import() in a function of the user's is what is tested.
      const module = (await import("../../fixtures/pickle-modules/exports.js")) as { LIMIT: number };
      return [
        createHash("md5").update("a").digest("hex").slice(0, 4),
        path.posix.join("a", "b"),
        new Dog("Rex").speak(),
        new Tagged().all,
        settings.nested.list,
        [count(), readCounter()],
        exportsNamespace.arrow(x),
        import.meta.url,
        module.LIMIT,
        factorial(5),
      ];
    };
    counter = 0;
    const { payload } = pickleFunction(fn);
    const [direct] = await child.callPayload(payload, [[2]]);
    const [nested] = await child.callPayload(payload, [[2]], { generations: 2 });
    deepStrictEqual(nested, direct);
    deepStrictEqual((nested as unknown[])[5], [1, 1]);
  });

  it("may be written inside the unpickled function", async () => {
    const makePickle = async (x: number): Promise<unknown> => {
      const y = x + BASE;
      // Reason: captured, the pickler is a namespace; here the worker is to load it.
      const pickler = await import("../../../src/pickle/pickle-function.js");
      return pickler.pickleFunction((z: number) => [x, y, addBase(z), path.posix.basename("/q/r"), import.meta.url])
        .payload;
    };
    const payload = (await child.call(makePickle, 1)) as Uint8Array;
    const [value] = await child.callPayload(payload, [[5]]);
    deepStrictEqual(value, [1, 11, 15, "r", import.meta.url]);
  });

  it("prints no warning", () => {
    strictEqual(child.stderr, "");
  });
});
