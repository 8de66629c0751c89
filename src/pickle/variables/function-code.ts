/** The text of a function as a worker evaluates it, and the slots for what it uses from around it. */

import { isShared } from "./components.js";
import type { FunctionCode } from "../graph/format.js";
import { functionShape } from "./function-shape.js";
import type { FreeVariable } from "./free-variables.js";
import type { FunctionShape } from "./function-shape.js";
import { isStandardGlobal } from "../refer/known-values.js";
import { isOfModule } from "../look/module-scope.js";
import { placeIn } from "../look/module-scope.js";
import type { FoundFunction } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

/** The variables that Node puts around a CommonJS module. */
const OF_COMMONJS: ReadonlySet<string> = new Set(["require", "exports", "module", "__filename", "__dirname"]);

/** Which slots a variable has, if it has one. */
function slotsFor(script: ScriptSource, found: FoundFunction, free: FreeVariable): keyof Slots | undefined {
  const { name, variable, external } = free;
  if (variable !== null && external === undefined) return isOfModule(script, variable, found) ? "ofModule" : "local";
  return external !== undefined || (!script.info.isModule && OF_COMMONJS.has(name)) ? "fixed" : undefined;
}

type Slots = { readonly [K in "fixed" | "ofModule" | "local"]: string[] };

/** @param isDetached - Whether the function's own name is a variable like others. */
function slotsOf(script: ScriptSource, found: FoundFunction, shape: FunctionShape, isDetached: boolean): Slots {
  const { declaredName, heritageName, thisName, importMetaName } = shape;
  const slots: Slots = { fixed: [], ofModule: [], local: [] };
  for (const free of shape.free) {
    const { name } = free;
    if (name === "arguments" || name === heritageName || isShared(script, found, free)) continue;
    const kind = name !== declaredName ? slotsFor(script, found, free) : isDetached ? "local" : undefined;
    if (kind !== undefined) slots[kind].push(name);
  }
  if (thisName !== undefined) slots.local.push(thisName);
  if (importMetaName !== undefined) slots.fixed.push(importMetaName);
  const heritage = shape.free.find(({ name }) => name === heritageName);
  const isGlobal = heritage?.variable === null && heritage.external === undefined && isStandardGlobal(heritage.name);
  if (heritageName !== undefined && !isGlobal) slots.local.push(heritageName);
  return slots;
}

const codes = new WeakMap<SyntaxNode, FunctionCode>();

/** What the syntax tells of a function's text; its scope is for the unit to say. */
export function codeOf(script: ScriptSource, found: FoundFunction, isDetachedNow = false): FunctionCode {
  const known = codes.get(found.node);
  if (known !== undefined && (known.form === "declaration" || !isDetachedNow)) return known;
  const shape = functionShape(script, found);
  const { source, isStrict, declaredName } = shape;
  const own = shape.free.find(({ name }) => name === declaredName);
  const isDetached = own !== undefined && (own.isReassigned || isDetachedNow);
  const code: FunctionCode = {
    source,
    form: isDetached ? "declaration" : shape.form,
    ...(isDetached && declaredName !== undefined && { declaredName }),
    isStrict,
    ...placeIn(script, found),
    ...slotsOf(script, found, shape, isDetached),
    scope: -1,
  };
  if (!isDetachedNow) codes.set(found.node, code);
  return code;
}
