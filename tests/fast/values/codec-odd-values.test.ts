import assert from "node:assert/strict";
import crypto from "node:crypto";
import net from "node:net";
import { describe } from "node:test";
import { it } from "node:test";

import { NotSerializableError } from "../../../src/errors.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeArguments } from "../../../src/values/codec.js";
import { encodeValue } from "../../../src/values/codec.js";

function send<T>(value: T): T {
  return decodeValue(encodeValue(value, "result")) as T;
}

/** Every kind of value that structuredClone of any Node from 20 to 26 takes, and that is no stream, handle or Blob. */
const cloneable: Record<string, unknown> = {
  undefined,
  null: null,
  boolean: true,
  number: -0,
  string: "a\ud800\0€",
  bigint: -(2n ** 70n),
  "boxed boolean": Object(false),
  "boxed number": Object(Number.NaN),
  "boxed string": Object("text"),
  "boxed bigint": Object(5n),
  Date: new Date(86_400_000),
  RegExp: /[a-z]+/dgimsuy,
  Array: [1, [2], "three"],
  "sparse array": Object.assign([], { 2: "x", length: 10 }),
  "array with properties": Object.assign([1], { label: "x" }),
  Object: { a: { b: { c: 1 } } },
  Map: new Map([[new Map(), new Map([[1, 2]])]]),
  Set: new Set([new Set([1]), "a"]),
  Error: new Error("message", { cause: "why" }),
  EvalError: new EvalError("message"),
  RangeError: new RangeError("message"),
  ReferenceError: new ReferenceError("message"),
  SyntaxError: new SyntaxError("message"),
  TypeError: new TypeError("message"),
  URIError: new URIError("message"),
  "error with an odd name": Object.assign(new Error("x"), { name: "RangeError" }),
  ArrayBuffer: new Uint8Array([1, 2, 3]).buffer,
  "resizable ArrayBuffer": Reflect.construct(ArrayBuffer, [4, { maxByteLength: 8 }]),
  DataView: new DataView(new ArrayBuffer(8), 2, 4),
  "typed array of a part": new Uint16Array(new ArrayBuffer(16), 4, 2),
  "own class of typed array": new (class Bytes extends Uint8Array {})(3),
  "own class of Map": new (class Registry extends Map<string, number> {})([["a", 1]]),
  "own class": new (class Point {
    x = 1;
  })(),
  "null prototype": Object.assign(Object.create(null) as object, { a: 1 }),
  accessor: {
    get a() {
      return [1];
    },
  },
};

describe("what structuredClone takes", () => {
  for (const [name, value] of Object.entries(cloneable)) {
    it(`arrives as it is there, by itself and beside a special: ${name}`, () => {
      const expected = structuredClone(value);
      for (const arrived of [
        send(value),
        send([value])[0],
        send([value, Symbol.iterator])[0],
        (decodeValue(encodeArguments([Symbol.iterator, { value }])) as [symbol, { value: unknown }])[1].value,
      ]) {
        if (value instanceof Error && expected instanceof Error) {
          assert.ok(arrived instanceof Error);
          assert.equal(Object.getPrototypeOf(arrived), Object.getPrototypeOf(value));
          assert.equal(arrived.message, expected.message);
          assert.equal(arrived.stack, value.stack);
          assert.deepEqual(arrived.cause, expected.cause);
        } else {
          assert.deepStrictEqual(arrived, expected);
        }
      }
    });
  }

  it("arrives as it is there: DOMException, with code and name", () => {
    const arrived = send(new DOMException("gone", "AbortError"));
    assert.ok(arrived instanceof DOMException);
    assert.deepEqual([arrived.name, arrived.message, arrived.code], ["AbortError", "gone", 20]);
  });

  it("arrives as it is there: keys, certificates' public keys, addresses, block lists", () => {
    const { publicKey, privateKey } = crypto.generateKeyPairSync("ed25519");
    const secret = crypto.createSecretKey(Buffer.from("a secret key 16!"));
    const arrived = send({ publicKey, privateKey, secret });
    assert.ok(arrived.secret.equals(secret) && arrived.publicKey.equals(publicKey));
    const signature = crypto.sign(null, Buffer.from("text"), arrived.privateKey);
    assert.ok(crypto.verify(null, Buffer.from("text"), publicKey, signature));
    const address = new net.SocketAddress({ address: "::1", family: "ipv6", port: 80, flowlabel: 7 });
    assert.deepEqual(send(address).flowlabel, 7);
    assert.deepEqual([send(address).address, send(address).port], ["::1", 80]);
    const list = new net.BlockList();
    list.addAddress("1.2.3.4");
    list.addAddress("::1", "ipv6");
    list.addRange("10.0.0.1", "10.0.0.9");
    list.addSubnet("8.8.8.0", 24);
    list.addSubnet("2001:db8::", 32, "ipv6");
    const arrivedList = send(list);
    assert.deepEqual(arrivedList.rules.toSorted(), list.rules.toSorted());
    assert.ok(arrivedList.check("10.0.0.5") && arrivedList.check("2001:db8::1", "ipv6"));
    assert.ok(!arrivedList.check("10.0.0.10"));
  });
});

