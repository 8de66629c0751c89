/** What a function has captured is looked at once, and compared from then on. */

import assert from "node:assert/strict";
import { Session } from "node:inspector";
import { describe } from "node:test";
import { it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import * as fc from "fast-check";

import { isUnchanged } from "../../testlibraries/is-unchanged.js";
import { pickleFunction } from "../../../src/pickle/pickle-function.js";

/** A function, and what changes something that it has captured. */
interface Case {
  readonly fn: () => unknown;
  readonly change: () => void;
}

const shown: Record<string, unknown> = { list: [1, [2, 3]], text: "a", nested: { deep: { value: 1 } } };
const key = Symbol("key");

function capturing<T>(value: T, change: (value: T) => void): Case {
  return { fn: () => value, change: () => change(value) };
}

/** Two calls have a variable each; of one call, a function that is not captured assigns to it. */
function counter(): { readonly read: () => number; readonly raise: () => void } {
  let count = 0;
  const more = (): number => count + 0;
  return { read: () => more(), raise: () => void (count += 1) };
}

let total = 0;
let current: object = { a: 1 };
let step: () => number = () => 1;
const total1 = (): number => total;

class Point {
  x = 1;
}

const CASES: Readonly<Record<string, () => Case>> = {
  "a property": () => capturing({ a: 1 }, (value) => void (value.a = 2)),
  "a property of something far below": () =>
    capturing(
      structuredClone(shown),
      (value) => void ((value["nested"] as { deep: { value: number } }).deep.value = 2),
    ),
  "the sign of a zero": () => capturing({ a: 0 }, (value) => void (value.a = -0)),
  "a number that becomes its text": () => capturing<{ a: unknown }>({ a: 1 }, (value) => void (value.a = "1")),
  "an object in place of an equal one": () => capturing({ a: {} }, (value) => void (value.a = {})),
  "a new property": () => capturing<Record<string, number>>({}, (value) => void (value["a"] = 1)),
  "a property that is gone": () => capturing<{ a?: number }>({ a: 1 }, (value) => void delete value.a),
  "a property with a symbol": () => {
    const value = { [key]: 1 };
    return { fn: () => [value, key], change: () => void (value[key] = 2) };
  },
  "a getter in place of a value": () =>
    capturing({ a: 1 }, (value) => Object.defineProperty(value, "a", { get: () => 1 })),
  "a property that is hidden now": () =>
    capturing({ a: 1 }, (value) => Object.defineProperty(value, "a", { enumerable: false })),
  "the order of properties": () =>
    capturing<{ a?: number; b: number }>({ a: 1, b: 2 }, (value) => {
      delete value.a;
      value.a = 1;
    }),
  "an object that is frozen": () => capturing({ a: 1 }, (value) => void Object.freeze(value)),
  "another prototype": () => capturing({ a: 1 }, (value) => void Object.setPrototypeOf(value, null)),
  "something that an object inherits": () => {
    const parent = { a: 1 };
    return {
      fn: (
        (value) => () =>
          value
      )(Object.create(parent) as unknown),
      change: () => void (parent.a = 2),
    };
  },
  "something below a frozen object": () =>
    capturing(Object.freeze({ cache: new Map<string, number>() }), ({ cache }) => void cache.set("a", 1)),
  "an item of an array": () => capturing([1, 2, 3], (value) => void (value[1] = 5)),
  "the length of an array": () => capturing([1, 2, 3], (value) => void value.pop()),
  "an item of a long array": () =>
    capturing(
      Array.from({ length: 500 }, () => 0),
      (value) => void (value[400] = 5),
    ),
  "a hole in an array": () => capturing([1, undefined, 3], (value) => void Reflect.deleteProperty(value, 1)),
  "a property of an array": () => capturing([1], (value) => void Object.assign(value, { unit: "kg" })),
  "an entry of a Map": () => capturing(new Map([["a", 1]]), (value) => void value.set("a", 2)),
  "the order of a Map": () =>
    capturing(
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
      (value) => {
        value.delete("a");
        value.set("a", 1);
      },
    ),
  "an item of a Set": () => capturing(new Set([1]), (value) => void value.add(2)),
  "the time of a Date": () => capturing(new Date(0), (value) => void value.setTime(1)),
  "where a RegExp goes on": () => capturing(/a/g, (value) => void value.exec("ba")),
  "the message of an error": () => capturing(new Error("a"), (value) => void (value.message = "b")),
  "the stack of an error": () => capturing(new Error("a"), (value) => void (value.stack = "b")),
  "a byte of a Buffer": () => capturing(Buffer.from("abc"), (value) => void (value[1] = 0)),
  "a byte of a typed array": () => capturing(new Uint8Array(500), (value) => void (value[400] = 1)),
  "a byte of an ArrayBuffer": () => capturing(new ArrayBuffer(8), (value) => void (new Uint8Array(value)[7] = 1)),
  "a byte that a DataView shows": () => capturing(new DataView(new ArrayBuffer(8)), (value) => value.setInt8(0, 1)),
  "an instance": () => capturing(new Point(), (value) => void (value.x = 2)),
  "an entry of a WeakMap": () => {
    const value = { a: 1 };
    const weak = new WeakMap<object, unknown>([[value, 1]]);
    return { fn: () => [weak, value], change: () => void weak.set(value, 2) };
  },
  "an entry of a WeakMap that a function is the key of": () => {
    const value = (): number => 1;
    const weak = new WeakMap<object, unknown>();
    return { fn: () => [weak, value], change: () => void weak.set(value, 2) };
  },
  "something that only a WeakMap leads to": () => {
    const value = { a: 1 };
    const held = { b: 1 };
    const weak = new WeakMap<object, unknown>([[value, held]]);
    return { fn: () => [weak, value], change: () => void (held.b = 2) };
  },
  "a key of a WeakSet": () => {
    const value = { a: 1 };
    const weak = new WeakSet<object>();
    return { fn: () => [weak, value], change: () => void weak.add(value) };
  },
  "a variable of the module": () => ({ fn: () => total, change: () => void (total += 1) }),
  "a variable of the module that another function uses": () => ({
    fn: () => total1(),
    change: () => void (total += 1),
  }),
  "a variable that holds another object": () => ({ fn: () => current, change: () => void (current = { a: 1 }) }),
  "a variable that holds another function": () => ({ fn: () => step(), change: () => void (step = () => 1) }),
  "a variable of the second of two calls": () => {
    const [first, second] = [counter(), counter()];
    return {
      fn: (
        (reads) => () =>
          reads
      )([first.read, second.read]),
      change: second.raise,
    };
  },
  "a variable that another one of its name hides": () => {
    let count = 0;
    const outer = (): number => count;
    const inner = ((): (() => number) => {
      let count = 0;
      void (() => (count += 1));
      return () => count + more();
    })();
    let other = 0;
    const more = (): number => other;
    void (() => (other += 1));
    return { fn: () => [inner(), outer()], change: () => void (count += 1) };
  },
  "a property of a function": () =>
    capturing(
      Object.assign(() => 1, { limit: 1 }),
      (fn) => void (fn.limit = 2),
    ),
  "something in a property of a function": () =>
    capturing(
      Object.assign(() => 1, { at: { limit: 1 } }),
      (fn) => void (fn.at.limit = 2),
    ),
  "a static property of a class": () => {
    class Holder {
      static items: number[] = [];
    }
    return { fn: () => Holder, change: () => void Holder.items.push(1) };
  },
  "what was put on a prototype": () => {
    function Old(): void {}
    (Old.prototype as { list?: number[] }).list = [];
    return { fn: () => Old, change: () => void (Old.prototype as { list: number[] }).list.push(1) };
  },
  "what a bound function is bound to": () => {
    const bound = { a: 1 };
    const fn = function (this: unknown): unknown {
      return this;
    }.bind(bound);
    return { fn, change: () => void (bound.a = 2) };
  },
  "a global that the program has made": () => {
    const global = globalThis as unknown as { asynccpuSeen?: number };
    global.asynccpuSeen = 1;
    // Reason: a name that TypeScript does not know.
    // oxlint-disable-next-line typescript/no-implied-eval
    const fn = new Function("return asynccpuSeen;") as () => unknown;
    return { fn, change: () => void (global.asynccpuSeen = 2) };
  },
};

/** Counts the commands to the inspector. */
function countPosts(job: () => void): number {
  const { post } = Session.prototype;
  let count = 0;
  Session.prototype.post = function (this: Session, ...args: unknown[]) {
    count += 1;
    Reflect.apply(post, this, args);
  };
  try {
    job();
  } finally {
    Session.prototype.post = post;
  }
  return count;
}

describe("what a function has captured", () => {
  for (const [name, make] of Object.entries(CASES)) {
    it(`is noticed when it changes: ${name}`, () => {
      const { fn, change } = make();
      const pickled = pickleFunction(fn);
      assert.equal(isUnchanged(pickled), true);
      assert.equal(isUnchanged(pickled), true);
      change();
      assert.equal(isUnchanged(pickled), false);
      assert.equal(isUnchanged(pickleFunction(fn)), true);
    });
  }

  it("is noticed wherever it changes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.nat(), fc.jsonValue({ maxDepth: 1 }), (json, at, other) => {
        const holder = { json: structuredClone(json) };
        const pickled = pickleFunction(() => holder);
        assert.equal(isUnchanged(pickled), true);
        const slots: [Record<string, unknown>, string][] = [];
        JSON.stringify(holder, function (this: Record<string, unknown>, name: string, value: unknown) {
          if (name !== "") slots.push([this, name]);
          return value;
        });
        const [owner, name] = slots[at % slots.length] as [Record<string, unknown>, string];
        const isSame = Object.is(owner[name], other);
        owner[name] = other;
        assert.equal(isUnchanged(pickled), isSame);
      }),
      { numRuns: 200 },
    );
  });

  it("takes no inspector to compare, save for variables that some code assigns to", () => {
    const config = structuredClone(shown);
    const helper = (): unknown => config;
    const pickled = pickleFunction(() => [helper(), new Point()]);
    assert.equal(
      countPosts(() => assert.equal(isUnchanged(pickled), true)),
      0,
    );
  });

  it("asks one function for the variables that many share", () => {
    let first = 0;
    let second = 0;
    const readers = [() => first, () => second, () => first + second, () => second - first].map(
      (read) => () => read(),
    );
    const raise = (): number => (first += 1) + (second += 1);
    const pickled = pickleFunction(() => [readers, raise, total, total1]);
    const posts = countPosts(() => assert.equal(isUnchanged(pickled), true));
    assert.ok(posts <= 10, `${posts} commands`);
    raise();
    assert.equal(isUnchanged(pickled), false);
  });

  it("is looked at anew each time where a class sends its instances itself", () => {
    const { fn } = capturing(new URLSearchParams("a=1"), () => {});
    assert.equal(isUnchanged(pickleFunction(fn)), false);
  });

  it("keeps nothing that the program has dropped", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const list: (object | undefined)[] = [{ a: 1 }];
    let large: object | undefined = { b: 1 };
    const refs = [new WeakRef(list[0] as object), new WeakRef(large)];
    const pickled = pickleFunction(() => [list, large]);
    list.length = 0;
    large = undefined;
    // A reference that was just made holds its object to the end of the turn.
    await new Promise(setImmediate);
    collect();
    assert.deepEqual(
      refs.map((ref) => ref.deref()),
      [undefined, undefined],
    );
    assert.equal(isUnchanged(pickled), false);
  });
});
