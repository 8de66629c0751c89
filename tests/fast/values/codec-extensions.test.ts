import assert from "node:assert/strict";
import { describe } from "node:test";
import { it } from "node:test";

import { NotSerializableError } from "../../../src/errors.js";
import { addExtension } from "../../../src/values/classes/extensions.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeArguments } from "../../../src/values/codec.js";
import { encodeValue } from "../../../src/values/codec.js";

function send<T>(value: T): T {
  return decodeValue(encodeValue(value, "result")) as T;
}

class Money {
  readonly #cents: bigint;
  constructor(cents: bigint) {
    this.#cents = cents;
  }
  get cents(): bigint {
    return this.#cents;
  }
}

class Box {
  content: unknown;
  constructor(content: unknown) {
    this.content = content;
  }
}

class Broken {}

addExtension({
  tag: "test.Money",
  fits: (prototype) => prototype === Money.prototype,
  encode: (money) => (money as Money).cents,
  decode: (plain) => new Money(plain as bigint),
});
addExtension({
  tag: "test.Box",
  fits: (prototype) => prototype === Box.prototype,
  encode: (box) => ({ content: (box as Box).content }),
  decode: (plain) => new Box((plain as { content: unknown }).content),
});
addExtension({
  tag: "test.Broken",
  fits: (prototype) => prototype === Broken.prototype,
  encode: () => {
    throw new RangeError("never");
  },
  decode: () => new Broken(),
});

describe("objects of a kind that was added", () => {
  it("arrive as instances, wherever they stand", () => {
    const money = new Money(5n);
    const arrived = send({
      self: money,
      list: [1, money],
      map: new Map<unknown, unknown>([
        ["before", 1],
        [money, { in: money }],
        ["after", money],
      ]),
      set: new Set([0, money, 2]),
    });
    assert.ok(arrived.self instanceof Money);
    assert.equal(arrived.self.cents, 5n);
    assert.equal(arrived.list[1], arrived.self);
    assert.deepStrictEqual([...arrived.map.keys()], ["before", arrived.self, "after"]);
    assert.equal((arrived.map.get(arrived.self) as { in: Money }).in, arrived.self);
    assert.equal([...arrived.set][1], arrived.self);
    assert.deepStrictEqual(Object.keys(arrived), ["self", "list", "map", "set"]);
  });

  it("arrive as the whole value, and as an argument", () => {
    assert.equal(send(new Money(1n)).cents, 1n);
    const [first, second] = decodeValue(encodeArguments([new Money(2n), "x"])) as [Money, string];
    assert.equal(first.cents, 2n);
    assert.equal(second, "x");
  });

  it("may hold others, errors, and subclasses of theirs", () => {
    class BigMoney extends Money {}
    const arrived = send(new Box([new Box(new BigMoney(3n)), new TypeError("inside")]));
    assert.ok(arrived instanceof Box);
    const [inner, error] = arrived.content as [Box, Error];
    assert.ok(inner.content instanceof Money);
    assert.ok(error instanceof TypeError);
  });

  it("are not confused with any data of the user's", () => {
    const lookAlike = { tag: "test.Money", 0: [[1], [["test.Money", 1n]], [0, {}, "a", 0]], index: 0 };
    assert.deepStrictEqual(send([lookAlike, new Money(1n)])[0], lookAlike);
    assert.deepStrictEqual(send([["test.Money", 5n], undefined]), [["test.Money", 5n], undefined]);
  });

  it("keep cycles and shared references around them", () => {
    const value: Record<string, unknown> = { money: new Money(1n), buffer: new Uint8Array([1, 2]) };
    value["self"] = value;
    value["again"] = [value["buffer"], value];
    const arrived = send(value) as { self: object; again: unknown[]; buffer: Uint8Array };
    assert.equal(arrived.self, arrived);
    assert.equal(arrived.again[0], arrived.buffer);
    assert.equal(arrived.again[1], arrived);
  });

  it("may be reached from themselves through a plain object, but not directly", () => {
    const holder: { box?: Box } = {};
    holder.box = new Box(holder);
    const arrived = send(holder);
    assert.equal(arrived.box?.content, arrived);
    const loop = new Box(undefined);
    loop.content = [loop];
    assert.throws(
      () => send(loop),
      (error: unknown) => {
        assert.ok(error instanceof NotSerializableError);
        assert.match(error.message, /holds itself/);
        return true;
      },
    );
  });

  it("keep typed arrays, dates, holes and class instances beside them as they would be without", () => {
    const list = [
      1,
      ,
      new Date(0),
      new Float32Array([1]),
      Buffer.from("x"),
      new (class Plain {
        a = 1;
      })(),
      /x/g,
    ];
    const [arrived] = send([list, new Money(1n)]) as [unknown[], Money];
    assert.deepStrictEqual(arrived, send(list));
    assert.deepStrictEqual(Object.keys(arrived), ["0", "2", "3", "4", "5", "6"]);
  });

  it("are refused with path and cause when their encoder throws", () => {
    assert.throws(
      () => encodeValue({ a: [new Broken()] }, "result"),
      (error: unknown) => {
        assert.ok(error instanceof NotSerializableError);
        assert.equal(error.path, "result.a[0]");
        assert.ok(error.cause instanceof RangeError);
        return true;
      },
    );
  });
});
