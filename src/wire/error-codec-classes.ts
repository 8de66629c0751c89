/**
 * Which classes of errors can arrive as themselves: a fixed list, and what was registered.
 *
 * A name from the other process never chooses a global or calls a constructor.
 */

import { types } from "node:util";

import * as ownErrors from "../errors.js";
import { isNativeClass } from "./codec-classify.js";
import { ownConstructor } from "./codec-classify.js";

/** A class of errors, as `registerErrorClass` takes it. */
export interface ErrorClass {
  readonly name: string;
  readonly prototype: Error;
}

const DOM_EXCEPTION = "DOMException";
const ASSERTION_ERROR = "AssertionError";

/** Keys of registered classes begin with this, so that none can take the place of a built-in one. */
const REGISTERED = "class:";

const byKey = new Map<string, object>();
const keyOf = new Map<object, string>();

function add(key: string, prototype: object): void {
  const previous = byKey.get(key);
  if (previous !== undefined) keyOf.delete(previous);
  byKey.set(key, prototype);
  keyOf.set(prototype, key);
}

for (const builtIn of [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
]) {
  add(builtIn.name, builtIn.prototype);
}
for (const [name, exported] of Object.entries(ownErrors)) {
  if (typeof exported === "function") add(`asynccpu.${name}`, exported.prototype);
}

/**
 * Lets the errors of a class arrive as instances of that class; to be called in both processes.
 *
 * Its constructor is not called on arrival: message, stack, code, cause and own enumerable properties are put back. A
 * second class of the same name takes the place of the first: a function that travels by value may bring its own copy.
 */
export function registerErrorClass(errorClass: ErrorClass): void {
  add(REGISTERED + errorClass.name, errorClass.prototype);
}

/** Loaded only when such an error is met. */
function assertionErrorPrototype(): object {
  return process.getBuiltinModule("node:assert").AssertionError.prototype;
}

/** The key of a prototype that stands for a known class, in this or another realm. */
function knownKey(prototype: object): string | undefined {
  const key = keyOf.get(prototype);
  if (key !== undefined) return key;
  const constructor = ownConstructor(prototype);
  if (constructor === undefined) return undefined;
  const { name } = constructor;
  if (name === DOM_EXCEPTION && prototype === DOMException.prototype) return name;
  if (name === ASSERTION_ERROR && prototype === assertionErrorPrototype()) return name;
  // Another realm (node:vm, Jest) has built-in classes of its own.
  return byKey.has(name) && isNativeClass(constructor) ? name : undefined;
}

/** The key of the nearest known class of an error. */
export function errorClassKey(error: object): string {
  for (let at = Object.getPrototypeOf(error) as object | null; at !== null; at = Object.getPrototypeOf(at) as object) {
    // Asking a proxy would run its traps.
    if (types.isProxy(at)) break;
    const key = knownKey(at);
    if (key !== undefined) return key;
  }
  return "Error";
}

/** The prototype for a key; that of `Error` when this process does not know the class. */
export function errorPrototype(key: string): object {
  if (key === DOM_EXCEPTION) return DOMException.prototype;
  if (key === ASSERTION_ERROR) return assertionErrorPrototype();
  return byKey.get(key) ?? Error.prototype;
}

/** Whether instances hold state that only the constructor can set. */
export function isDomException(key: string): boolean {
  return key === DOM_EXCEPTION;
}
