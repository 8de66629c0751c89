/** The `require` of a CommonJS module: the worker makes one of its own for the same file. */

import process from "node:process";
import { dirname } from "node:path";
import { isAbsolute } from "node:path";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { types } from "node:util";

import { moduleCache } from "./find-export.js";
import type { ScriptSource } from "../look/script-source.js";

/** Whether a value is a `require` of Node's. */
export function isRequireFunction(value: unknown): value is NodeJS.Require {
  if (typeof value !== "function" || types.isProxy(value)) return false;
  return "resolve" in value && Object.getOwnPropertyDescriptor(value, "cache")?.value === moduleCache;
}

/** Whether a value may be the `require` of a module: runners and loaders have some of their own. */
export function isRequireLike(value: unknown): boolean {
  // On Node 20 that of a CommonJS program under a loader (tsx) has no cache.
  return typeof value === "function" && "resolve" in value && ("cache" in value || "main" in value);
}

/**
 * A file for which `require` gives the same as this function: it may have been made for another one than it is used
 * in.
 */
export function fileOfRequire(require: NodeJS.Require, script: ScriptSource): string {
  const own = filenameOf(script);
  const [folder] = require.resolve.paths("./any") ?? [];
  return folder === undefined || !isAbsolute(folder) || folder === dirname(own) ? own : join(folder, "any");
}

/** The file of a script, as Node has it in `__filename`. */
export function filenameOf(script: ScriptSource): string {
  return script.url.startsWith("file:")
    ? fileURLToPath(script.url.replace(/[?#].*$/s, ""))
    : join(process.cwd(), script.url || "[eval]");
}
