/**
 * Tells which captured functions see the same variables of a function around them.
 *
 * Of a local variable there may be many, one for each call, and V8 does not tell them apart. But a function that
 * another one knows by a local constant was made in the same call as that constant, so the two share what is around
 * it:
 *
 *     function make() { let count = 0; const next = () => ++count; return () => [next(), count]; }
 *
 * Where nothing tells, each function gets its own copy.
 */

import type { Scope } from "eslint-scope";
import type { Variable } from "eslint-scope";

import type { SyntaxNode } from "./syntax-tree.js";

/** What esbuild calls it, where names are not shortened; minified, it is any short one. */
const NAME_HELPER = /^(?:_*name\d*|[\w$]{1,3})$/;

/** Whether a function is what a constant's declaration makes, or the declared function itself. */
export function isMadeBy(variable: Variable, node: SyntaxNode): boolean {
  const [definition] = variable.defs;
  // The variables of a `for` are made anew for every turn; what its head has made stays with the first ones.
  if (definition === undefined || variable.scope.type === "for") return false;
  if (definition.type === "FunctionName" || definition.type === "ClassName") return definition.node === node;
  if (definition.type !== "Variable" || definition.node.init == null) return false;
  const { init } = definition.node;
  if (init.type !== "CallExpression") return init === node;
  // Tools that shorten names give functions theirs back: `__name(() => ..., "next")`. Any other function may give
  // another one.
  const [made, name, another] = init.arguments;
  if (init.callee.type !== "Identifier" || !NAME_HELPER.test(init.callee.name)) return false;
  return made === node && name?.type === "Literal" && typeof name.value === "string" && another === undefined;
}

/** Which functions see the same variables of a scope; sets that are joined again and again. */
export class CommonScopes {
  readonly #parents = new Map<Scope, Map<number, number>>();

  #find(parents: Map<number, number>, node: number): number {
    let root = node;
    for (let parent = parents.get(root); parent !== undefined && parent !== root; parent = parents.get(root)) {
      root = parent;
    }
    return root;
  }

  /** Notes that two functions see the same variables of this scope, so also of those around it. */
  join(innermost: Scope, a: number, b: number): void {
    for (let scope: Scope | null = innermost; scope !== null; scope = scope.upper) {
      const parents = this.#parents.get(scope) ?? new Map<number, number>();
      this.#parents.set(scope, parents);
      parents.set(this.#find(parents, a), this.#find(parents, b));
    }
  }

  /** One number for all functions that see the same variables of this scope. */
  of(scope: Scope, node: number): number {
    const parents = this.#parents.get(scope);
    return parents === undefined ? node : this.#find(parents, node);
  }
}
