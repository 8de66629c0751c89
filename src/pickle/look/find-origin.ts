/** Finds a function in its script. */

import type { ClosureInfo } from "./function-inspector.js";
import { FACTORY_VARIABLE } from "./factory-registry.js";
import type { FoundFunction } from "./script-source.js";
import type { FunctionInspector } from "./function-inspector.js";
import type { ScriptSource } from "./script-source.js";
import { factorySource } from "./script-source.js";
import { isFactory } from "./factory-registry.js";
import { lookUp } from "./look-up.js";
import { scriptSource } from "./script-source.js";

/** A function that was found in its script. */
export interface Origin {
  readonly script: ScriptSource;
  readonly found: FoundFunction;
}

/** Finds a function in its script; a string says why it can't be found. */
export function findOrigin(
  fn: object,
  { location, scopes }: Pick<ClosureInfo, "location" | "scopes">,
  inspector: FunctionInspector,
): Origin | string {
  if (location === undefined) return "it is a native function, whose code is not JavaScript";
  const { scriptId, line, column } = location;
  const text = Function.prototype.toString.call(fn);
  const factory = lookUp(scopes, FACTORY_VARIABLE).value;
  if (isFactory(factory)) {
    const script = factorySource(factory);
    const found = script.findFunction(text, line, column);
    if (found !== undefined) return { script, found };
  }
  if (inspector.scriptUrl(scriptId).startsWith("node:")) {
    return "it is an internal function of Node.js, which no module exports";
  }
  const info = inspector.script(scriptId, scopes);
  if (info === undefined) return "its source is no longer known";
  try {
    const script = scriptSource(info);
    const found = script.findFunction(text, line, column);
    return found === undefined ? "its source can't be found in its script" : { script, found };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return `the source of ${info.url || "its script"} can't be parsed (${error.message})`;
  }
}
