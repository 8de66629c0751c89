import { deepStrictEqual } from "node:assert/strict";
import { ok } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import { createRequire } from "node:module";
import nodePath from "node:path";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";
import { inspect } from "node:util";

import { pickleFunction } from "../../../src/pickle/pickle-function.js";
import { PickleChild } from "../../fixtures/pickle-child/pickle-child.js";

interface Node {
  value: number;
  next?: Node;
  readonly seen: Map<unknown, unknown>;
}

class Celsius extends Error {
  readonly degrees: number;

  constructor(degrees: number, options?: ErrorOptions) {
    super(`${degrees} degrees`, options);
    this.degrees = degrees;
    this.name = "Celsius";
  }
}

describe("a captured value", () => {
  const child = new PickleChild();
  after(() => child.end());

  const sparse = [1, , 3];
  const withKey = Object.assign([1, 2], { label: "x" });
  const ownProto = JSON.parse('{ "__proto__": { "polluted": true }, "constructor": 1 }') as object;
  const values: Readonly<Record<string, unknown>> = {
    "negative zero": -0,
    NaN: Number.NaN,
    infinity: -Infinity,
    bigint: 12345678901234567890n,
    "the absence of a value": undefined,
    "a string with lone surrogates": "a\ud800b",
    "nested data": { list: [1, { two: [null, undefined, true] }], text: "t" },
    "a sparse array": sparse,
    "an array with a key": withKey,
    "an object without prototype": Object.assign(Object.create(null) as object, { a: 1 }),
    "own keys that shadow Object's": ownProto,
    "a Map and a Set": new Map<unknown, unknown>([[{ k: 1 }, new Set([1, "a", { b: 2 }])]]),
    "a Date": new Date(86_400_000),
    "a RegExp": /a+(?<n>b)/giu,
    "a Buffer": Buffer.from("hello"),
    "typed arrays": [new Float64Array([1.5, -0]), new BigInt64Array([5n]), new Uint16Array([1, 2, 3]).subarray(1)],
    "an ArrayBuffer": new Uint8Array([1, 2, 3]).buffer,
    "a DataView": new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
    "a URL": new URL("https://example.org/a?b=c#d"),
    "URL parameters": new URLSearchParams("a=1&b=2"),
    "boxed primitives": [Object(1), Object("text"), Object(false), Object(7n)],
    "accessors and read-only properties": Object.defineProperty({ kept: 1 }, "fixed", { value: 2, enumerable: true }),
  };
  for (const [name, value] of Object.entries(values)) {
    it(`arrives as it was: ${name}`, async () => {
      const show = (shown: unknown): string => inspect(shown, { depth: 9, showHidden: true });
      // What the child sees is compared there too: the way back (structured clone) loses prototypes.
      const expected = show(value);
      const shown = await child.call(() => inspect(value, { depth: 9, showHidden: true }));
      strictEqual(shown, expected);
    });
  }

  it("keeps cycles and shared references", async () => {
    const shared = { n: 1 };
    const node: Node = { value: 1, seen: new Map() };
    node.next = { value: 2, next: node, seen: node.seen };
    node.seen.set(node, node.seen);
    const holder = { a: shared, b: [shared], self: {} as object };
    holder.self = holder;
    const check = (): boolean[] => [
      node.next?.next === node,
      node.next?.seen === node.seen,
      node.seen.get(node) === node.seen,
      holder.a === holder.b[0],
      holder.self === holder,
    ];
    deepStrictEqual(await child.call(check), [true, true, true, true, true]);
  });

  it("keeps views of one buffer on one buffer", async () => {
    const bytes = new Uint8Array([1, 0, 0, 0]);
    const words = new Uint32Array(bytes.buffer);
    const write = (): number => {
      bytes[1] = 1;
      return words[0] ?? 0;
    };
    strictEqual(await child.call(write), 257);
  });

  it("may be a typed array of a class, with properties, or of more elements than can be listed", async () => {
    class Pixels extends Uint8Array {
      sum(): number {
        return this.reduce((sum, each) => sum + each, 0);
      }
    }
    const pixels = Object.assign(new Pixels([1, 2, 3]), { width: 3 });
    deepStrictEqual(await child.call(() => [pixels.sum(), pixels.width]), [6, 3]);
    const long = Object.assign(new Uint16Array(200).fill(2), { width: 3 });
    deepStrictEqual(await child.call(() => [long[199], long.width]), [2, 3]);
    const longest = new Uint8Array(17 * 1024 * 1024).fill(1);
    deepStrictEqual(await child.call(() => [longest.length, longest.at(-1)]), [longest.length, 1]);
  });

  it("may be a TextEncoder or TextDecoder", async () => {
    const [encoder, decoder] = [new TextEncoder(), new TextDecoder("latin1")];
    strictEqual(await child.call(() => decoder.decode(encoder.encode("é"))), "Ã©");
  });

  it("may be a function or class that has a cache and resolves, as require does", async () => {
    class Registry {
      static cache = new Map([["x", 1]]);
      static resolve(name: string): number | undefined {
        return Registry.cache.get(name);
      }
    }
    strictEqual(await child.call(() => Registry.resolve("x")), 1);
  });

  it("may be the require of another folder", async () => {
    const requireThere = createRequire(new URL("../../../../tests/fixtures/pickle-modules/any.js", import.meta.url));
    strictEqual(
      await child.call(() => (requireThere("./commonjs-dep.cjs") as { greeting: string }).greeting),
      "hello",
    );
  });

  it("does not send the pool that a small Buffer lies in", () => {
    const small = Buffer.from("secret neighbour");
    const part = small.subarray(0, 6);
    const { payload } = pickleFunction(() => part);
    ok(!Buffer.from(payload).includes("neighbour"));
  });

  it("keeps views of one memory together, a Buffer among them", async () => {
    const memory = new ArrayBuffer(16);
    const [bytes, view] = [Buffer.from(memory), new DataView(memory)];
    const write = (): unknown[] => {
      view.setUint8(0, 99);
      return [bytes[0], Buffer.isBuffer(bytes), bytes.length];
    };
    deepStrictEqual(await child.call(write), [99, true, 16]);
  });

  it("keeps errors: class, cause, code, own properties", async () => {
    const cause = new RangeError("low");
    const error = Object.assign(new Celsius(3, { cause }), { code: "E_COLD" });
    const check = (): unknown => [
      error instanceof Celsius,
      error.message,
      error.name,
      error.degrees,
      error.code,
      error.cause instanceof RangeError && error.cause.message,
      error.stack?.split("\n")[0],
      Object.prototype.toString.call(error),
    ];
    deepStrictEqual(await child.call(check), [
      true,
      "3 degrees",
      "Celsius",
      3,
      "E_COLD",
      "low",
      error.stack?.split("\n")[0],
      "[object Error]",
    ]);
  });

  it("keeps symbols that every process has, as values and as keys", async () => {
    const key = Symbol.for("asynccpu.test");
    const object = {
      [key]: 1,
      *[Symbol.iterator]() {
        yield 5;
      },
    };
    const check = (): unknown => [object[key], [...object], key === Symbol.for("asynccpu.test")];
    deepStrictEqual(await child.call(check), [1, [5], true]);
  });

  it("keeps frozen, sealed and closed objects so, cycles and classes in them included", async () => {
    class Part {
      n = 1;
    }
    const frozen: { self?: object; part: Part; list: readonly number[] } = { part: new Part(), list: [1] };
    frozen.self = frozen;
    Object.freeze(frozen);
    const sealed = Object.seal({ a: 1 });
    const closed = Object.preventExtensions([1]);
    const check = (): unknown => [
      Object.isFrozen(frozen),
      frozen.self === frozen,
      frozen.part instanceof Part,
      Object.isSealed(sealed) && !Object.isFrozen(sealed),
      !Object.isExtensible(closed) && !Object.isSealed(closed),
    ];
    deepStrictEqual(await child.call(check), [true, true, true, true, true]);
  });

  it("may inherit from a module or an object of the language", async () => {
    const wrapped = Object.create(nodePath) as typeof nodePath & { own: number };
    wrapped.own = 1;
    const maths = Object.create(Math) as Math;
    const check = (): unknown => [wrapped.own, wrapped.basename("/a/b"), maths.max(1, 2)];
    deepStrictEqual(await child.call(check), [1, "b", 2]);
  });

  it("keeps getters and setters", async () => {
    let hidden = 1;
    const object = {
      get twice(): number {
        return hidden * 2;
      },
      set value(value: number) {
        hidden = value;
      },
    };
    const check = (): number => {
      object.value = 21;
      return object.twice;
    };
    // The variable is local: each function has its own copy, as documented.
    strictEqual(await child.call(check), 2);
    strictEqual(hidden, 1);
  });

  it("may be a very long chain", async () => {
    interface Link {
      next: Link | undefined;
    }
    let chain: Link = { next: undefined };
    for (let length = 1; length < 20_000; length++) chain = { next: chain };
    const measure = (): number => {
      let length = 0;
      for (let link: Link | undefined = chain; link !== undefined; link = link.next) length++;
      return length;
    };
    strictEqual(await child.call(measure), 20_000);
  });
});
