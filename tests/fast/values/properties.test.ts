import assert from "node:assert/strict";
import { describe } from "node:test";
import { it } from "node:test";

import * as fc from "fast-check";

import { NotSerializableError } from "../../../src/errors.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeArguments } from "../../../src/values/codec.js";
import { encodeValue } from "../../../src/values/codec.js";
import { registerClass } from "../../../src/index.js";

/** Runs of each property. A failure prints its seed: `ASYNCCPU_TEST_SEED=... npm test -- FILE` runs the same again. */
const RUNS = 300;

const seedText = process.env["ASYNCCPU_TEST_SEED"];
const parameters = { numRuns: RUNS, ...(seedText === undefined ? {} : { seed: Number(seedText) }) };

function send(value: unknown): unknown {
  return decodeValue(encodeValue(value, "result"));
}

class Box {
  content: unknown;
}
registerClass(Box, { name: "test.Box" });

/** What holds no other values. */
const leaf = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.bigInt(),
  fc.boolean(),
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("a", "\ud800", "\0", "ÿ", "Ā", "𝄞"), maxLength: 300 }),
  fc.constantFrom(undefined, null),
  fc.date({ noInvalidDate: true }),
  fc
    .constantFrom("", "a+", "[a-z]{2}", "/", "\\n", "(?<n>.)")
    .chain((source) =>
      fc.subarray(["d", "g", "i", "m", "s", "u", "y"]).map((flags) => new RegExp(source, flags.join(""))),
    ),
  fc.uint8Array({ maxLength: 40 }),
  fc.float64Array({ maxLength: 10 }),
  fc.bigInt64Array({ maxLength: 5 }),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.slice().buffer),
  fc.tuple(fc.uint8Array({ minLength: 8, maxLength: 16 }), fc.nat({ max: 4 })).map(([bytes, at]) => {
    return new DataView(bytes.buffer, at, bytes.length - at - 1);
  }),
  fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.bigInt()).map((value) => Object(value) as unknown),
);

const key = fc.oneof(
  fc.string(),
  fc.constantFrom("__proto__", "constructor", "toString", "0", "-1", "then", "length"),
);

function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

/** Trees of everything that structuredClone takes. */
const { tree } = fc.letrec<{ tree: unknown; part: unknown }>((tie) => ({
  tree: fc.oneof({ depthSize: "small", withCrossShrink: true }, leaf, tie("part")),
  part: fc.oneof(
    fc.array(tie("tree"), { maxLength: 6 }),
    fc.sparseArray(tie("tree"), { maxLength: 6, maxNumElements: 4 }),
    fc.array(fc.tuple(key, tie("tree")), { maxLength: 6 }).map((entries) => {
      const object = {};
      for (const [name, value] of entries) define(object, name, value);
      return object;
    }),
    fc.array(fc.tuple(tie("tree"), tie("tree")), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie("tree"), { maxLength: 4 }).map((members) => new Set(members)),
  ),
}));

/** Containers, and edges between them: cycles and shared parts of every kind. */
const graph = fc
  .tuple(
    fc.array(fc.constantFrom("object", "array", "map", "set", "box", "error"), { minLength: 1, maxLength: 8 }),
    fc.array(fc.tuple(fc.nat(7), fc.nat(7), key), { maxLength: 20 }),
    fc.array(fc.tuple(fc.nat(7), leaf, key), { maxLength: 8 }),
  )
  .map(([kinds, edges, leaves]) => {
    const nodes = kinds.map((kind): object => {
      if (kind === "array") return [];
      if (kind === "map") return new Map();
      if (kind === "set") return new Set();
      if (kind === "error") return Object.assign(new RangeError("in a graph"), { stack: undefined });
      return kind === "box" ? new Box() : {};
    });
    const put = (from: number, to: unknown, name: string): void => {
      const holder = nodes[from % nodes.length] as object;
      if (Array.isArray(holder)) holder.push(to);
      else if (holder instanceof Map) holder.set(to, name);
      else if (holder instanceof Set) holder.add(to);
      // What errors are made of is not to be replaced by chance.
      else if (!(holder instanceof Error) || !["message", "name", "stack", "cause"].includes(name)) {
        define(holder, name, to);
      }
    };
    for (const [from, to, name] of edges) put(from, nodes[to % nodes.length], name);
    for (const [from, value, name] of leaves) put(from, value, name);
    return nodes[0] as object;
  });

