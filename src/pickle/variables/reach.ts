/** Whether the scopes around a function show a variable that its own text does not use. */

import type { Scope } from "eslint-scope";

import { isOfModule } from "../look/module-scope.js";
import { lookUp } from "../look/look-up.js";
import { isStandardGlobal } from "../refer/known-values.js";
import { endOf } from "../look/syntax-tree.js";
import { startOf } from "../look/syntax-tree.js";
import type { CapturedScope } from "../look/function-inspector.js";
import type { FoundFunction } from "../look/script-source.js";
import type { FreeVariable } from "./free-variables.js";
import type { ScriptSource } from "../look/script-source.js";

/** What Node puts around a CommonJS module. */
const OF_WRAPPER: ReadonlySet<string> = new Set(["__dirname", "__filename", "exports", "module", "require"]);

/** A function, and what V8 says of the scopes around it. */
export interface Surroundings {
  readonly script: ScriptSource;
  readonly found: FoundFunction;
  readonly scopes: readonly CapturedScope[];
}

/** The scopes around a function that declare a name. */
function scopesWith(name: string, { script, found }: Surroundings): readonly Scope[] {
  const isAround = ({ block }: Scope): boolean =>
    block !== found.node && startOf(block) <= found.start && found.end <= endOf(block);
  return script
    .variablesNamed(name)
    .map(({ scope }) => scope)
    .filter(isAround);
}

/**
 * Whether a look by name, from a function outwards, finds the variable that a piece of code near it means.
 *
 * V8 keeps the variables that some function uses. In the place of one that it has dropped, a look finds one of the
 * same name further out: the `require` of the file, say, for a parameter of that name.
 */
export function isWithinReach({ name, external, variable }: FreeVariable, around: Surroundings): boolean {
  if (external !== undefined) return true;
  const declaring = scopesWith(name, around);
  if (variable === null) return declaring.length === 0;
  if (declaring.length !== 1 || declaring[0] !== variable.scope) return false;
  const { script, found, scopes } = around;
  // Others of the same name are around every module, in no text.
  const hasNamesake = OF_WRAPPER.has(name) && !script.info.isModule;
  if ((hasNamesake || isStandardGlobal(name)) && !isOfModule(script, variable, found)) return false;
  return lookUp(scopes, name).isFound;
}