describe("beyond structuredClone", () => {
  it("URL, URLSearchParams and Headers arrive as themselves", () => {
    const headers = new Headers([
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["x-other", "c"],
    ]);
    const url = new URL("https://user:pw@example.org:81/ü?q=1&q=2#frag");
    const arrived = send({ url, again: url, params: new URLSearchParams("a=1&a=2&b=%00"), headers });
    assert.ok(arrived.url instanceof URL);
    assert.equal(arrived.url.href, url.href);
    assert.equal(arrived.again, arrived.url);
    assert.ok(arrived.params instanceof URLSearchParams);
    assert.deepEqual([...arrived.params], [...new URLSearchParams("a=1&a=2&b=%00")]);
    assert.ok(arrived.headers instanceof Headers);
    assert.deepEqual(arrived.headers.getSetCookie(), ["a=1", "b=2"]);
    assert.equal(arrived.headers.get("x-other"), "c");
  });

  it("the user's own classes of these names are nothing special", () => {
    class URL {
      href = 1;
    }
    class KeyObject {
      type = "secret";
    }
    assert.deepEqual(send<unknown>([new URL(), new KeyObject()]), [{ href: 1 }, { type: "secret" }]);
  });

  it("symbols of the registry and well-known ones arrive as themselves, wherever they stand as values", () => {
    const mark = Symbol.for("asynccpu.test.mark");
    const value = {
      mark,
      list: [mark, , Symbol.iterator],
      map: new Map<unknown, unknown>([
        [mark, Symbol.asyncIterator],
        ["plain", mark],
      ]),
      set: new Set([1, mark]),
      error: Object.assign(new Error("x"), { mark }),
    };
    const arrived = send(value);
    assert.equal(arrived.mark, mark);
    assert.deepEqual(arrived.list, value.list);
    assert.ok(!(1 in arrived.list));
    assert.deepStrictEqual(arrived.map, value.map);
    assert.deepStrictEqual(arrived.set, value.set);
    assert.equal(arrived.error.mark, mark);
    assert.equal(send(mark), mark);
    assert.deepStrictEqual(decodeValue(encodeArguments([mark, Symbol.for("")])), [mark, Symbol.for("")]);
  });

  it("a symbol of this process only is refused with its path", () => {
    assert.throws(() => send({ a: [Symbol("x")] }), { name: "NotSerializableError", path: "result.a[0]" });
    assert.throws(() => send([Symbol.iterator, { b: Symbol("x") }]), { path: "result[1].b" });
  });

  it("errors inside values keep class, cause, code and own properties, and are shared as they were", () => {
    const cause = Object.assign(new RangeError("low"), { code: "E_LOW", extra: { list: [1] } });
    const error = new AggregateError([cause, new TypeError("t")], "several", { cause });
    const arrived = send({ list: [error, error], map: new Map([["k", cause]]) });
    const [first, second] = arrived.list;
    assert.ok(first instanceof AggregateError);
    assert.equal(first, second);
    assert.equal(first.cause, first.errors[0]);
    assert.equal(arrived.map.get("k"), first.cause as RangeError);
    assert.deepEqual((first.cause as typeof cause).extra, { list: [1] });
    assert.equal((first.cause as typeof cause).code, "E_LOW");
  });
});

describe("values at the limits", () => {
  it("very large bigints arrive", () => {
    const large = (1n << 1_000_000n) - 12345n;
    assert.equal(send({ large, negative: -large }).large, large);
    assert.equal(send(-large), -large);
  });

  it("a nesting of whatever depth is a value or an error, in every encoding", () => {
    // What V8 can write it can't always read.
    for (const depth of [1500, 2000, 2500, 3000, 3500, 10_000]) nest(depth);
  });

  function nest(depth: number): void {
    for (const leaf of [0, new Date(0), new Error("x"), Symbol.iterator, new URL("http://localhost")]) {
      for (const wrap of [(inner: unknown) => [inner], (a: unknown) => ({ a }), (a: unknown) => new Map([[a, a]])]) {
        let value: unknown = leaf;
        for (let level = 0; level < depth; level++) value = wrap(value);
        try {
          const arrived = send(value);
          assert.equal(typeof arrived, "object");
        } catch (error) {
          assert.ok(error instanceof NotSerializableError, String(error));
          assert.match(error.message, /nested too deeply/);
        }
      }
    }
  }

  it("cycles through every kind of container are kept", () => {
    const mark = Symbol.for("asynccpu.test.mark");
    const map = new Map<unknown, unknown>();
    const set = new Set<unknown>();
    const list: unknown[] = [map, set, mark];
    map.set(list, set).set("self", map);
    set.add(map).add(set).add(list);
    const [arrivedMap, arrivedSet] = send(list) as [Map<unknown, unknown>, Set<unknown>];
    const [arrivedList] = arrivedMap.keys() as Iterable<unknown> as unknown as [unknown[]];
    assert.equal(arrivedMap.get("self"), arrivedMap);
    assert.equal(arrivedMap.get(arrivedList), arrivedSet);
    assert.ok(arrivedSet.has(arrivedSet) && arrivedSet.has(arrivedMap) && arrivedSet.has(arrivedList));
    assert.equal(arrivedList[0], arrivedMap);
  });
});

