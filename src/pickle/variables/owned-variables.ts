/**
 * Variables of modules that are the worker's own: what prepares a worker (`initializer`, `configurer`) assigns to
 * them.
 *
 * The program's value of such a variable is neither looked at nor sent: it may be a connection of the program's, or
 * nothing yet.
 */

import type { Variable } from "eslint-scope";

import type { FreeVariable } from "./free-variables.js";
import type { Link } from "../graph/format.js";
import type { Primitive } from "../graph/format.js";
import { isOfModule } from "../look/module-scope.js";
import { moduleKeyOf } from "../look/module-scope.js";
import type { FoundFunction } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

/** The value of an expression that is a primitive as it is written. */
function valueOf(expression: SyntaxNode): Primitive {
  if (expression.type === "UnaryExpression" && expression.operator === "-") {
    const value = valueOf(expression.argument);
    return typeof value === "number" || typeof value === "bigint" ? -value : undefined;
  }
  if (expression.type === "TemplateLiteral" && expression.expressions.length === 0) {
    return expression.quasis[0]?.value.cooked ?? undefined;
  }
  if (expression.type !== "Literal" || "regex" in expression) return undefined;
  return expression.value ?? null;
}

/** What a variable holds at first, as far as its declaration tells. */
function initialValue(variable: Variable): Link {
  const [definition] = variable.defs;
  const init = definition?.type === "Variable" ? definition.node.init : undefined;
  return init == null ? undefined : valueOf(init);
}

/** The variables that workers of one executor have for themselves. */
export class OwnedVariables {
  readonly #keys = new Set<string>();

  /** Has the worker own what a function that prepares it assigns to, of the names that it uses. */
  addWritten(script: ScriptSource, found: FoundFunction, names: readonly FreeVariable[]): void {
    for (const { variable, isWritten, external } of names) {
      if (variable === null || !isWritten || external !== undefined) continue;
      // A function or class that is declared is there without.
      const isPlain = script.factory !== undefined || variable.defs[0]?.type === "Variable";
      if (isPlain && isOfModule(script, variable, found)) this.#keys.add(`${moduleKeyOf(script)} ${variable.name}`);
    }
  }

  /** What a worker's own variable begins with; undefined for any other variable. */
  find(script: ScriptSource, found: FoundFunction, variable: Variable | null): { readonly link: Link } | undefined {
    if (variable === null || this.#keys.size === 0) return undefined;
    const isOwned = this.#keys.has(`${moduleKeyOf(script)} ${variable.name}`) && isOfModule(script, variable, found);
    return isOwned ? { link: initialValue(variable) } : undefined;
  }
}
