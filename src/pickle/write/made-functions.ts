/**
 * Sends functions whose code is not the program's.
 *
 * `promisify(execFile)` travels as `execFile`, and is made again in the worker. It is a closure inside Node: the same
 * literal of Node's code gives a sample here, which tells the variable that holds what was promisified.
 */

import process from "node:process";

import type { FunctionInspector } from "../look/function-inspector.js";
import type { ClosureInfo } from "../look/function-inspector.js";
import type { GraphNode } from "../graph/format.js";
import type { Link } from "../graph/format.js";
import type { GraphWriter } from "./graph-writer.js";
import type { Place } from "./graph-writer.js";
import { builtinFunctions } from "../refer/known-values.js";
import { builtinMember } from "../refer/known-values.js";
import { lazyGlobal } from "../refer/known-values.js";
import { dataProperty } from "../refer/find-export.js";
import type { ValueEncoder } from "./value-encoder.js";

function sample(): void {}

/** What a function inside Node was promisified from; undefined for any other. */
function promisifiedFrom(fn: object, { location, scopes }: ClosureInfo, inspector: FunctionInspector): unknown {
  if (location === undefined) return undefined;
  const { promisify } = process.getBuiltinModule("node:util");
  const made = inspector.inspect(promisify(sample));
  if (JSON.stringify(made.location) === JSON.stringify(location)) {
    for (const [index, { variables }] of made.scopes.entries()) {
      const name = Object.keys(variables).find((each) => variables[each] === sample);
      if (name !== undefined) return scopes[index]?.variables[name];
    }
  }
  // What some functions of Node's are promises by: `promisify(exec)` is a function of the module's own.
  return [...builtinFunctions().keys()].find((each) => dataProperty(each, promisify.custom) === fn);
}

/**
 * Links a native function, or one inside Node: a global, what `promisify` has made, or a member of an import.
 */
export function linkNative(
  fn: (...args: never[]) => unknown,
  closure: ClosureInfo,
  place: Place,
  { writer, inspector, values }: { writer: GraphWriter; inspector: FunctionInspector; values: ValueEncoder },
): Link {
  const original = promisifiedFrom(fn, closure, inspector);
  if (original === undefined) {
    const known = lazyGlobal(fn) ?? builtinMember(fn);
    return known === undefined ? values.externals.memberOf(fn) : writer.external(known);
  }
  const of = writer.external({ kind: "builtin", module: "node:util", path: ["promisify"] });
  const node: GraphNode & { kind: "called" } = { kind: "called", of, args: [] };
  const link = writer.add(fn, node);
  writer.held.add(fn, false);
  writer.later(() => node.args.push(values.link(original, { holder: place, step: " (promisify)" })));
  return link;
}
