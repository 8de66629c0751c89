/**
 * Refuses classes whose computed keys may be others in the worker, where they are evaluated again.
 *
 *     class { [key]() {} }     with the value that `key` has by now; V8 doesn't tell the one that it had
 */

import type { FreeVariable } from "../variables/free-variables.js";
import type { Origin } from "../look/find-origin.js";
import type { ScriptSource } from "../look/script-source.js";
import type { GraphWriter } from "./graph-writer.js";
import type { Place } from "./graph-writer.js";
import { endOf } from "../look/syntax-tree.js";
import { sourcePosition } from "./source-position.js";
import { startOf } from "../look/syntax-tree.js";
import { isClassNode } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";
import { walk } from "../look/syntax-tree.js";

const UNSTEADY_KEY =
  "the computed key is evaluated again in the worker, where it may be another one than the class has";
const UNSTEADY_KEY_ADVICE = "Put the key into a constant before the class, or make the class inside the task";

/** Expressions that may give something else the second time, or change something. */
const UNSTEADY: ReadonlySet<string> = new Set([
  "ImportExpression",
  "NewExpression",
  "TaggedTemplateExpression",
  "UpdateExpression",
]);

/** `Symbol.for("name")`, and what a compiler makes a key of a value with. */
const STEADY_CALL = /^(?:Symbol\.for|(?:0,\s*)?(?:\w+\.)?__propKey)$/;

/** Whether an expression may give something else the second time. */
function isUnsteady(
  node: SyntaxNode,
  parent: SyntaxNode | undefined,
  { info: { source } }: ScriptSource,
  free: readonly FreeVariable[],
): boolean {
  if (node.type === "CallExpression") return !STEADY_CALL.test(source.slice(startOf(node.callee), endOf(node.callee)));
  // Compilers keep a key in a variable of their own.
  if (node.type === "AssignmentExpression") return node.operator !== "=" || node.left.type !== "Identifier";
  if (node.type !== "Identifier") return UNSTEADY.has(node.type);
  const isTarget = parent?.type === "AssignmentExpression" && parent.left === node;
  const isName = parent?.type === "MemberExpression" && parent.property === node && !parent.computed;
  if (isTarget || isName) return false;
  return free.some(({ name, variable, isReassigned }) => name === node.name && variable !== null && isReassigned);
}

/** Whether a key, or a part of it, may be another one now. */
function isUnsteadyKey(key: SyntaxNode, script: ScriptSource, free: readonly FreeVariable[]): boolean {
  let isFound = false;
  walk(key, (node, parent) => {
    isFound ||= isUnsteady(node, parent, script, free);
    return !isFound && !/Function/.test(node.type);
  });
  return isFound;
}

/** Refuses what a class has under keys that may be others in the worker. */
export function refuseUnsteadyKeys(
  writer: GraphWriter,
  { script, found: { node } }: Origin,
  free: readonly FreeVariable[],
  place: Place,
): void {
  for (const element of isClassNode(node) ? node.body.body : []) {
    if (element.type === "StaticBlock" || !element.computed || !isUnsteadyKey(element.key, script, free)) continue;
    const { key } = element;
    const position = sourcePosition(script, startOf(key));
    const step = `.[${script.info.source.slice(startOf(key), endOf(key))}]`;
    writer.refuse({ holder: { ...place, position }, step, position }, UNSTEADY_KEY, UNSTEADY_KEY_ADVICE);
  }
}
