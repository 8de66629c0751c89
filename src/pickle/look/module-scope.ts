/**
 * Tells which variables and functions of a script exist once: those of its module.
 *
 * Compilers and runners put modules into functions: tsx into one that is called where it stands, Vitest and Jest into
 * one that is all that the script has. What stands in such a function is evaluated once as well.
 */

import process from "node:process";

import type { Variable } from "eslint-scope";

import type { FactoryMember } from "./factory-registry.js";
import type { FoundFunction } from "./script-source.js";
import type { ScriptSource } from "./script-source.js";
import type { SyntaxNode } from "./syntax-tree.js";

const FUNCTION = /Function/;
const LOOP = /^(?:For|ForIn|ForOf|While|DoWhile)Statement$/;

/** Whether a function is called where it stands, as a statement of the script. */
function isCalledOnce(node: SyntaxNode, { parents }: ScriptSource): boolean {
  const isAnonymous =
    node.type === "ArrowFunctionExpression" || (node.type === "FunctionExpression" && node.id == null);
  const call = parents.get(node);
  if (!isAnonymous || call?.type !== "CallExpression" || call.callee !== node) return false;
  const statement = parents.get(call);
  return statement?.type === "ExpressionStatement" && parents.get(statement)?.type === "Program";
}

/**
 * Whether a function is what the script gives to the runner that evaluates it: its value, or the value's only
 * property.
 */
function isWrapper(node: SyntaxNode, { parents, program }: ScriptSource): boolean {
  let outer = parents.get(node);
  if (outer?.type === "Property" && outer.value === node) {
    outer = parents.get(outer);
    if (outer?.type !== "ObjectExpression" || outer.properties.length !== 1) return false;
    outer = parents.get(outer);
  }
  return outer?.type === "ExpressionStatement" && program.body.at(-1) === outer;
}

/**
 * Whether all around a piece of syntax is evaluated once in the life of the module; of a function, the function
 * itself.
 */
function isEvaluatedOnce(script: ScriptSource, start: SyntaxNode): boolean {
  let inner: SyntaxNode | undefined;
  for (let node: SyntaxNode | undefined = start; node !== undefined; node = script.parents.get(node)) {
    if (LOOP.test(node.type)) return false;
    if (FUNCTION.test(node.type) && !isCalledOnce(node, script) && !isWrapper(node, script)) return false;
    // A field is evaluated for each instance.
    if (node.type === "PropertyDefinition" && !node.static && node.value === inner) return false;
    inner = node;
  }
  return true;
}

const known = new WeakMap<Variable, boolean>();

function isUnique(script: ScriptSource, variable: Variable): boolean {
  const before = known.get(variable);
  if (before !== undefined) return before;
  // What such a script declares outside of functions is global.
  const isGlobal = variable.scope.type === "global";
  const isOnce = !isGlobal && isEvaluatedOnce(script, variable.scope.block);
  known.set(variable, isOnce);
  return isOnce;
}

/** The function of a factory that something stands in. */
export function memberAt(script: ScriptSource, start: number, end: number): FactoryMember | undefined {
  return script.factory?.members.find((each) => each.start <= start && end <= each.end);
}

/** Whether a function is the outermost but one of a factory's code: that of the module's scope. */
function isModuleScope({ parents, program }: ScriptSource, block: SyntaxNode): boolean {
  let around = parents.get(block);
  while (around !== undefined && !FUNCTION.test(around.type)) around = parents.get(around);
  const outermost = around && parents.get(around);
  return outermost?.type === "ExpressionStatement" && program.body[0] === outermost;
}

/** Whether the program has this variable once only, as a variable of a module, under this name. */
export function isOfModule(script: ScriptSource, variable: Variable, found: FoundFunction | undefined): boolean {
  const { factory } = script;
  if (factory === undefined) {
    if (script.url === "" || !isUnique(script, variable)) return false;
    // Of two with one name, in functions that are called once, it is the first.
    return script.variablesNamed(variable.name).find((each) => isUnique(script, each)) === variable;
  }
  if (factory.module === undefined || found === undefined) return false;
  const member = memberAt(script, found.start, found.end);
  if (member?.slots.has(variable.name) === true) return member.ofModule.has(variable.name);
  return factory.moduleNames.has(variable.name) && isModuleScope(script, variable.scope.block);
}

/** By what a module is known in workers, and in the workers of these; undefined for code that is in no module. */
export function moduleKeyOf({
  factory,
  info,
  url,
}: Pick<ScriptSource, "factory" | "info" | "url">): string | undefined {
  if (factory !== undefined) return factory.module;
  return url === "" ? undefined : `${info.scriptId}.${process.pid} ${url}`;
}

/** Tells a function that the module makes once from its others; undefined for one that may be made again. */
export function identityOf(script: ScriptSource, { node, start, end }: FoundFunction): string | undefined {
  if (script.factory !== undefined) {
    return script.factory.members.find((each) => each.start === start && each.end === end)?.identity;
  }
  const around = script.parents.get(node);
  if (script.url === "" || around === undefined || !isEvaluatedOnce(script, around)) return undefined;
  // The value of a field, whose parent does not tell which of its parts it is.
  if (around.type === "PropertyDefinition" && !around.static && around.value === node) return undefined;
  const { line, column } = script.position(start);
  return `${line}:${column}:${end - start}`;
}

/** Where something stands in the file that it is from. */
export function placeIn(script: ScriptSource, { start, end }: FoundFunction): { line: number; column: number } {
  const member = memberAt(script, start, end);
  const { line, column } = script.position(start);
  if (member === undefined) return { line, column };
  const base = script.position(member.start);
  const { origin } = member;
  return line === base.line
    ? { line: origin.line, column: origin.column + column - base.column }
    : { line: origin.line + line - base.line, column };
}
