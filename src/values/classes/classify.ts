/**
 * What kind of object the codec has before it.
 *
 * Structured clone keeps silent about loss: a `URL` or a `Headers` becomes `{}` on Node 20. Such built-in classes are
 * refused here on every version, as later versions of `structuredClone` do. Instances of the user's own classes become
 * plain objects, as they do there; what they hold in `#private` fields can't be seen from outside and is lost.
 */

import process from "node:process";
import { types } from "node:util";

import { extensionAt } from "./extensions.js";
import { CLASS_ADVICE } from "./host-classes.js";
import { isStub } from "./process-bound.js";
import { onClassRegistered } from "./class-registry.js";
import { optInOf } from "./class-registry.js";

/** Kinds of objects, by how they are walked. */
export const KIND = {
  /** Own enumerable properties are walked. */
  plain: 0,
  array: 1,
  map: 2,
  set: 3,
  /** V8 clones it and it holds no other objects. */
  leaf: 4,
  /** A view or a buffer: a leaf, unless shared or detached. */
  binary: 5,
  error: 6,
  extension: 7,
  /** Of a class that has opted in (class-registry). */
  instance: 8,
  /** A stream, an abort signal or a Blob: sent by those only who see to what comes later. */
  live: 9,
  /** A WeakMap or WeakSet: it travels with what it holds of the objects that travel anyway. */
  weak: 10,
  refused: 11,
} as const;

/** How a value travels: one of the figures of `KIND`. */
export type Kind = (typeof KIND)[keyof typeof KIND];

/** The verdict on a class; `check` means that each instance has to be looked at. */
type Verdict = Exclude<Kind, 1 | 2 | 3 | 4 | 5 | 6 | 10> | "check";

/** Built-in classes written in JavaScript, which V8 takes for ordinary ones; those with a global name first. */
const LOSSY_GLOBALS: ReadonlySet<string> = new Set(
  (
    "URLPattern Request Response FormData AbortController EventTarget " +
    "Event TransformStream CompressionStream DecompressionStream " +
    "TextEncoderStream TextDecoderStream MessageChannel MessagePort BroadcastChannel WebSocket EventSource Crypto " +
    "SubtleCrypto CryptoKey Performance Navigator Storage"
  ).split(" "),
);

/** The others, with the module that exports them. */
const LOSSY_EXPORTS: ReadonlyMap<string, string> = new Map([
  ["Server", "node:net"],
  ["Socket", "node:dgram"],
  ["ChildProcess", "node:child_process"],
  ["Worker", "node:worker_threads"],
  ["ECDH", "node:crypto"],
  ["DiffieHellman", "node:crypto"],
  ["Script", "node:vm"],
  ["AsyncLocalStorage", "node:async_hooks"],
  ["AsyncResource", "node:async_hooks"],
  ["Interface", "node:readline"],
  ["Dir", "node:fs"],
  ["StringDecoder", "node:string_decoder"],
]);

const LIVE_GLOBALS: ReadonlySet<string> = new Set("AbortSignal ReadableStream WritableStream Blob File".split(" "));
const LIVE_EXPORTS: ReadonlyMap<string, string> = new Map([["Stream", "node:stream"]]);

let verdicts = new WeakMap<object, Verdict>();
onClassRegistered(() => {
  verdicts = new WeakMap();
});

/** The constructor that a prototype names. Runs no getter. */
export function ownConstructor(prototype: object): ((...args: never[]) => unknown) | undefined {
  const value: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof value === "function" ? (value as (...args: never[]) => unknown) : undefined;
}

/** Whether the code of a function is none that V8 can show; also of bound functions and Proxies. */
export function hasNativeCode(fn: object): boolean {
  return /\{\s*\[native code\]\s*\}\s*$/.test(Function.prototype.toString.call(fn));
}

/** Whether the class is part of the engine or of Node's native code. */
export function isNativeClass(constructor: (...args: never[]) => unknown): boolean {
  return !types.isProxy(constructor) && hasNativeCode(constructor);
}

/** Identity decides, not the name alone: a user's own class may be called `Event` or `Request`. */
function isAmong(
  constructor: (...args: never[]) => unknown,
  globals: ReadonlySet<string>,
  exports: ReadonlyMap<string, string>,
): boolean {
  const { name } = constructor;
  if (globals.has(name) && Reflect.get(globalThis, name) === constructor) return true;
  const moduleName = exports.get(name);
  const module = moduleName === undefined ? undefined : process.getBuiltinModule(moduleName);
  return module !== undefined && Reflect.get(module, name) === constructor;
}

/** Generators and iterators of built-in collections, whose prototypes have no constructor of their own. */
const BUILT_IN_ITERATOR = /^(?:.+ (?:Iterator|Helper)|(?:Async)?Generator)$/;

function ownTag(prototype: object): string {
  const value: unknown = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag)?.value;
  return typeof value === "string" ? value : "";
}

function isRoot(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null;
}

/** Whether instances are promises of a library: `await` would call a method of them that plain data lacks. */
function hasThen(prototype: object): boolean {
  return typeof Object.getOwnPropertyDescriptor(prototype, "then")?.value === "function";
}

/** What one prototype of a chain says of the class; undefined where the next one has to tell. */
function judgeOne(at: object): Verdict | undefined {
  if (types.isProxy(at)) return KIND.plain;
  const constructor = ownConstructor(at);
  // `Object.prototype`, which may be that of another realm (node:vm, Jest).
  if (isRoot(at)) return constructor === undefined || constructor.name === "Object" ? KIND.plain : "check";
  if (extensionAt(at) !== undefined) return KIND.extension;
  if (hasThen(at)) return KIND.refused;
  if (constructor === undefined) return BUILT_IN_ITERATOR.test(ownTag(at)) ? "check" : undefined;
  if (isAmong(constructor, LIVE_GLOBALS, LIVE_EXPORTS)) return KIND.live;
  if (isAmong(constructor, LOSSY_GLOBALS, LOSSY_EXPORTS)) return KIND.refused;
  return constructor.name === "DOMException" || isNativeClass(constructor) ? "check" : undefined;
}

