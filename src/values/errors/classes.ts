/**
 * Which classes of errors can arrive as themselves: a fixed list, what was registered, and what is found by its place.
 *
 * A name from the other process never chooses a global, loads a module or calls a constructor.
 */

import process from "node:process";
import { types } from "node:util";

import * as ownErrors from "../../errors.js";
import { errorPrototypeAt } from "./class-places.js";
import { exportPathOfErrorClass } from "./class-places.js";
import { isNativeClass } from "../classes/classify.js";
import { ownConstructor } from "../classes/classify.js";
import { placesOfErrorClasses } from "./class-places.js";
import type { OwnErrorClass } from "./class-places.js";

/** A class of errors, as `registerErrorClass` takes it. */
export interface ErrorClass {
  readonly name: string;
  readonly prototype: Error;
}

const DOM_EXCEPTION = "DOMException";
const ASSERTION_ERROR = "AssertionError";

/**
 * Prototypes of registered classes by name; apart from the others, so that none can take the place of a built-in one.
 */
const registered = new Map<string, Error>();

const byKey = new Map<string, object>();
const keyOf = new Map<object, string>();

/** Classes of errors that not every Node has: by its version, or by its flags. */
function optionalClasses(): ErrorClass[] {
  const { SuppressedError, WebAssembly } = globalThis as Record<string, unknown> & { WebAssembly?: object };
  const { CompileError, LinkError, RuntimeError } = (WebAssembly ?? {}) as Record<string, unknown>;
  const classes = [SuppressedError, CompileError, LinkError, RuntimeError];
  return classes.filter((each): each is ErrorClass & Function => typeof each === "function");
}

function add(key: string, prototype: object): void {
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
  ...optionalClasses(),
]) {
  add(builtIn.name, builtIn.prototype);
}
for (const [name, exported] of Object.entries(ownErrors)) {
  if (typeof exported === "function") add(`asynccpu.${name}`, exported.prototype);
}

/**
 * Lets the errors of a class arrive as instances of that class; to be called in the process where they arrive. Needed
 * only for a class that isn't found without: one of a module that no submitted function leads to, or with private
 * fields.
 *
 * Its constructor is not called on arrival: message, stack, code, cause and own enumerable properties are put back. A
 * second class of the same name takes the place of the first: a function that travels by value may bring its own copy.
 */
export function registerErrorClass(errorClass: ErrorClass): void {
  registered.set(errorClass.name, errorClass.prototype);
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

/** What travels of the class of an error. */
export interface ErrorClassTag {
  /** Key of the nearest class that every process has. */
  readonly key: string;
  /** The classes before that one, the error's own first. */
  readonly classes: readonly OwnErrorClass[];
}

/** More levels of classes than this are not looked at. */
const MAX_LEVELS = 20;

/** The name of a class or function itself, when that is a text. Runs no getter. */
export function ownName(constructor: object): string | undefined {
  const name: unknown = Object.getOwnPropertyDescriptor(constructor, "name")?.value;
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** Describes the class of an error. */
export function errorClassTag(error: object): ErrorClassTag {
  const constructors: object[] = [];
  const prototype = Object.getPrototypeOf(error) as object | null;
  const key = nearestKey(prototype, (at) => {
    const constructor = ownConstructor(at);
    const isOfUse = constructor !== undefined && !types.isProxy(constructor) && ownName(constructor) !== undefined;
    if (isOfUse && constructors.length < MAX_LEVELS) constructors.push(constructor);
  });
  if (constructors.length === 0) return { key, classes: [] };
  const places = placesOfErrorClasses(constructors, error);
  const classes = constructors.map((each, index) => {
    const place = places[index];
    const exportPath = place === undefined ? undefined : exportPathOfErrorClass(each);
    return { name: ownName(each) ?? "", place, exportPath };
  });
  return { key, classes };
}

/** The key of the nearest class, in a chain of prototypes, that every process has. */
function nearestKey(prototype: object | null, onOther: (prototype: object) => void = () => {}): string {
  for (let at = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    // Asking a proxy would run its traps.
    if (types.isProxy(at)) break;
    const key = knownKey(at);
    if (key !== undefined) return key;
    onOther(at);
  }
  return "Error";
}

/** Whether instances of a class can stand for errors: it has one of the known classes above it. */
export function isErrorClass(value: object): boolean {
  if (typeof value !== "function" || types.isProxy(value)) return false;
  const prototype: unknown = Object.getOwnPropertyDescriptor(value, "prototype")?.value;
  if (typeof prototype !== "object" || prototype === null) return false;
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (types.isProxy(at)) return false;
    if (knownKey(at) !== undefined) return true;
  }
  return false;
}

/** The prototype of one class, when this process has it: it was written at the same place, or is registered here. */
function foundPrototype(errorClass: OwnErrorClass, key: string, errorName?: string): object | undefined {
  const { name } = errorClass;
  for (const found of [errorPrototypeAt(errorClass, errorName), registered.get(name)]) {
    if (types.isProxy(found)) continue;
    const constructor = found && ownConstructor(found);
    if (constructor && ownName(constructor) === name && nearestKey(found) === key) return found;
  }
  return undefined;
}

/**
 * The prototype for an error that arrives: that of the nearest of its classes that this process knows.
 *
 * @param errorName - The name that the error itself has.
 */
export function prototypeFor({ key, classes }: ErrorClassTag, errorName?: string): object {
  for (const each of classes) {
    const found = foundPrototype(each, key, errorName);
    if (found !== undefined) return found;
  }
  return errorPrototype(key);
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
