/**
 * Finds classes of errors by the place where they were written, so that what a task throws arrives as what it was.
 *
 *     submitted functions ──▶ their scopes: imports, exports, captured variables ──▶ functions there ──▶ their scopes ...
 *
 * What a task throws is of a class that its function captured, or that some module imports which the function's module imports.
 * This process usually has those modules, too, since it took the function from there. So the search begins at the functions
 * that were submitted and follows what V8 says of scopes. It sees what is loaded and loads nothing: a worker must not be able to
 * make its parent import a module. What does not work: `import()` of a loaded module, which waits for ever when that
 * module itself awaits the task; and asking V8 for all that inherits from `Error`, which walks the whole heap.
 */

import { types } from "node:util";
import { fileURLToPath } from "node:url";

import { OWN_FOLDER } from "../system/own-files.js";
import { FunctionInspector } from "./function-inspector.js";
import { isInspectorForbidden } from "./function-inspector.js";
import type { ClosureInfo } from "./function-inspector.js";
import { placeOfFunction } from "./error-places.js";
import type { GraphNode } from "./graph-format.js";
import { knownValue } from "./known-values.js";
import { isErrorClass } from "../wire/error-codec-classes.js";
import { loadedExports } from "./reference.js";
import { isReference } from "./reference.js";

/** How many functions one search may look at, since it runs while an error waits for its class; the next one goes on. */
const MAX_FUNCTIONS = 500;

/** How many members of one object are looked at, and how deep they lie in objects that are no functions. */
const MAX_MEMBERS = 500;
const MAX_DEPTH = 3;

/** Something to look at, and how many objects lie between it and a variable. */
interface Step {
  readonly value: object;
  readonly depth: number;
}

/** The latest function submitted from each place; those are few, however often they are submitted. */
const submitted = new Map<string, WeakRef<object>>();
const MAX_SUBMITTED = 5000;

/** Nothing is looked at twice: functions and objects, and scripts for their module variables, which all their functions share. */
const seen = new WeakSet<object>();
const seenModules = new Set<string>();

/** What the last search had no time for. */
let left: { readonly ref: WeakRef<object>; readonly depth: number }[] = [];

/** What searches have found. Of classes that are made at one place again and again, it is the one that was found last. */
const prototypes = new Map<string, WeakRef<object>>();

function keyOf(name: string, node: GraphNode | undefined): string {
  if (node?.kind === "function" && node.identity !== undefined) return `${node.module} ${node.identity}`;
  if (node?.kind === "import") return `${node.specifier}#${node.path.join(".")}`;
  return node?.kind === "commonjs" ? `${node.filename}#${node.path.join(".")}` : name;
}

/** Notes a function that is sent to a worker: the classes around it are those that tasks may throw. */
export function noteSubmitted(fn: object, name: string, node: GraphNode | undefined): void {
  if (seen.has(fn)) return;
  const key = keyOf(name, node);
  submitted.delete(key);
  submitted.set(key, new WeakRef(fn));
  const [oldest] = submitted.keys();
  if (submitted.size > MAX_SUBMITTED && oldest !== undefined) submitted.delete(oldest);
}

/** One search, nearest first, until the place is found. */
class Search {
  readonly #inspector: FunctionInspector;
  readonly #place: string;
  readonly #queue: Step[] = [];
  #functionsLeft = MAX_FUNCTIONS;

  constructor(inspector: FunctionInspector, place: string) {
    this.#inspector = inspector;
    this.#place = place;
  }

  add(value: unknown, depth: number): void {
    if (!isReference(value) || types.isProxy(value) || seen.has(value)) return;
    seen.add(value);
    this.#queue.push({ value, depth });
  }

  /** Adds what an earlier search had seen and left. */
  resume(value: object | undefined, depth: number): void {
    if (value !== undefined) this.#queue.push({ value, depth });
  }

  run(): void {
    for (const [index, { value, depth }] of this.#queue.entries()) {
      if (this.#functionsLeft === 0 || prototypes.has(this.#place)) {
        left = this.#queue.slice(index).map((step) => ({ ref: new WeakRef(step.value), depth: step.depth }));
        return;
      }
      if (typeof value === "function") this.#lookAround(value, depth);
      else this.#lookInto(value, depth);
    }
    left = [];
  }

  #lookAround(fn: object, depth: number): void {
    // What every process has leads nowhere, and to scripts that V8 does not report.
    if (knownValue(fn) !== undefined) return;
    this.#functionsLeft -= 1;
    const closure = this.#inspector.inspect(fn);
    if (closure.bound !== undefined) {
      this.add(closure.bound.target, 0);
      this.add(closure.bound.boundThis, 1);
      return;
    }
    const { scriptId } = closure.location ?? {};
    const url = scriptId === undefined ? "" : this.#inspector.scriptUrl(scriptId);
    if (scriptId === undefined || url === "" || url.startsWith("node:")) return;
    // This library's own classes are known without.
    if (url.startsWith(OWN_FOLDER)) return;
    if (isErrorClass(fn)) this.#note(fn, closure);
    this.#lookInto(fn, depth);
    for (const { isModule, variables } of closure.scopes) {
      if (isModule && seenModules.has(scriptId)) continue;
      if (isModule) seenModules.add(scriptId);
      for (const name of Object.keys(variables)) {
        try {
          this.add(variables[name], 0);
        } catch {
          // Not initialised yet.
        }
      }
    }
  }

  #note(errorClass: object, closure: ClosureInfo): void {
    const place = placeOfFunction(this.#inspector, closure);
    if (place === undefined) return;
    prototypes.set(place, new WeakRef((errorClass as { prototype: object }).prototype));
  }

  /** Looks at what namespaces, plain objects and functions hold, without running getters. */
  #lookInto(object: object, depth: number): void {
    const parent: unknown = Object.getPrototypeOf(object);
    if (depth >= MAX_DEPTH) return;
    const isPlain = parent === Object.prototype || parent === null || types.isModuleNamespaceObject(object);
    if (typeof object !== "function" && !isPlain) return;
    // The superclass of a class.
    if (typeof object === "function") this.add(parent, depth);
    for (const key of Object.keys(object).slice(0, MAX_MEMBERS)) {
      try {
        this.add(Object.getOwnPropertyDescriptor(object, key)?.value, depth + 1);
      } catch {
        // An export that is not initialised yet.
      }
    }
  }
}

/** What a CommonJS file exports, if the place is in one that is loaded. */
function exportsAt(place: string): unknown {
  const url = /^file:[^?#]*(?=:\d+:\d+$)/.exec(place)?.[0];
  return url === undefined ? undefined : loadedExports(fileURLToPath(url));
}

/** The prototype of the class of errors that this process has and that was written at this place. Loads nothing. */
export function errorPrototypeAtPlace(place: string): object | undefined {
  const known = prototypes.get(place)?.deref();
  if (known !== undefined) return known;
  prototypes.delete(place);
  if (isInspectorForbidden()) return undefined;
  const exports = exportsAt(place);
  if (left.length === 0 && submitted.size === 0 && (!isReference(exports) || seen.has(exports))) return undefined;
  const inspector = new FunctionInspector();
  try {
    const search = new Search(inspector, place);
    search.add(exports, 0);
    // The latest first: the error is more likely to be one of theirs.
    for (const each of [...submitted.values()].toReversed()) search.add(each.deref(), 0);
    submitted.clear();
    for (const { ref, depth } of left) search.resume(ref.deref(), depth);
    search.run();
  } finally {
    inspector[Symbol.dispose]();
  }
  return prototypes.get(place)?.deref();
}