describe("properties of arrays that are no elements", () => {
  class Rows extends Array<unknown> {
    get [Symbol.toStringTag](): string {
      throw new Error("nobody's business");
    }
  }
  const long = Array.from({ length: 100_000 }, (_, index) => index);
  const sparse = Object.assign([], { length: 2_000_000, 7: 7 });
  const arrays: Record<string, () => unknown[]> = {
    "an empty one": () => [],
    "one of 65": () => long.slice(0, 65),
    "one of 128": () => long.slice(0, 128),
    "one of 129": () => long.slice(0, 129),
    "a long one": () => long.slice(),
    "one of strings": () => long.slice(0, 300).map(String),
    "one of objects": () => long.slice(0, 300).map((index) => ({ index })),
    "one with holes": () => Object.assign(Array.from<unknown>({ length: 0 }), { 5: 1, length: 300 }),
    "one that is nearly empty": () => Object.assign([], sparse, { length: sparse.length }),
    "one of a subclass": () => Rows.from(long.slice(0, 300)),
  };
  for (const [name, make] of Object.entries(arrays)) {
    it(`are looked at on ${name}`, () => {
      const extras = {
        url: new URL("http://localhost/"),
        4294967295: Object.assign(new RangeError("x"), { code: "E" }),
      };
      const sent = send(Object.assign(make(), extras));
      assert.equal(sent.length, make().length);
      assert.deepEqual(sent[5], make()[5]);
      assert.ok(sent.url instanceof URL);
      assert.equal(sent[4294967295].code, "E");
      const refused: readonly (readonly [object, string])[] = [
        [{ text: new EventTarget() }, "result.text"],
        [{ 4294967295: new EventTarget() }, 'result["4294967295"]'],
      ];
      for (const [bad, path] of refused) {
        assert.throws(() => encodeValue(Object.assign(make(), bad), "result"), { name: "NotSerializableError", path });
      }
      const self: unknown[] & { self?: unknown } = make();
      self.self = self;
      const arrived = send(self);
      assert.equal(arrived.self, arrived);
    });
  }
});

describe("prototypes", () => {
  /** Values whose keys are those by which prototypes are reached. */
  const hostile = [
    '{"__proto__": {"polluted": true}}',
    '{"constructor": {"prototype": {"polluted": true}}}',
    '{"a": [{"__proto__": {"__proto__": {"polluted": true}}}], "prototype": 1, "__defineGetter__": 2}',
  ];

  it("can't be reached by any key, in any encoding", () => {
    for (const text of hostile) {
      const plain = JSON.parse(text) as Record<string, unknown>;
      for (const value of [
        plain,
        [plain, new Date(0)],
        [plain, new Error("x")],
        [plain, Symbol.iterator],
        Object.assign(new Error("x"), { own: plain }),
        new Map([[plain, new URL("http://localhost")]]),
      ]) {
        const arrived = send<unknown>(value);
        assert.equal(Reflect.get({}, "polluted"), undefined);
        assert.equal(Reflect.get([], "polluted"), undefined);
        assert.deepStrictEqual(Object.getPrototypeOf(arrived), Object.getPrototypeOf(value));
        const found = Array.isArray(arrived) ? (arrived[0] as object) : arrived;
        if (found instanceof Error || found instanceof Map) continue;
        assert.equal(Object.getPrototypeOf(found), Object.prototype);
        assert.deepStrictEqual(Object.keys(found as object), Object.keys(plain));
      }
    }
  });

  it("of errors are kept although an own property is called __proto__", () => {
    const error = new TypeError("x");
    Object.defineProperty(error, "__proto__", { value: { polluted: 1 }, enumerable: true });
    const arrived = send(error);
    assert.equal(Object.getPrototypeOf(arrived), TypeError.prototype);
    assert.deepEqual(Object.getOwnPropertyDescriptor(arrived, "__proto__")?.value, { polluted: 1 });
  });

  it("can't be reached by the arrays and Maps of a special", () => {
    const mark = Symbol.iterator;
    const list = Object.defineProperty([mark], "__proto__", { value: mark, enumerable: true });
    const arrived = send(list);
    assert.equal(Object.getPrototypeOf(arrived), Array.prototype);
    assert.equal(Object.getOwnPropertyDescriptor(arrived, "__proto__")?.value, mark);
  });
});
