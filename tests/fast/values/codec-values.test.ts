import assert from "node:assert/strict";
import vm from "node:vm";
import { EventEmitter } from "node:events";
import { describe } from "node:test";
import { it } from "node:test";

import { decodeValue } from "../../../src/values/codec.js";
import { encodeArguments } from "../../../src/values/codec.js";
import { encodeValue } from "../../../src/values/codec.js";

function send<T>(value: T): T {
  return decodeValue(encodeValue(value, "result")) as T;
}

class Point {
  x = 1;
  y = [2];
  readonly #hidden = 3;
  get sum(): number {
    return this.x + this.#hidden;
  }
}

const longText = "ä€𝄞".repeat(3000);
const bigArray = Array.from({ length: 500 }, (_, index) => ({ id: index, name: `n${index}`, tags: [index] }));
const matches = /(?<first>a)b/.exec("xab");
const withExtra = Object.assign([1, 2], { extra: "kept" });
const holes = [1, , 3];
const nullPrototype: unknown = Object.assign(Object.create(null) as object, { a: 1 });

/** Values that arrive exactly as structuredClone would give them. */
const likeStructuredClone: Record<string, unknown> = {
  zero: 0,
  negativeZero: -0,
  int: -123456,
  maxInt: 2147483647,
  minInt: -2147483648,
  aboveInt: 2147483648,
  double: 0.1,
  nan: Number.NaN,
  infinity: Number.NEGATIVE_INFINITY,
  emptyText: "",
  latin1: "grüße",
  wide: "日本語 𝄞",
  loneSurrogate: "a\ud800b",
  nulCharacter: "a\0b",
  longText,
  hugeLatin1: "é".repeat(5_000_000),
  bigint: 123456789012345678901234567890n,
  negativeBigint: -1n,
  hugeBigint: 7n ** 5000n,
  true: true,
  null: null,
  undefined,
  emptyArray: [],
  emptyObject: {},
  nested: { a: [1, { b: [null, undefined, true] }], "key with space": "x", 7: "seven" },
  deepEnoughForV8: JSON.parse(`${"[".repeat(200)}1${"]".repeat(200)}`),
  bigArray,
  holes,
  withExtra,
  matches,
  emptyHoles: Array.from({ length: 0 }),
  sparse: Object.assign([], { length: 5 }),
  date: new Date(86_400_000),
  regexp: /a+/giu,
  map: new Map<unknown, unknown>([
    ["a", { b: 1 }],
    [{ key: true }, new Set([1, "two"])],
  ]),
  set: new Set([1, [2], "three"]),
  boxed: [Object("text"), Object(1), Object(true), Object(10n)],
  arrayBuffer: new Uint8Array([1, 2, 3]).buffer,
  resizable: Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]),
  dataView: new DataView(new ArrayBuffer(16), 4, 8),
  nullPrototype,
  instance: new Point(),
  emitter: new EventEmitter(),
  otherRealm: vm.runInNewContext("({ a: [1, new Map([[1, new Date(0)]])], b: new (class Foo { x = 1 })() })"),
};

for (const name of [
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "Float16Array",
]) {
  const found: unknown = Reflect.get(globalThis, name);
  if (typeof found === "function") likeStructuredClone[name] = Reflect.construct(found, [[1, 2, 3]]);
}
likeStructuredClone["BigInt64Array"] = new BigInt64Array([-1n, 2n]);
likeStructuredClone["BigUint64Array"] = new BigUint64Array([1n, 2n]);