function judge(prototype: object): Verdict {
  if (!types.isProxy(prototype) && optInOf(ownConstructor(prototype)) !== undefined) return KIND.instance;
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const verdict = judgeOne(at);
    if (verdict !== undefined) return verdict;
  }
  return KIND.plain;
}

function isErrorObject(object: object): boolean {
  return types.isNativeError(object) || object instanceof Error;
}

function checkInstance(object: object): Kind {
  if (types.isDate(object) || types.isRegExp(object)) return KIND.leaf;
  if (types.isMap(object)) return KIND.map;
  if (types.isSet(object)) return KIND.set;
  if (types.isWeakMap(object) || types.isWeakSet(object)) return KIND.weak;
  if (ArrayBuffer.isView(object) || types.isAnyArrayBuffer(object)) return KIND.binary;
  if (isErrorObject(object)) return KIND.error;
  if (types.isBoxedPrimitive(object) && !types.isSymbolObject(object)) return KIND.leaf;
  return KIND.refused;
}

/** What V8 writes for an object without looking at its prototype; only needed where the prototype tells nothing. */
function checkBare(object: object): Kind {
  if (types.isModuleNamespaceObject(object) || types.isArgumentsObject(object)) return KIND.refused;
  const kind = checkInstance(object);
  return kind === KIND.refused ? KIND.plain : kind;
}

/** Classifies an object. Runs no code of the user's, unless a prototype is a proxy. */
export function classify(object: object): Kind {
  // First of all: whatever else is asked of a proxy runs its traps.
  if (types.isProxy(object)) return isStub(object) ? KIND.extension : KIND.refused;
  const prototype = Object.getPrototypeOf(object) as object | null;
  if (prototype === Object.prototype) return types.isArgumentsObject(object) ? KIND.refused : KIND.plain;
  const isArray = Array.isArray(object);
  if (isArray && prototype === Array.prototype) return KIND.array;
  if (prototype === null) return isArray ? KIND.array : checkBare(object);
  let verdict = verdicts.get(prototype);
  if (verdict === undefined) {
    verdict = judge(prototype);
    verdicts.set(prototype, verdict);
  }
  if (isArray) return verdict === KIND.instance ? verdict : KIND.array;
  return verdict === "check" ? checkInstance(object) : verdict;
}

const SHARED_ADVICE = "copy it into an ArrayBuffer, or use createSharedArray()";

/** Why this buffer or view can't be sent; `undefined` when it can. */
export function refuseBinary(object: object): string | undefined {
  const buffer = ArrayBuffer.isView(object) ? object.buffer : (object as ArrayBufferLike);
  if (types.isSharedArrayBuffer(buffer)) {
    return `it is made on a SharedArrayBuffer, which only threads can share: ${SHARED_ADVICE}`;
  }
  if (buffer.byteLength > 0) return undefined;
  try {
    return new Uint8Array(buffer).byteLength === 0 ? undefined : "its length changes";
  } catch {
    return "its ArrayBuffer is detached (it was transferred elsewhere)";
  }
}

/** Says what stands in the way of sending a value that was refused. Never throws. */
export function explainRefusal(value: unknown): string {
  if (types.isProxy(value)) return "it is a Proxy: pass a plain copy of what it stands for";
  if (typeof value === "function") {
    const isClass = /^class\b/.test(Function.prototype.toString.call(value));
    return isClass ? "it is a class" : "it is a function";
  }
  if (typeof value === "symbol") return "it is a symbol that only this process has: use Symbol.for()";
  if (typeof value !== "object" || value === null) return "it is of an unknown type";
  if (types.isPromise(value)) return "it is a promise: await it first";
  if (types.isSharedArrayBuffer(value)) return refuseBinary(value) ?? "it is shared memory";
  if (types.isModuleNamespaceObject(value)) return "it is a module: import it inside the task";
  if (types.isArgumentsObject(value)) return "it is an arguments object: pass [...arguments]";
  return explainClass(value);
}

function withArticle(name: string): string {
  return /^[AEIO]/.test(name) ? `an ${name}` : `a ${name}`;
}

function explainClass(object: object): string {
  let name = "";
  for (
    let at = Object.getPrototypeOf(object) as object | null;
    at !== null;
    at = Object.getPrototypeOf(at) as object
  ) {
    if (types.isProxy(at)) break;
    const constructor = ownConstructor(at);
    if (constructor === undefined || constructor.name === "Object") continue;
    name ||= constructor.name;
    if (hasThen(at)) return `it is a promise (${name}): await it first`;
    if (constructor.name === "Stream") return `it is a stream or socket (${name}), which belongs to this process`;
    const advice = CLASS_ADVICE.get(constructor.name);
    if (advice !== undefined) return `it is ${withArticle(name)}, whose state is hidden: ${advice}`;
  }
  const iterator = Object.prototype.toString.call(object).slice(8, -1);
  const advice = CLASS_ADVICE.get(iterator);
  if (advice !== undefined) return `it is ${withArticle(iterator)}: ${advice}`;
  return name === ""
    ? `it is ${withArticle(iterator)}`
    : `it is ${withArticle(name)}, whose state belongs to this process`;
}
