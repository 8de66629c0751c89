/**
 * Finds an export in a copy of its module: test runners have one of their own, and so has a program whose loader makes
 * one for `require` and another one for `import`. The copies are other objects, from the same file.
 */

import { fileURLToPath } from "node:url";

import { FunctionInspector } from "../look/function-inspector.js";
import { VITE_DEFAULT_EXPORT } from "../look/vite-imports.js";
import { exportedValue } from "./find-export.js";
import { isInspectorForbidden } from "../look/function-inspector.js";
import { isReference } from "./find-export.js";
import { loadedExports } from "./find-export.js";

type Names = ReadonlyMap<string, unknown>;

/** The file of a script's name, which is a URL or a path, with whatever query a loader has put behind it. */
function fileOf(name: string): string {
  return name.startsWith("file:") ? fileURLToPath(name.replace(/[?#].*$/s, "")) : name;
}

function look<T>(fn: object, read: (script: string, inspector: FunctionInspector) => T): T | undefined {
  if (isInspectorForbidden()) return undefined;
  const inspector = new FunctionInspector();
  try {
    const location = inspector.locate(fn);
    return location && read(inspector.scriptUrl(location.scriptId), inspector);
  } finally {
    inspector[Symbol.dispose]();
  }
}

/** The file in which a function was written; `undefined` where that can't be told. */
export function fileOfFunction(fn: object): string | undefined {
  return look(fn, (script) => (script === "" || script.startsWith("node:") ? undefined : fileOf(script)));
}

/** The variables at the top of a module that may hold an export; the first of these that there is holds it. */
function variablesFor(name: string, value: unknown): readonly string[] {
  const byValue = typeof value === "function" && value.name !== "" ? [value.name] : [];
  return [...byValue, name === "default" ? VITE_DEFAULT_EXPORT : name];
}

/** Whether the outermost variable of the first of these names holds the function: those further in are others. */
function isHeld(fn: object, names: readonly string[], inspector: FunctionInspector): boolean {
  const { scopes } = inspector.inspect(fn);
  for (const name of names) {
    const scope = scopes.findLast(({ variables }) => name in variables);
    if (scope !== undefined) return valueIn(scope.variables, name) === fn;
  }
  return false;
}

/** The value of a variable; `undefined` for one that is not initialised yet. */
function valueIn(variables: Readonly<Record<string, unknown>>, name: string): unknown {
  try {
    return variables[name];
  } catch {
    return undefined;
  }
}

/**
 * Under which name a module exports the function of which this is a copy, if it is one.
 *
 * @param url - The module.
 * @param exports - What it exports; `undefined` where nobody knows: then the function's own name counts.
 */
export function exportInCopy(fn: object, url: string, exports: Names | undefined): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  const file = fileOf(url);
  const copy = loadedExports(file);
  if (isReference(copy)) {
    const isExport = (name: string): boolean => exports?.has(name) ?? true;
    const found = Object.keys(copy).find((name) => isExport(name) && exportedValue(copy, name) === fn);
    if (found !== undefined) return found;
    if (copy === fn && isExport("default")) return "default";
  }
  const own = (fn as { readonly name?: unknown }).name;
  const ownExport = own === VITE_DEFAULT_EXPORT ? "default" : own;
  const names = exports ?? new Map(typeof ownExport === "string" ? [[ownExport, undefined]] : []);
  return look(fn, (script, inspector) => {
    if (fileOf(script) !== file) return undefined;
    for (const [name, value] of names) if (isHeld(fn, variablesFor(name, value), inspector)) return name;
    return undefined;
  });
}