describe("values between processes", () => {
  for (const [name, value] of Object.entries(likeStructuredClone)) {
    it(`arrive as structuredClone gives them: ${name}`, () => {
      assert.deepStrictEqual(send(value), structuredClone(value));
      assert.deepStrictEqual(decodeValue(encodeArguments([value, 1])), [structuredClone(value), 1]);
    });
  }

  it("keep holes of an array as holes", () => {
    assert.deepStrictEqual(Object.keys(send(holes)), ["0", "2"]);
    const nearlyEmpty: number[] = [];
    nearlyEmpty[3_000_000_000] = 1;
    assert.equal(send(nearlyEmpty).length, 3_000_000_001);
  });

  it("keep shared references and cycles", () => {
    const shared = { name: "shared" };
    const value: Record<string, unknown> = { first: shared, list: [shared, shared], map: new Map([[shared, shared]]) };
    value["self"] = value;
    const arrived = send(value) as typeof value & { first: object; list: object[]; map: Map<object, object> };
    assert.equal(arrived["self"], arrived);
    assert.equal(arrived.list[0], arrived.first);
    assert.equal(arrived.list[1], arrived.first);
    assert.equal(arrived.map.get(arrived.first), arrived.first);
    const small = [shared, shared];
    const [first, second] = send(small);
    assert.equal(first, second);
  });

  it("keep references shared between arguments", () => {
    const shared = { a: 1 };
    const [first, second] = decodeValue(encodeArguments([shared, shared])) as object[];
    assert.equal(first, second);
  });

  it("keep own __proto__ keys as what they are, in every encoding", () => {
    const small = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}') as object;
    for (const value of [small, { small, date: new Date(0) }, { small, error: new Error("x") }]) {
      const arrived = send(value) as { small?: object };
      const holder = arrived.small ?? arrived;
      assert.equal(Object.getPrototypeOf(holder), Object.prototype);
      assert.deepStrictEqual(Object.getOwnPropertyDescriptor(holder, "__proto__")?.value, { polluted: true });
      assert.equal(Reflect.get({}, "polluted"), undefined);
    }
  });

  it("keep the order of keys", () => {
    const value = { z: 1, a: 2, 10: 3, 2: 4, m: new Date(0) };
    assert.deepStrictEqual(Object.keys(send(value)), ["2", "10", "z", "a", "m"]);
  });

  it("send Buffers as Buffers, and no more than their own bytes", () => {
    const pooled = Buffer.from("abc");
    const arrived = send({ pooled, list: [Buffer.alloc(0), Buffer.alloc(100_000, 7)] });
    assert.ok(Buffer.isBuffer(arrived.pooled));
    assert.equal(arrived.pooled.toString(), "abc");
    assert.equal(arrived.pooled.buffer.byteLength, 3);
    assert.equal(arrived.list[1]?.[99_999], 7);
    const small = new Uint8Array(new ArrayBuffer(64 * 1024 * 1024), 1024, 8);
    assert.ok(encodeValue(small, "result").byteLength < 200);
    assert.equal(send(small).buffer.byteLength, 8);
  });

  it("keep the buffer that several whole views share", () => {
    const buffer = new ArrayBuffer(16);
    const arrived = send({ bytes: new Uint8Array(buffer), numbers: new Float64Array(buffer), buffer });
    assert.equal(arrived.bytes.buffer, arrived.buffer);
    assert.equal(arrived.numbers.buffer, arrived.buffer);
    arrived.bytes.fill(255);
    assert.ok(Number.isNaN(arrived.numbers[0]));
  });

  it("share no memory with the bytes they were decoded from", () => {
    const bytes = encodeValue([new Uint8Array([1, 2, 3]), Buffer.from("abc")], "result");
    const [numbers, text] = decodeValue(bytes) as [Uint8Array, Buffer];
    bytes.fill(0);
    assert.deepStrictEqual([...numbers], [1, 2, 3]);
    assert.equal(text.toString(), "abc");
  });

  it("leave earlier encodings alone when later ones are made", () => {
    const encoded = Array.from({ length: 5000 }, (_, index) => encodeArguments([index, `text ${index}`]));
    for (const [index, bytes] of encoded.entries()) {
      assert.deepStrictEqual(decodeValue(bytes), [index, `text ${index}`]);
    }
  });

  it("take class instances as plain objects, and what is behind accessors as values", () => {
    const arrived = send({
      point: new Point(),
      get computed() {
        return [1];
      },
    });
    assert.equal(Object.getPrototypeOf(arrived.point), Object.prototype);
    assert.deepStrictEqual<unknown>(arrived, { point: { x: 1, y: [2] }, computed: [1] });
  });

  it("survive a getter that encodes a value itself in the middle", () => {
    const value = {
      before: 1,
      get logged() {
        encodeValue(["something", "else"], "log record");
        return 2;
      },
      after: 3,
    };
    assert.deepStrictEqual({ ...send(value) }, { before: 1, logged: 2, after: 3 });
  });

  it("survive a getter that changes the array in the middle", () => {
    const list: unknown[] = [];
    list.push(
      {
        get grow() {
          list.push("more");
          return 1;
        },
      },
      2,
    );
    assert.ok(Array.isArray(send(list)));
  });
});
