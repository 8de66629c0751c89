/**
 * Functions in results: by reference only, since a parent runs no code that comes from a worker.
 *
 * Nor does it load any: a reference is followed to what this process has loaded already, and to what is built in.
 */

import { NotSerializableError } from "../errors.js";
import { FunctionEncoder } from "./write/function-encoder.js";
import { FunctionInspector } from "./look/function-inspector.js";
import { isInspectorForbidden } from "./look/function-inspector.js";
import type { ExternalNode } from "./graph/format.js";
import { GraphWriter } from "./write/graph-writer.js";
import { importValue } from "./refer/import-value.js";
import { knownValue } from "./refer/known-values.js";
import { isMainModule } from "./refer/main-module.js";
import { loadedExports } from "./refer/find-export.js";
import type { AnyFunction } from "../values/classes/value-writer.js";

/** How another process finds this function; `undefined` for one that it can't. */
export function referenceToFunction(fn: AnyFunction): ExternalNode | undefined {
  const known = knownValue(fn);
  if (known !== undefined || isInspectorForbidden()) return known;
  const inspector = new FunctionInspector();
  try {
    return new FunctionEncoder(new GraphWriter(), inspector).referenceOf(fn);
  } finally {
    inspector[Symbol.dispose]();
  }
}

function refuse(what: string): NotSerializableError {
  return new NotSerializableError("result", `it refers to a function ${what}`);
}

function isPath(path: unknown): path is readonly string[] {
  return Array.isArray(path) && path.every((name) => typeof name === "string");
}

/** Module URLs found to be loaded; they stay so. */
const loadedUrls = new Set<string>();

function isLoaded(url: string): boolean {
  if (loadedUrls.has(url)) return true;
  if (isInspectorForbidden()) return false;
  const inspector = new FunctionInspector();
  try {
    if (!inspector.hasModule(url)) return false;
    loadedUrls.add(url);
    return true;
  } finally {
    inspector[Symbol.dispose]();
  }
}

/** @throws NotSerializableError for what is no reference to something that is here already. */
function checkReference(plain: unknown): ExternalNode {
  if (typeof plain !== "object" || plain === null) throw refuse("in an unknown way");
  const { kind, path, specifier, filename, module } = plain as Readonly<Record<string, unknown>>;
  if (!isPath(path)) throw refuse("in an unknown way");
  if (kind === "global") return { kind, path };
  if (kind === "builtin" && typeof module === "string" && module.startsWith("node:")) return { kind, module, path };
  if (kind === "commonjs" && typeof filename === "string") {
    if (loadedExports(filename) !== undefined) return { kind, filename, path };
    throw refuse(`of ${filename}, which this process has not loaded: require it here as well`);
  }
  if (kind === "import" && typeof specifier === "string") {
    if (!isMainModule(specifier) && isLoaded(specifier)) return { kind, specifier, referrer: specifier, path };
    throw refuse(`of ${specifier}, which this process has not loaded: import it here as well`);
  }
  throw refuse("in an unknown way");
}

/**
 * Finds the function that `referenceToFunction` described in a worker. The description may be false.
 *
 * @returns A promise that rejects with NotSerializableError when it refers to something that this process has not
 * loaded, and with ModuleNotFoundError when it has no such export.
 */
export async function resolveReference(plain: unknown): Promise<AnyFunction> {
  const { value: found } = await importValue(checkReference(plain));
  if (typeof found !== "function" || found === Function.prototype) {
    throw refuse("that is not a function in this process");
  }
  return found as AnyFunction;
}
