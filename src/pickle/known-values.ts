/**
 * Recognises values that every Node process has: standard globals, and exports of Node's own modules.
 *
 * By identity, so that `const max = Math.max` and `const { readFileSync } = require("fs")` travel as their names. Getters
 * are not read: several of them load a subsystem or print a warning.
 */

import { builtinModules } from "node:module";
import { types } from "node:util";

import type { ExternalNode } from "./graph-format.js";

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

// Taken when this module loads: what a program defines later with defineProperty is the program's.
const standardNames: ReadonlySet<string> = new Set(
  Object.entries(Object.getOwnPropertyDescriptors(globalThis))
    .filter(([name, { enumerable }]) => enumerable !== true || ENUMERABLE_GLOBALS.has(name))
    .map(([name]) => name),
);

/** Whether the worker has this global by itself. */
export function isStandardGlobal(name: string): boolean {
  return standardNames.has(name);
}

function isReference(value: unknown): value is object {
  return typeof value === "function" || (typeof value === "object" && value !== null);
}

type Known = Map<object, ExternalNode>;

function remember(known: Known, value: unknown, node: ExternalNode): void {
  if (isReference(value) && !known.has(value)) known.set(value, node);
}

/** The properties that can be read without running a getter. */
function dataProperties(object: object): [name: string, value: unknown][] {
  return Object.entries(Object.getOwnPropertyDescriptors(object))
    .filter(([, descriptor]) => Object.hasOwn(descriptor, "value"))
    .map(([name, { value }]) => [name, value]);
}

function rememberMembers(known: Known, owner: object, path: readonly string[], isOnlyFunctions: boolean): void {
  for (const [name, value] of dataProperties(owner)) {
    if (name === "constructor" || (isOnlyFunctions && typeof value !== "function")) continue;
    remember(known, value, { kind: "global", path: [...path, name] });
  }
}

/** Objects of `process` that differ between processes must travel by value, so only its functions are known. */
function knownGlobals(): Known {
  const known: Known = new Map();
  remember(known, globalThis, { kind: "global", path: ["globalThis"] });
  remember(known, process, { kind: "global", path: ["process"] });
  remember(known, process.env, { kind: "global", path: ["process", "env"] });
  remember(known, Buffer, { kind: "global", path: ["Buffer"] });
  const values = dataProperties(globalThis).filter(([name]) => isStandardGlobal(name));
  for (const [name, value] of values) remember(known, value, { kind: "global", path: [name] });
  for (const [name, value] of [...values, ["process", process], ["Buffer", Buffer]] as const) {
    if (!isReference(value) || value === globalThis) continue;
    rememberMembers(known, value, [name], name === "process");
    const { prototype } = value as { prototype?: unknown };
    if (typeof value === "function" && isReference(prototype)) {
      remember(known, prototype, { kind: "global", path: [name, "prototype"] });
      rememberMembers(known, prototype, [name, "prototype"], true);
    }
  }
  return known;
}

// Deprecated or internal modules whose mere loading, or whose properties, print warnings.
const UNWANTED = /^(?:_|sys$|punycode$|wasi$|sqlite$|test)/;

/** Public modules that this process has loaded; looking at others would load them. */
function loadedBuiltins(): string[] {
  const { moduleLoadList } = process as unknown as { moduleLoadList: readonly string[] };
  const loaded = new Set(moduleLoadList);
  return builtinModules.filter((name) => !UNWANTED.test(name) && loaded.has(`NativeModule ${name}`));
}

function knownBuiltins(names: readonly string[]): Known {
  const known: Known = new Map();
  const modules = names.map((name) => [`node:${name}`, process.getBuiltinModule(name) as unknown] as const);
  for (const [module, exports] of modules) remember(known, exports, { kind: "builtin", module, path: [] });
  for (const [module, exports] of modules) {
    if (!isReference(exports)) continue;
    for (const [name, value] of dataProperties(exports)) {
      remember(known, value, { kind: "builtin", module, path: [name] });
    }
  }
  for (const [module, exports] of modules) {
    if (!isReference(exports)) continue;
    for (const [name, value] of dataProperties(exports)) {
      const prototype: unknown = typeof value === "function" ? value.prototype : undefined;
      if (isReference(prototype)) remember(known, prototype, { kind: "builtin", module, path: [name, "prototype"] });
    }
  }
  return known;
}

let globals: Known | undefined;
let builtins: Known | undefined;
let loadListLength = 0;

/** Where every process has this value, if it does. */
export function knownValue(value: object): ExternalNode | undefined {
  globals ??= knownGlobals();
  const global = globals.get(value);
  if (global !== undefined) return global;
  const { moduleLoadList } = process as unknown as { moduleLoadList: readonly string[] };
  if (builtins === undefined || moduleLoadList.length !== loadListLength) {
    builtins = knownBuiltins(loadedBuiltins());
    ({ length: loadListLength } = moduleLoadList);
  }
  const builtin = builtins.get(value);
  if (builtin !== undefined || !types.isModuleNamespaceObject(value)) return builtin;
  const exports = (value as { default?: unknown }).default;
  const module = isReference(exports) ? builtins.get(exports) : undefined;
  return module?.kind === "builtin" && module.path.length === 0 ? { ...module, isNamespace: true } : undefined;
}

/** Where a symbol is found again: a well-known one or one of the registry. */
export function knownSymbol(symbol: symbol): ExternalNode | undefined {
  const registryKey = Symbol.keyFor(symbol);
  if (registryKey !== undefined) return { kind: "symbol", registryKey };
  const wellKnown = dataProperties(Symbol).find(([, value]) => value === symbol)?.[0];
  return wellKnown === undefined ? undefined : { kind: "symbol", wellKnown };
}
