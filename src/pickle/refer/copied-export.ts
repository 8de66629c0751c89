/**
 * Finds an export in a copy of its module: test runners have one of their own, and so has a program whose loader makes
 * one for `require` and another one for `import`. The copies are other objects, from the same file.
 */

import { fileURLToPath } from "node:url";

import { FunctionInspector } from "../look/function-inspector.js";
import { VITE_DEFAULT_EXPORT } from "../look/vite-imports.js";
import { exportedValue } from "./exported-value.js";
import { isInspectorForbidden } from "../look/function-inspector.js";
import { isReference } from "./exported-value.js";
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

/** The names of functions by which no two exports go. */
function tellingNames(names: Names): ReadonlySet<string> {
  const byName = new Map<string, Set<unknown>>();
  for (const value of names.values()) {
    if (typeof value === "function") byName.set(value.name, (byName.get(value.name) ?? new Set()).add(value));
  }
  return new Set([...byName].filter(([name, values]) => name !== "" && values.size === 1).map(([name]) => name));
}

/** Whether the outermost variable of this name holds the function: those further in are others. */
function isHeld(fn: object, name: string, inspector: FunctionInspector): boolean {
  const scope = inspector.inspect(fn).scopes.findLast(({ variables }) => name in variables);
  return scope !== undefined && valueIn(scope.variables, name) === fn;
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
    // First by the names of the functions, as an export may go by the name of another one's variable.
    const telling = tellingNames(names);
    for (const [name, value] of names) {
      if (typeof value === "function" && telling.has(value.name) && isHeld(fn, value.name, inspector)) return name;
    }
    for (const [name] of names) {
      if (isHeld(fn, name === "default" ? VITE_DEFAULT_EXPORT : name, inspector)) return name;
    }
    return undefined;
  });
}
