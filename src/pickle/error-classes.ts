/**
 * Finds classes of errors by the place where they were written, so that what a task throws arrives as what it was.
 *
 *     near   the task's functions ──▶ their variables ──▶ members of these
 *     far    ... ──▶ their members ──▶ functions among all these ──▶ their variables ...
 *
 * A search begins at the functions of the task, which the task holds until it settles. It sees what is loaded, and
 * loads nothing: a worker must not be able to make its parent import a module. Each search begins anew, so no answer
 * depends on what was collected, or not yet there, before. Only a far search that finds nothing is not repeated at
 * once: it takes long.
 *
 * What does not work: `import()` of a loaded module, which waits for ever when that module itself awaits the task; and
 * asking V8 for all that inherits from `Error`, which walks the whole heap.
 */

import { types } from "node:util";
import { fileURLToPath } from "node:url";

import { OWN_FOLDER } from "../system/own-files.js";
import { FunctionInspector } from "./look/function-inspector.js";
import { dataProperty } from "./refer/exported-value.js";
import { exportedValue } from "./refer/exported-value.js";
import { isInspectorForbidden } from "./look/function-inspector.js";
import { isErrorClass } from "../values/errors/classes.js";
import { isInVitest } from "./look/vite-imports.js";
import { isReference } from "./refer/exported-value.js";
import { knownValue } from "./refer/known-values.js";
import { loadedExports } from "./refer/find-export.js";
import { ownName } from "../values/errors/classes.js";
import { placeOfFunction } from "./error-places.js";
import { performance } from "../system/timers.js";
import type { WantedClass } from "../values/errors/class-places.js";

/**
 * How many functions one search asks for their variables, at up to a millisecond each, and how many of them in one
 * script.
 */
const MAX_FUNCTIONS = 150;
const MAX_FUNCTIONS_OF_SCRIPT = 3;

/**
 * How many values one search looks at, how many members of each, and how deep the members lie: always, and at most.
 */
const MAX_VALUES = 20_000;
const MAX_MEMBERS = 500;
const NEAR_DEPTH = 1;
const MAX_DEPTH = 3;

/** What every function has, and V8 is slow to tell. */
const OF_ALL_FUNCTIONS: ReadonlySet<string> = new Set(["length", "name", "prototype", "arguments", "caller"]);

/** A far search that found nothing is repeated after this multiple of the time that it took. */
const PAUSE_FACTOR = 10;
const MAX_KEPT = 1000;

/**
 * The script of each function that was asked for its variables; empty for what leads nowhere. Exports of a task module
 * have a name of their own.
 */
const scripts = new WeakMap<object, string>();
let exportsCount = 0;

/** What was found for functions of tasks, by name and place. */
const named = new WeakMap<object, Map<string, object>>();

/** What was found further away for the functions of a script, or until when it is not looked for again. */
const far = new Map<string, { readonly prototype: object | undefined; readonly untilMs: number }>();

/** Something that a program can name. */
interface Named<T = unknown> {
  readonly key: string;
  readonly value: T;
}

function readEach(keys: readonly (string | symbol)[], read: (key: string) => unknown): Named[] {
  const all: Named[] = [];
  for (const key of keys.slice(0, MAX_MEMBERS)) {
    try {
      if (typeof key === "string") all.push({ key, value: read(key) });
    } catch {
      // Not initialised yet.
    }
  }
  return all;
}

/** What an object holds, without running getters but those that compilers write for exports. */
function membersOf(object: object): Named[] {
  if (ArrayBuffer.isView(object)) return [];
  if (Array.isArray(object)) {
    const indexes = Array.from({ length: Math.min(object.length, MAX_MEMBERS) }, (_, index) => String(index));
    return readEach(indexes, (key) => dataProperty(object, key));
  }
  const parent: unknown = Object.getPrototypeOf(object);
  const isFunction = typeof object === "function";
  const related = isFunction ? parent : isReference(parent) && exportedValue(parent, "constructor");
  const keys = Reflect.ownKeys(object).filter((key) => !isFunction || !OF_ALL_FUNCTIONS.has(String(key)));
  return [{ key: "", value: related }, ...readEach(keys, (key) => exportedValue(object, key))];
}

/** Whether one of the functions has this name in its text. */
function isMentioned(name: string, functions: readonly object[]): boolean {
  if (!/^[\w$]+$/.test(name)) return false;
  const word = new RegExp(`(?<![\\w$])${name.replaceAll("$", "\\$")}(?![\\w$])`);
  const all = functions.filter((each) => typeof each === "function");
  return all.some((each) => word.test(Function.prototype.toString.call(each)));
}

/** What a look has met: the functions, and the objects whose members lie too deep. */
interface Seen {
  readonly functions: object[];
  readonly edge: readonly object[];
}

