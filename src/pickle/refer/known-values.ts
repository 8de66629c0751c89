/**
 * Recognises values that every Node process has: standard globals, and exports of Node's own modules.
 *
 * By identity, so that `const max = Math.max` and `const { readFileSync } = require("fs")` travel as their names.
 * Getters are not read: several of them load a subsystem or print a warning.
 */

import process from "node:process";
import { builtinModules } from "node:module";
import { runInNewContext } from "node:vm";
import { types } from "node:util";

import type { ExternalNode } from "../graph/format.js";
import { dataProperty } from "./exported-value.js";
import { isReference } from "./exported-value.js";

/** Globals of Node that are enumerable, as those are that a program adds; the list covers Node 20 to 26. */
const ENUMERABLE_GLOBALS: ReadonlySet<string> = new Set([
  "atob",
  "btoa",
  "clearImmediate",
  "clearInterval",
  "clearTimeout",
  "crypto",
  "fetch",
  "global",
  "localStorage",
  "navigator",
  "performance",
  "queueMicrotask",
  "sessionStorage",
  "setImmediate",
  "setInterval",
  "setTimeout",
  "structuredClone",
]);

// Taken when this module loads: what a program defines later with defineProperty is the program's. By names alone: a
// descriptor has the value, and Node 22 and later load undici (15 ms and more) to make those of its classes.
const enumerableNames = new Set(Object.keys(globalThis));
const standardNames: ReadonlySet<string> = new Set(
  Object.getOwnPropertyNames(globalThis).filter((name) => !enumerableNames.has(name) || ENUMERABLE_GLOBALS.has(name)),
);

/** The globals that Node makes of undici, which it loads when the first of them is read. */
const UNDICI_GLOBALS: ReadonlySet<string> = new Set([
  "CloseEvent",
  "ErrorEvent",
  "EventSource",
  "FormData",
  "Headers",
  "MessageEvent",
  "Request",
  "Response",
  "WebSocket",
]);

/** What this process has loaded of Node, in order; undocumented. */
function loadList(): readonly string[] {
  return (process as unknown as { moduleLoadList: readonly string[] }).moduleLoadList;
}

function isUndiciLoaded(): boolean {
  return loadList().includes("NativeModule internal/deps/undici/undici");
}

/** Whether the worker has this global by itself. */
export function isStandardGlobal(name: string): boolean {
  // Jest assigns globals of the language anew in its realm, some of which are enumerable then.
  return standardNames.has(name) || (enumerableNames.has(name) && isOfLanguage([name]));
}

/**
 * Where a value is found: its owner's place, and its name there. Written out at a hit only: there are thousands of
 * values.
 */
interface Finding {
  readonly owner: Owner;
  /** Absent for the owner itself. */
  readonly name: string | undefined;
}

/**
 * Something that has values: all globals, one of them or its prototype; a module or the prototype of one of its
 * exports.
 */
interface Owner {
  /** Absent for globals. */
  readonly module?: string;
  readonly path: readonly string[];
}

type Known = Map<object, Finding>;

function remember(known: Known, value: unknown, owner: Owner, name?: string): void {
  if (isReference(value) && !known.has(value)) known.set(value, { owner, name });
}

function toNode({ owner: { module, path: ownerPath }, name }: Finding): ExternalNode {
  const path = name === undefined ? ownerPath : [...ownerPath, name];
  return module === undefined ? { kind: "global", path } : { kind: "builtin", module, path };
}

/**
 * Visits the properties that can be read without running a getter. Done for all globals and modules at the first
 * function that is sent, when nothing is compiled yet: a plain loop takes half the time of lists of pairs.
 */
function visitData(
  object: object,
  visit: (name: string, value: unknown) => void,
  unwanted?: ReadonlySet<string>,
): void {
  for (const name of Object.getOwnPropertyNames(object)) {
    if (unwanted?.has(name) === true) continue;
    const descriptor = Object.getOwnPropertyDescriptor(object, name);
    if (descriptor !== undefined && descriptor.get === undefined && descriptor.set === undefined) {
      visit(name, descriptor.value);
    }
  }
}

