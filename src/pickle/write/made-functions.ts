/**
 * Sends functions whose code is not the program's.
 *
 * Recognises what functions of `node:util` have made: `promisify(execFile)` travels as `execFile`, and is made again
 * in the worker.
 *
 * Such a function is a closure inside Node. Which function has made it tells a sample: the same literal of Node's code
 * gave both. In the sample's scopes, the variables are found that hold what it was made of; those of the same names in
 * the other's hold what that was.
 */

import process from "node:process";

import type { FunctionInspector } from "../look/function-inspector.js";
import type { CapturedScope } from "../look/function-inspector.js";
import type { ClosureInfo } from "../look/function-inspector.js";
import type { GraphNode } from "../graph/format.js";
import type { Link } from "../graph/format.js";
import type { GraphWriter } from "./graph-writer.js";
import type { Place } from "./graph-writer.js";
import { builtinFunctions } from "../refer/known-values.js";
import { builtinMember } from "../refer/known-values.js";
import { lazyGlobal } from "../refer/known-values.js";
import { dataProperty } from "../refer/exported-value.js";
import type { ValueEncoder } from "./value-encoder.js";

/** How a function is made again. */
interface MadeFunction {
  /** The name of the function of `node:util`. */
  readonly maker: string;
  readonly args: readonly unknown[];
}

type Maker = (...args: unknown[]) => object;

function sample(): void {}

/** What each sample is made of: values that nothing else in Node's scopes is equal to. */
const SAMPLES: readonly (readonly [maker: string, ...args: unknown[]])[] = [
  ["promisify", sample],
  ["callbackify", sample],
  ["deprecate", sample, "asynccpu sample", "ASYNCCPU_SAMPLE"],
  ["debuglog", "asynccpu-sample"],
];

interface Recipe {
  readonly maker: string;
  /** Of each argument, the variable that holds it, or the function's variable and that in its scopes. */
  readonly variables: readonly (readonly string[])[];
}

/** The scopes of the call that made the closure; the outermost one is that of Node's module. */
function ownScopes({ scopes }: ClosureInfo): readonly CapturedScope[] {
  return scopes.slice(0, -1);
}

/** Looks for a variable with this value, in functions that are variables as well. */
function variableOf(
  closure: ClosureInfo,
  wanted: unknown,
  inspector: FunctionInspector,
  depth = 0,
): string[] | undefined {
  const own = ownScopes(closure).flatMap(({ variables }) => Object.entries(variables));
  const found = own.find(([, value]) => value === wanted);
  if (found !== undefined) return [found[0]];
  if (depth > 0) return undefined;
  for (const [name, value] of own) {
    if (typeof value !== "function") continue;
    const inner = variableOf(inspector.inspect(value), wanted, inspector, depth + 1);
    if (inner !== undefined) return [name, ...inner];
  }
  return undefined;
}

function readVariable(
  closure: ClosureInfo,
  [name = "", inner]: readonly string[],
  inspector: FunctionInspector,
): unknown {
  const value = ownScopes(closure).find(({ variables }) => name in variables)?.variables[name];
  if (inner === undefined) return value;
  return typeof value === "function" ? readVariable(inspector.inspect(value), [inner], inspector) : undefined;
}

function keyOf({ location }: ClosureInfo): string {
  return JSON.stringify(location);
}

let recipes: ReadonlyMap<string, Recipe> | undefined;

/** By where the literal stands in Node's code. */
function findRecipes(inspector: FunctionInspector): ReadonlyMap<string, Recipe> {
  const util = process.getBuiltinModule("node:util") as unknown as Readonly<Record<string, Maker>>;
  const found = new Map<string, Recipe>();
  for (const [maker, ...args] of SAMPLES) {
    const made = util[maker]?.(...args);
    // With --no-deprecation, `deprecate` gives the function as it is.
    if (made === undefined || args.includes(made)) continue;
    const closure = inspector.inspect(made);
    const variables = args.map((arg) => variableOf(closure, arg, inspector));
    if (variables.every((each) => each !== undefined)) found.set(keyOf(closure), { maker, variables });
  }
  return found;
}

/** How a function inside Node was made by a function of `node:util`; undefined for any other. */
function madeByUtil(fn: object, closure: ClosureInfo, inspector: FunctionInspector): MadeFunction | undefined {
  if (closure.location === undefined) return undefined;
  recipes ??= findRecipes(inspector);
  const recipe = recipes.get(keyOf(closure));
  if (recipe !== undefined) {
    const args = recipe.variables.map((each) => readVariable(closure, each, inspector));
    return { maker: recipe.maker, args };
  }
  // What some functions of Node's are promises by: `promisify(exec)` is a function of the module's own.
  const { custom } = process.getBuiltinModule("node:util").promisify;
  const original = [...builtinFunctions().keys()].find((each) => dataProperty(each, custom) === fn);
  return original && { maker: "promisify", args: [original] };
}

/**
 * Links a native function, or one inside Node: a global, what a function of `node:util` has made, or a member of an
 * import.
 */
export function linkNative(
  fn: (...args: never[]) => unknown,
  closure: ClosureInfo,
  place: Place,
  { writer, inspector, values }: { writer: GraphWriter; inspector: FunctionInspector; values: ValueEncoder },
): Link {
  const made = madeByUtil(fn, closure, inspector);
  if (made === undefined) {
    const known = lazyGlobal(fn) ?? builtinMember(fn);
    return known === undefined ? values.externals.memberOf(fn) : writer.external(known);
  }
  const { maker, args } = made;
  const of = writer.external({ kind: "builtin", module: "node:util", path: [maker] });
  const node: GraphNode & { kind: "called" } = { kind: "called", of, args: [] };
  const link = writer.add(fn, node);
  writer.held.add(fn, false);
  writer.later(() => {
    const at = { holder: place, step: ` (${maker})` };
    node.args.push(...args.map((each) => values.link(each, at)));
  });
  return link;
}