/** One search. */
class Search {
  readonly #inspector: FunctionInspector;
  readonly #wanted: WantedClass;
  /** The functions of the task. */
  readonly #roots: readonly object[];
  readonly #seen = new Set<object>();
  readonly #functionsOf = new Map<string, number>();
  isOver = false;
  found: object | undefined;

  constructor(inspector: FunctionInspector, wanted: WantedClass, roots: readonly object[]) {
    this.#inspector = inspector;
    this.#wanted = wanted;
    this.#roots = roots;
  }

  /** Looks at values and what they hold, the nearest first, until the class is found. */
  look(values: readonly Named[], maxDepth: number = MAX_DEPTH): Seen {
    const functions: object[] = [];
    const candidates: Named[] = [];
    let edge: object[] = [];
    for (let depth = 0; depth <= maxDepth && !this.isOver; depth += 1) {
      const level = depth === 0 ? values : edge.flatMap(membersOf);
      const fresh = level.filter(({ value }) => this.#isNew(value)) as Named<object>[];
      candidates.push(...fresh.filter(({ value }) => this.#isWanted(value)));
      if (candidates.length > 0) this.#choose(candidates, depth === maxDepth);
      edge = fresh.map(({ value }) => value);
      functions.push(...edge.filter((value) => typeof value === "function"));
    }
    return { functions, edge };
  }

  /**
   * Of several classes that were made at one place, each by another call, it is the one whose name the error bears,
   * else the one that the task's function uses. When that is none of them or several, it is unknown.
   */
  #choose(candidates: readonly Named[], isLast: boolean): void {
    const { name, errorName = name } = this.#wanted;
    const byName = candidates.filter(({ key }) => key === errorName);
    const mentioned = candidates.filter(({ key }) => isMentioned(key, this.#roots));
    const tries = isLast || errorName === name ? [byName, candidates, mentioned] : [byName];
    const [only] = tries.find(({ length }) => length === 1) ?? [];
    this.found = (only?.value as { prototype: object } | undefined)?.prototype;
    this.isOver = this.found !== undefined || (isLast && candidates.length > 0);
  }

  /**
   * Goes on among the variables of functions: of each list in turn, so that a large import keeps none of the others
   * waiting.
   */
  lookAround(functions: object[]): void {
    const lists = [functions];
    for (let left = MAX_FUNCTIONS; left > 0 && !this.isOver; left -= 1) {
      const list = lists.shift();
      const next = list?.shift();
      if (list === undefined || next === undefined) break;
      if (list.length > 0) lists.push(list);
      const more = this.#hasEnoughOf(scripts.get(next)) ? [] : this.look(this.variablesOf(next)).functions;
      if (more.length > 0) lists.push(more);
    }
  }

  /** The variables of all scopes of a function, the innermost first. */
  variablesOf(fn: object): Named[] {
    if (types.isProxy(fn)) return [];
    if (typeof fn !== "function") {
      if (!scripts.has(fn)) scripts.set(fn, `exports ${(exportsCount += 1)}`);
      return [];
    }
    const { bound, location, scopes } = this.#inspector.inspect(fn);
    if (bound !== undefined) {
      const { target, boundThis } = bound;
      const around = typeof target === "function" ? this.variablesOf(target) : [];
      return [{ key: "", value: target }, { key: "this", value: boundThis }, ...around];
    }
    const url = location === undefined ? "" : this.#inspector.scriptUrl(location.scriptId);
    // This library's own classes are known without.
    const isOfUse = location !== undefined && url !== "" && !url.startsWith("node:") && !url.startsWith(OWN_FOLDER);
    const script = isOfUse ? location.scriptId : "";
    scripts.set(fn, script);
    if (script === "") return [];
    this.#functionsOf.set(script, (this.#functionsOf.get(script) ?? 0) + 1);
    return scopes.flatMap(({ variables }) => readEach(Object.keys(variables), (name) => variables[name]));
  }

  #hasEnoughOf(script: string | undefined): boolean {
    if (script === undefined) return false;
    return script === "" || (this.#functionsOf.get(script) ?? 0) >= MAX_FUNCTIONS_OF_SCRIPT;
  }

  #isNew(value: unknown): value is object {
    if (!isReference(value) || types.isProxy(value) || this.#seen.has(value)) return false;
    if (this.#seen.size >= MAX_VALUES) return false;
    this.#seen.add(value);
    // What every process has leads nowhere.
    return knownValue(value) === undefined;
  }

  #isWanted(value: object): boolean {
    if (ownName(value) !== this.#wanted.name || !isErrorClass(value)) return false;
    const place = placeOfFunction(this.#inspector, this.#inspector.inspect(value));
    return place !== undefined && [place, scriptAt(place)].includes(this.#wanted.place);
  }
}

/** A place without its line and column. */
function scriptAt(place: string): string {
  return place.replace(/:\d+:\d+$/, "");
}

/** What a CommonJS file exports, if the place is in one that is loaded: functions may require it when they run. */
function exportsAt(place: string): unknown {
  const url = /^file:[^?#]*(?=:\d+:\d+$)/.exec(place)?.[0];
  return url === undefined ? undefined : loadedExports(fileURLToPath(url));
}

function keep(key: string, prototype: object | undefined, tookMs: number): void {
  const [oldest] = far.keys();
  if (far.size >= MAX_KEPT && oldest !== undefined) far.delete(oldest);
  far.set(key, { prototype, untilMs: performance.now() + tookMs * PAUSE_FACTOR });
}

function search(wanted: WantedClass, functions: readonly object[]): object | undefined {
  const found = searchAt(wanted, functions);
  if (found !== undefined || !isInVitest()) return found;
  // It compiles what a worker or a host reads as it was written, so lines and columns differ.
  return searchAt({ ...wanted, place: scriptAt(wanted.place) }, functions);
}

function searchAt(wanted: WantedClass, functions: readonly object[]): object | undefined {
  const inspector = new FunctionInspector();
  try {
    const startMs = performance.now();
    const run = new Search(inspector, wanted, functions);
    const variables = functions.flatMap((each) => run.variablesOf(each));
    const own = [...functions, exportsAt(wanted.place)].map((value) => ({ key: "", value }));
    const near = run.look([...own, ...variables], NEAR_DEPTH);
    if (run.isOver) return run.found;
    const key = [...functions.map((each) => scripts.get(each)), keyOf(wanted)].join(" ");
    const known = far.get(key);
    if (known?.prototype !== undefined || (known?.untilMs ?? 0) > performance.now()) return known?.prototype;
    const { functions: others } = run.look(near.edge.flatMap(membersOf), MAX_DEPTH - NEAR_DEPTH - 1);
    if (run.isOver) return run.found;
    run.lookAround([...near.functions, ...others]);
    keep(key, run.found, performance.now() - startMs);
    return run.found;
  } finally {
    inspector[Symbol.dispose]();
  }
}

function keyOf({ place, name, errorName = "" }: WantedClass): string {
  return `${name} ${errorName} ${place}`;
}

/** Finds it by its place, if the functions can name it: it is in their variables, in a member of these, and so on. */
function findByPlace(wanted: WantedClass, functions: readonly object[]): object | undefined {
  if (isInspectorForbidden()) return undefined;
  const [fn, ...others] = functions;
  // Functions in the arguments are others each time, and may lead to other classes of the same place.
  if (fn === undefined || others.length > 0) return search(wanted, functions);
  const key = keyOf(wanted);
  const known = named.get(fn)?.get(key);
  if (known !== undefined) return known;
  const found = search(wanted, functions);
  if (found !== undefined) named.set(fn, (named.get(fn) ?? new Map<string, object>()).set(key, found));
  return found;
}

/** The class to which the way leads here that was named in the other process. */
function exportedClass(exports: object, { name, exportPath }: WantedClass): object | undefined {
  if (exportPath === undefined) return undefined;
  let found: unknown = exports;
  for (const key of exportPath) {
    if (!isReference(found) || types.isProxy(found) || !Object.hasOwn(found, key)) return undefined;
    found = exportedValue(found, key);
  }
  return isReference(found) && isErrorClass(found) && ownName(found) === name ? found : undefined;
}

/** Where a class was written, as this process sees it. */
function placeHere(errorClass: object): string | undefined {
  if (isInspectorForbidden()) return undefined;
  const inspector = new FunctionInspector();
  try {
    return placeOfFunction(inspector, inspector.inspect(errorClass));
  } finally {
    inspector[Symbol.dispose]();
  }
}

/**
 * The prototype of the wanted class, if the functions of a task can name it: it is in their variables, in a member of
 * these, or in the variables of functions there, and so on. Or the exports of the task's module lead to it, which may
 * be another file than that of the other process. Loads nothing.
 */
export function findErrorPrototype(wanted: WantedClass, roots: readonly object[]): object | undefined {
  const functions = roots.filter((each) => typeof each === "function");
  const exports = roots.find((each) => typeof each !== "function");
  if (exports === undefined) return findByPlace(wanted, functions);
  const exported = exportedClass(exports, wanted);
  const prototype = dataProperty(exported, "prototype") as object | undefined;
  if (Object.keys(exports).some((name) => exportedValue(exports, name) === functions[0])) {
    return prototype ?? findByPlace(wanted, functions);
  }
  // The functions may be of a copy of the module, which has classes of its own.
  const place = (exported && placeHere(exported)) ?? wanted.place;
  return findByPlace({ ...wanted, place }, functions) ?? prototype ?? findByPlace(wanted, [exports]);
}