function rememberMembers(known: Known, owner: object, path: readonly string[], isOnlyFunctions: boolean): void {
  const place: Owner = { path };
  visitData(owner, (name, value) => {
    if (name === "constructor" || (isOnlyFunctions && typeof value !== "function")) return;
    remember(known, value, place, name);
  });
}

/** Objects of `process` that differ between processes must travel by value, so only its functions are known. */
function knownGlobals(): Known {
  const known: Known = new Map();
  const top: Owner = { path: [] };
  remember(known, globalThis, top, "globalThis");
  remember(known, process, top, "process");
  remember(known, process.env, { path: ["process"] }, "env");
  remember(known, Buffer, top, "Buffer");
  const values = new Map<string, unknown>();
  const unwanted = isUndiciLoaded() ? undefined : UNDICI_GLOBALS;
  const note = (name: string, value: unknown): void => {
    if (!isStandardGlobal(name)) return;
    values.set(name, value);
    remember(known, value, top, name);
  };
  visitData(globalThis, note, unwanted);
  // Node has them as accessors.
  values.set("process", process).set("Buffer", Buffer);
  for (const [name, value] of values) {
    if (!isReference(value) || value === globalThis) continue;
    rememberMembers(known, value, [name], name === "process");
    const { prototype } = value as { prototype?: unknown };
    if (typeof value === "function" && isReference(prototype)) {
      remember(known, prototype, { path: [name] }, "prototype");
      rememberMembers(known, prototype, [name, "prototype"], true);
    }
  }
  return known;
}

// Deprecated or internal modules whose mere loading, or whose properties, print warnings.
const UNWANTED = /^(?:_|sys$|punycode$|wasi$|sqlite$|test)/;

/** Public modules that this process has loaded; looking at others would load them. */
function loadedBuiltins(): string[] {
  const loaded = new Set(loadList());
  return builtinModules.filter((name) => !UNWANTED.test(name) && loaded.has(`NativeModule ${name}`));
}

function knownBuiltins(names: readonly string[]): Known {
  const known: Known = new Map();
  const modules: [owner: Owner, exports: object][] = [];
  for (const name of names) {
    const exports: unknown = process.getBuiltinModule(name);
    const owner: Owner = { module: `node:${name}`, path: [] };
    remember(known, exports, owner);
    if (isReference(exports)) modules.push([owner, exports]);
  }
  for (const [owner, exports] of modules) visitData(exports, (name, value) => remember(known, value, owner, name));
  for (const [{ module = "" }, exports] of modules) {
    visitData(exports, (name, value) => {
      const prototype: unknown = typeof value === "function" ? value.prototype : undefined;
      if (isReference(prototype)) remember(known, prototype, { module, path: [name] }, "prototype");
    });
  }
  return known;
}

let globals: Known | undefined;
let builtins: Known | undefined;
let loadListLength = 0;
let hadUndici = false;

/** Where every process has this value, if it does. */
export function knownValue(value: object): ExternalNode | undefined {
  if (globals === undefined || builtins === undefined || loadList().length !== loadListLength) {
    // Until undici is loaded no value can be one of its classes.
    const hasUndici = isUndiciLoaded();
    if (globals === undefined || hadUndici !== hasUndici) globals = knownGlobals();
    hadUndici = hasUndici;
    builtins = knownBuiltins(loadedBuiltins());
    loadListLength = loadList().length;
  }
  const global = globals.get(value);
  if (global !== undefined) return toNode(global);
  const builtin = builtins.get(value);
  if (builtin !== undefined) return toNode(builtin);
  if (!types.isModuleNamespaceObject(value)) return undefined;
  const exports = (value as { default?: unknown }).default;
  const module = isReference(exports) ? builtins.get(exports) : undefined;
  const node = module && toNode(module);
  return node?.kind === "builtin" && node.path.length === 0 ? { ...node, isNamespace: true } : undefined;
}

