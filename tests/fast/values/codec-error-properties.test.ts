/** Which properties of errors travel, and by which name an error goes whose own class stays behind. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { it } from "node:test";

import { decodeFor } from "../../../src/values/errors/class-places.js";
import { decodeThrown } from "../../../src/values/thrown.js";
import { encodeThrown } from "../../../src/values/thrown.js";
import { findErrorClassesBy } from "../../../src/values/errors/class-places.js";
import { findErrorPrototype } from "../../../src/pickle/error-classes.js";
import { placesOfClasses } from "../../../src/pickle/error-places.js";
import { sendErrorClassPlaces } from "../../../src/values/errors/class-places.js";

sendErrorClassPlaces(placesOfClasses);
findErrorClassesBy(findErrorPrototype);

after(() => {
  sendErrorClassPlaces(() => []);
  findErrorClassesBy(() => undefined);
});

class BaseError extends Error {
  status = 500;
}

class SecretError extends BaseError {
  readonly #secret = 1;

  get secret(): number {
    return this.#secret;
  }
}

class LowerError extends SecretError {
  readonly lower = true;
}

class NamedError extends SecretError {
  override readonly name = "Named";
}

/** As it arrives for a task of a function that can name the classes above. */
function sent(error: Error): Error & Record<string, unknown> {
  const fn = (): unknown => [BaseError, SecretError, LowerError, NamedError];
  return decodeFor([fn], () => decodeThrown(encodeThrown(error))) as Error & Record<string, unknown>;
}

it("an error with private fields arrives as its nearest class without, by its own name", () => {
  for (const error of [new SecretError("x"), new LowerError("x")]) {
    const arrived = sent(error);
    assert.equal(Object.getPrototypeOf(arrived), BaseError.prototype);
    assert.equal(arrived.name, error.constructor.name);
    assert.match(arrived.stack ?? "", new RegExp(`^${error.constructor.name}: x\n`));
    assert.equal(arrived["status"], 500);
  }
  assert.equal(sent(new NamedError("x")).name, "Named");
  assert.equal(sent(new BaseError("x")).name, "Error");
});

it("own properties arrive, those that are not enumerable as such, and none of them twice", () => {
  const error = Object.defineProperties(new BaseError("x", { cause: "why" }), {
    issues: { value: [{ path: ["a"] }], enumerable: false },
    count: { get: () => 2, enumerable: false },
    shown: { get: () => 3, enumerable: true },
    broken: { get: () => assert.fail("read"), enumerable: false },
    toString: { value: () => "shown by a method", enumerable: false },
  });
  const arrived = sent(error);
  assert.deepEqual(arrived["issues"], [{ path: ["a"] }]);
  assert.equal(arrived["count"], 2);
  assert.equal(arrived["shown"], 3);
  assert.match(String(arrived["broken"]), /reading it threw/);
  assert.equal(arrived.cause, "why");
  assert.deepEqual(Object.keys(arrived).toSorted(), ["shown", "status"]);
  assert.equal(Object.hasOwn(arrived, "toString"), false);
  assert.equal(String(arrived), "Error: x");
});

it("an error that shows itself its own way in JSON does so where it arrives", () => {
  const json = Object.assign(new BaseError("x"), { code: "E" });
  assert.equal(JSON.stringify(sent(json)), JSON.stringify(json));
});

it("an AggregateError of a class of one's own arrives with its errors", () => {
  class ManyError extends AggregateError {}
  const error = new ManyError([new BaseError("one"), "two"], "many");
  const fn = (): unknown => [ManyError, BaseError];
  const arrived = decodeFor([fn], () => decodeThrown(encodeThrown(error)));
  assert.ok(arrived instanceof ManyError);
  assert.ok(arrived.errors[0] instanceof BaseError);
  assert.equal(arrived.errors[1], "two");
  assert.equal(Object.propertyIsEnumerable.call(arrived, "errors"), false);
});