/** The parts of a container, in an order that is the same for its copy. */
function partsOf(value: object): unknown[] {
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set) return [...value];
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return [];
  return Object.keys(value).flatMap((name) => [name, Object.getOwnPropertyDescriptor(value, name)?.value as unknown]);
}

/** Two values are the same graph: each object of one stands for exactly one of the other. */
function assertSameShape(left: unknown, right: unknown): void {
  const pairs = new Map<object, object>();
  const back = new Map<object, object>();
  const work: [unknown, unknown][] = [[left, right]];
  for (let pair = work.pop(); pair !== undefined; pair = work.pop()) {
    const [one, other] = pair;
    if (typeof one !== "object" || one === null || typeof other !== "object" || other === null) {
      assert.deepStrictEqual(other, one);
      continue;
    }
    if (pairs.has(one) || back.has(other)) {
      assert.ok(pairs.get(one) === other && back.get(other) === one, "what is shared is not the same");
      continue;
    }
    pairs.set(one, other);
    back.set(other, one);
    assert.equal(Object.getPrototypeOf(other), Object.getPrototypeOf(one));
    const [parts, others] = [partsOf(one), partsOf(other)];
    assert.equal(others.length, parts.length);
    for (const [index, part] of parts.entries()) work.push([part, others[index]]);
  }
}

function check<T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void): void {
  fc.assert(fc.property(arbitrary, property), parameters);
}

describe("for all values", () => {
  it("what arrives is what structuredClone gives", () => {
    check(tree, (value) => assert.deepStrictEqual(send(value), structuredClone(value)));
  });

  it("what arrives beside a special is the same, so both encodings agree", () => {
    check(tree, (value) => {
      const expected = structuredClone(value);
      const [first, second] = send([value, { again: value }, Symbol.iterator]) as [unknown, { again: unknown }];
      assert.deepStrictEqual(first, expected);
      assert.deepStrictEqual(second.again, expected);
      if (typeof value === "object") assert.equal(first, second.again);
    });
  });

  it("arguments arrive as they were passed", () => {
    check(fc.array(tree, { maxLength: 4 }), (args) =>
      assert.deepStrictEqual(decodeValue(encodeArguments(args)), structuredClone(args)),
    );
  });

  it("cycles, shared parts, instances and errors arrive in the same shape", () => {
    check(graph, (value) => assertSameShape(value, send(value)));
  });

  it("encoding twice gives the same, and changes nothing", () => {
    check(graph, (value) => {
      const first = Buffer.from(encodeValue(value, "result"));
      assert.ok(first.equals(encodeValue(value, "result")));
    });
  });

  it("any value at all is encoded, or refused with an error that names a part of it", () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
    });
    const odd = fc.constantFrom<unknown>(
      () => 1,
      Symbol("x"),
      Promise.resolve(),
      new WeakRef({}),
      new Proxy({}, {}),
      1n,
    );
    check(fc.tuple(anything, fc.array(odd, { maxLength: 1 })), (value) => {
      try {
        send(value);
      } catch (error) {
        assert.ok(error instanceof NotSerializableError, String(error));
        assert.match(error.path, /^result\[1\]\[0\]/);
      }
    });
  });

  it("no prototype is changed by what arrives", () => {
    const before = [Object.prototype, Array.prototype, Map.prototype, Error.prototype, Box.prototype].map((each) =>
      Reflect.ownKeys(each).map(String).join(),
    );
    check(graph, (value) => void send(value));
    check(tree, (value) => void send([value, Symbol.iterator]));
    assert.deepEqual(
      [Object.prototype, Array.prototype, Map.prototype, Error.prototype, Box.prototype].map((each) =>
        Reflect.ownKeys(each).map(String).join(),
      ),
      before,
    );
  });
});
