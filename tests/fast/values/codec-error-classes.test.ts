/** Classes of errors that are found by their place: what the other process may choose, and what not. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { beforeEach } from "node:test";
import { it } from "node:test";
import vm from "node:vm";

import { decodeFor } from "../../../src/values/errors/class-places.js";
import { decodeThrown } from "../../../src/values/thrown.js";
import { encodeThrown } from "../../../src/values/thrown.js";
import { findErrorPrototype } from "../../../src/pickle/error-classes.js";
import { findErrorClassesBy } from "../../../src/values/errors/class-places.js";
import { isErrorClass } from "../../../src/values/errors/classes.js";
import { placesOfClasses } from "../../../src/pickle/error-places.js";
import { sendErrorClassExports } from "../../../src/values/errors/class-places.js";
import { sendErrorClassPlaces } from "../../../src/values/errors/class-places.js";

class SentError extends Error {}

let sent: (string | undefined)[] = [];
let prototypes: Record<string, object> = {};

beforeEach(() => {
  sent = ["here"];
  prototypes = {};
  sendErrorClassPlaces(() => sent);
  findErrorClassesBy(({ place }) => prototypes[place]);
});

after(() => {
  sendErrorClassPlaces(() => []);
  sendErrorClassExports(() => undefined);
  findErrorClassesBy(() => undefined);
});

/** The prototype with which an error of the class arrives. */
function arrives(error: Error): object | null {
  return Object.getPrototypeOf(decodeFor([arrives], () => decodeThrown(encodeThrown(error)))) as object | null;
}

it("a class at the place, of the name and of the kind is taken", () => {
  const found = class SentError extends Error {}.prototype;
  prototypes = { here: found };
  assert.equal(arrives(new SentError("x")), found);
});

it("a class of another name, or of another kind, is not", () => {
  prototypes = { here: class OtherError extends Error {}.prototype };
  assert.equal(arrives(new SentError("x")), Error.prototype);
  prototypes = { here: class SentError extends TypeError {}.prototype };
  assert.equal(arrives(new SentError("x")), Error.prototype);
  prototypes = { here: new Proxy(class SentError extends Error {}.prototype, {}) };
  assert.equal(arrives(new SentError("x")), Error.prototype);
});

it("the nearest class counts, and the error keeps its own name", () => {
  class Lower extends SentError {}
  sent = ["nowhere", "here"];
  prototypes = { here: SentError.prototype };
  assert.equal(arrives(new Lower("x")), SentError.prototype);
});

it("whatever goes wrong while classes are looked for, the error arrives", () => {
  findErrorClassesBy(() => assert.fail("looking"));
  assert.equal(arrives(new SentError("x")), Error.prototype);
  sendErrorClassPlaces(() => assert.fail("telling"));
  assert.equal(arrives(new SentError("x")), Error.prototype);
});

it("places that lead nowhere give nothing, and load nothing", () => {
  const places = [
    "",
    "nowhere",
    "file:///nowhere.js:1:2",
    "file:%:1:2",
    "node:fs:1:2",
    "file://a/b.js:1:2",
    "x:".repeat(1e5),
  ];
  for (const place of places) {
    findErrorClassesBy(findErrorPrototype);
    sent = [place];
    assert.equal(arrives(new SentError("x")), Error.prototype);
  }
});

it("the way from an export leads to an own class of errors of that name, and runs nothing", () => {
  const Same = class SentError extends Error {};
  const Other = class OtherError extends Error {};
  const exports = {
    Same,
    Other,
    member: { Same, proxied: new Proxy({ Same }, { getOwnPropertyDescriptor: () => assert.fail("a trap ran") }) },
    compiled: { __esModule: true },
    inherited: Object.create({ Same }) as object,
    get gotten(): never {
      return assert.fail("a getter ran");
    },
    wrong: { prototype: Same.prototype },
  };
  findErrorClassesBy(findErrorPrototype);
  let path: readonly string[] | undefined;
  sendErrorClassExports(() => path);
  const found = (way: string): object => {
    path = way.split(".");
    const error = decodeFor([arrives, exports], () => decodeThrown(encodeThrown(new SentError("x"))));
    return Object.getPrototypeOf(error) as object;
  };
  for (const way of ["Same", "member.Same"]) assert.equal(found(way), Same.prototype, way);
  const nowhere = ["", "nowhere", "Other", "member", "member.proxied.Same", "inherited.Same", "gotten", "wrong"];
  for (const way of [...nowhere, "Same.prototype", "compiled.constructor", "compiled.__proto__", "a.".repeat(1e5)]) {
    assert.equal(found(way), Error.prototype, way);
  }
  sent = [];
  assert.equal(found("Same"), Error.prototype, "no place, so its errors can't be put together");
});

it("the place of a class is told for what others can find and put together", () => {
  const [place] = placesOfClasses([SentError], new SentError("x"));
  assert.match(place ?? "", /^file:.*codec-error-classes\.test\.js:\d+:\d+$/);
  class PrivateError extends SentError {
    readonly #field = 1;
    get field(): number {
      return this.#field;
    }
  }
  class LowerError extends PrivateError {}
  const three = [LowerError, PrivateError, SentError];
  assert.deepEqual(placesOfClasses(three, new LowerError("x")), [undefined, undefined, place]);
  assert.deepEqual(placesOfClasses([SentError], new SentError("x")), [place]);
  // Text without a name has the same positions in every process and need not be the same.
  const made = vm.runInThisContext("(class MadeError extends Error {})", { filename: "" }) as new () => Error;
  assert.deepEqual(placesOfClasses([made], new made()), [undefined]);
});

it("only classes below the built-in ones are classes of errors", () => {
  for (const each of [Error, SentError, RangeError, DOMException]) assert.equal(isErrorClass(each), true);
  const proxied = new Proxy(SentError, { get: () => assert.fail("a trap ran") });
  for (const each of [Object, Map, () => {}, {}, proxied, Object.assign(() => {}, { prototype: null })]) {
    assert.equal(isErrorClass(each), false);
  }
});
