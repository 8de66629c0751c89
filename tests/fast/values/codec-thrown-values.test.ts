/** What is thrown and is no error. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { it } from "node:test";

import { NotSerializableError } from "../../../src/errors.js";
import { decodeThrown } from "../../../src/values/thrown.js";
import { encodeThrown } from "../../../src/values/thrown.js";

function send(thrown: unknown): unknown {
  return decodeThrown(encodeThrown(thrown));
}

describe("thrown values that are no errors", () => {
  it("travel as themselves", () => {
    const values = [undefined, null, 0, -0, "", "text", false, 10n, { a: [1] }, [new Date(0)]];
    for (const value of values) assert.deepStrictEqual(send(value), value);
  });

  it("become a NotSerializableError when they can't be sent", () => {
    const proxied = new Proxy(new Error("x"), {
      get: () => assert.fail("a trap ran"),
      getPrototypeOf: () => assert.fail("a trap ran"),
      ownKeys: () => assert.fail("a trap ran"),
    });
    for (const value of [() => 1, Symbol("x"), proxied, Promise.resolve(1)]) {
      const arrived = send(value);
      assert.ok(arrived instanceof NotSerializableError);
      assert.equal(arrived.path, "thrown value");
    }
    const inside = send({ a: [{ f: () => 1 }] });
    assert.ok(inside instanceof NotSerializableError);
    assert.equal(inside.path, "thrown value.a[0].f");
    const getter = send({
      get broken() {
        throw Object.assign(new Error("cause"), { f: () => 1 });
      },
    });
    assert.ok(getter instanceof NotSerializableError);
    assert.equal((getter.cause as Error).message, "cause");
  });

  it("are encoded even when the call stack is nearly full", () => {
    let encoded: Uint8Array | undefined;
    const error = Object.assign(new Error("x", { cause: new Error("y") }), { a: { b: { c: [1, 2] } } });
    const descend = (): void => {
      try {
        descend();
      } catch {
        // Each way up has a little more room; the first that works is kept.
        encoded ??= encodeThrown(error);
        throw new RangeError("up");
      }
    };
    assert.throws(descend, RangeError);
    assert.ok(encoded !== undefined);
    assert.notEqual(decodeThrown(encoded), undefined);
  });
});