/**
 * The global that a value of Node's is, if Node gives it on demand only: its getter is not run before somebody has it,
 * and that may have been after all others were looked at.
 */
export function lazyGlobal(value: object): ExternalNode | undefined {
  const maker = typeof value === "function" ? value : dataProperty(Object.getPrototypeOf(value), "constructor");
  const made = dataProperty(maker, "name");
  if (typeof made !== "string") return undefined;
  if (made === "SubtleCrypto") return { kind: "builtin", module: "node:crypto", path: ["subtle"] };
  // `Crypto` makes `crypto`.
  const name = maker === value ? made : made.charAt(0).toLowerCase() + made.slice(1);
  if (!isStandardGlobal(name)) return undefined;
  const isGlobal = (globalThis as unknown as Record<string, unknown>)[name] === value;
  return isGlobal ? { kind: "global", path: [name] } : undefined;
}

/** The functions that the modules of Node export which are loaded. */
export function builtinFunctions(): Map<object, ExternalNode> {
  const found = new Map<object, ExternalNode>();
  for (const name of loadedBuiltins()) {
    const exports: unknown = process.getBuiltinModule(name);
    if (!isReference(exports)) continue;
    visitData(exports, (key, value) => {
      if (typeof value === "function") found.set(value, { kind: "builtin", module: `node:${name}`, path: [key] });
    });
  }
  return found;
}

/** Classes of globals that Node gives on demand only, with methods that programs bind. */
const LAZY_CLASSES = ["Performance", "Crypto"];

/** A name under which an object has a value of its own. */
function keyOf(owner: object, value: object): string | undefined {
  return Object.getOwnPropertyNames(owner).find((key) => dataProperty(owner, key) === value);
}

/**
 * The member of a function of Node's that a function is: `fs.realpath.native`, and methods of classes such as
 * `performance.now`, on the Nodes that give `performance` on demand.
 */
export function builtinMember(fn: object): ExternalNode | undefined {
  const classes = builtinFunctions();
  for (const name of LAZY_CLASSES) {
    const lazy: unknown = Reflect.get(globalThis, name);
    if (isReference(lazy)) classes.set(lazy, { kind: "global", path: [name] });
  }
  for (const [owner, node] of classes) {
    if (!("path" in node)) continue;
    const own = keyOf(owner, fn);
    if (own !== undefined) return { ...node, path: [...node.path, own] };
    const prototype = dataProperty(owner, "prototype");
    const key = isReference(prototype) ? keyOf(prototype, fn) : undefined;
    if (key !== undefined && key !== "constructor") return { ...node, path: [...node.path, "prototype", key] };
  }
  return undefined;
}

let language: unknown;

/** Whether JavaScript itself has something at this place: a polyfill that stands there is found by its name. */
export function isOfLanguage(path: readonly string[]): boolean {
  // V8 gives every realm a console, without what Node's does.
  if (path[0] === "console") return false;
  language ??= runInNewContext("globalThis");
  let owner = language;
  for (const name of path) {
    if (!isReference(owner) || !Object.hasOwn(owner, name)) return false;
    owner = dataProperty(owner, name);
  }
  return true;
}

/** Where a symbol is found again: a well-known one or one of the registry. */
export function knownSymbol(symbol: symbol): ExternalNode | undefined {
  const registryKey = Symbol.keyFor(symbol);
  if (registryKey !== undefined) return { kind: "symbol", registryKey };
  let wellKnown: string | undefined;
  visitData(Symbol, (name, value) => {
    if (value === symbol) wellKnown ??= name;
  });
  return wellKnown === undefined ? undefined : { kind: "symbol", wellKnown };
}
