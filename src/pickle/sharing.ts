/**
 * Finds the variables that captured functions must share in the worker.
 *
 * Two functions of one script that use a variable which one of them assigns to need one binding, or the counter that one
 * raises never moves for the other. That holds for variables of the module, of which there is one; of a local
 * variable there may be many, one for each call, and V8 does not tell them apart: each function gets its own copy.
 */

import type { Variable } from "eslint-scope";

import type { FreeVariable } from "./free-variables.js";
import type { CapturedVariable } from "./graph-format.js";
import type { GraphNode } from "./graph-format.js";
import type { SharedVariables } from "./graph-format.js";
import type { FoundFunction } from "./script-source.js";
import type { ScriptSource } from "./script-source.js";
import type { SyntaxNode } from "./syntax-tree.js";

interface Use {
  readonly node: number;
  readonly captured: CapturedVariable;
  readonly isWritten: boolean;
}

/** Whether a function is called where it stands, as a statement of the script: tsx puts CommonJS modules into one. */
function isCalledOnce(node: SyntaxNode, { parents }: ScriptSource): boolean {
  const isAnonymous =
    node.type === "ArrowFunctionExpression" || (node.type === "FunctionExpression" && node.id == null);
  const call = parents.get(node);
  if (!isAnonymous || call?.type !== "CallExpression" || call.callee !== node) return false;
  const statement = parents.get(call);
  return statement?.type === "ExpressionStatement" && parents.get(statement)?.type === "Program";
}

/** Whether the program has this variable once only. */
function isUnique(variable: Variable, script: ScriptSource, found: FoundFunction): boolean {
  // Unpickled code is evaluated once, so the variables of the wrapping exist once.
  if (script.factory !== undefined) {
    return script.factory.members.some(({ start, end }) => {
      const [from = 0, to = 0] = variable.scope.block.range ?? [];
      return start <= found.start && found.end <= end && (from < start || to > end);
    });
  }
  const { type, upper, block } = variable.scope;
  if (type === "module") return true;
  return type === "function" && (upper?.type === "global" || isCalledOnce(block, script));
}

export class SharingFinder {
  readonly #uses = new Map<Variable, Use[]>();

  add(node: number, script: ScriptSource, found: FoundFunction, free: FreeVariable, captured: CapturedVariable): void {
    const { variable, isWritten } = free;
    if (variable === null || !isUnique(variable, script, found)) return;
    const uses = this.#uses.get(variable) ?? [];
    this.#uses.set(variable, uses);
    uses.push({ node, captured, isWritten });
  }

  /** Takes shared variables out of the functions' own ones, and says which functions share which. */
  extract(nodes: readonly GraphNode[]): SharedVariables[] {
    const groups: { functions: Set<number>; variables: CapturedVariable[] }[] = [];
    for (const uses of this.#uses.values()) {
      const [first] = uses;
      if (first === undefined || uses.length < 2 || !uses.some(({ isWritten }) => isWritten)) continue;
      const members = new Set(uses.map(({ node }) => node));
      const touching = groups.filter(({ functions }) => uses.some(({ node }) => functions.has(node)));
      const variables = touching.flatMap((each) => each.variables);
      // Of the same name, yet another variable: only in code unpickled before. Private copies, then.
      if (variables.some(({ name }) => name === first.captured.name)) continue;
      const merged = {
        functions: new Set([...touching.flatMap(({ functions }) => [...functions]), ...members]),
        variables: [...variables, { ...first.captured, isEager: uses.some(({ captured }) => captured.isEager) }],
      };
      for (const each of touching) groups.splice(groups.indexOf(each), 1);
      groups.push(merged);
      for (const { node, captured } of uses) {
        const owner = nodes[node];
        if (owner?.kind === "function") owner.variables.splice(owner.variables.indexOf(captured), 1);
      }
    }
    return groups.map(({ functions, variables }) => ({
      functions: [...functions].toSorted((a, b) => a - b),
      variables,
    }));
  }
}
