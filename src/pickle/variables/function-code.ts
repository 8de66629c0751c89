/** The text of a function as a worker evaluates it, and the slots for what it uses from around it. */

import { isShared } from "./components.js";
import type { FunctionCode } from "../graph/format.js";
import { functionShape } from "./function-shape.js";
import { isStandardGlobal } from "../refer/known-values.js";
import { isOfModule } from "../look/module-scope.js";
import { placeIn } from "../look/module-scope.js";
import type { FoundFunction } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

/** The variables that Node puts around a CommonJS module. */
const OF_COMMONJS: ReadonlySet<string> = new Set(["require", "exports", "module", "__filename", "__dirname"]);

const codes = new WeakMap<SyntaxNode, FunctionCode>();

/** What the syntax tells of a function's text; its scope is for the unit to say. */
export function codeOf(script: ScriptSource, found: FoundFunction, isDetachedNow = false): FunctionCode {
  const known = codes.get(found.node);
  if (known !== undefined && (known.form === "declaration" || !isDetachedNow)) return known;
  const shape = functionShape(script, found);
  const { source, isStrict, declaredName, heritageName, thisName, importMetaName } = shape;
  const own = shape.free.find(({ name }) => name === declaredName);
  const isDetached = own !== undefined && (own.isReassigned || isDetachedNow);
  const fixed: string[] = [];
  const ofModule: string[] = [];
  const local: string[] = [];
  for (const free of shape.free) {
    const { name, variable } = free;
    if (name === "arguments" || name === heritageName || isShared(script, found, free)) continue;
    if (free === own) {
      if (isDetached) local.push(name);
    } else if (variable === null || free.external !== undefined) {
      const isOfCommonjs = !script.info.isModule && OF_COMMONJS.has(name);
      if (free.external !== undefined || isOfCommonjs) fixed.push(name);
    } else if (isOfModule(script, variable, found)) ofModule.push(name);
    else local.push(name);
  }
  if (thisName !== undefined) local.push(thisName);
  if (importMetaName !== undefined) fixed.push(importMetaName);
  const heritage = shape.free.find(({ name }) => name === heritageName);
  const isGlobal = heritage?.variable === null && heritage.external === undefined && isStandardGlobal(heritage.name);
  if (heritageName !== undefined && !isGlobal) local.push(heritageName);
  const code: FunctionCode = {
    source,
    form: isDetached ? "declaration" : shape.form,
    ...(isDetached && declaredName !== undefined && { declaredName }),
    isStrict,
    ...placeIn(script, found),
    fixed,
    ofModule,
    local,
    scope: -1,
  };
  if (!isDetachedNow) codes.set(found.node, code);
  return code;
}
