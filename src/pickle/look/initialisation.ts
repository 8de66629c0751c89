/** Tells, for a variable that reads as undefined, whether its declaration has run. */

import process from "node:process";

import type { Variable } from "eslint-scope";

import type { SyntaxNode } from "./syntax-tree.js";

/** Node 22 and later throw when a variable is read whose declaration has not run; Node 20 gives undefined. */
const IS_READ_AS_UNDEFINED = Number.parseInt(process.versions.node, 10) < 22;

const NEVER_UNDEFINED =
  /^(?:Literal|TemplateLiteral|ArrayExpression|ObjectExpression|NewExpression|BinaryExpression|UpdateExpression|ImportExpression|.*Function.*|Class.*)$/;

/** Whether an expression can't have the value undefined, as far as its syntax tells. */
function isNeverUndefined(expression: SyntaxNode): boolean {
  if (expression.type === "UnaryExpression") return expression.operator !== "void";
  if (expression.type === "LogicalExpression") {
    return isNeverUndefined(expression.right) && (expression.operator !== "&&" || isNeverUndefined(expression.left));
  }
  if (expression.type === "ConditionalExpression") {
    return isNeverUndefined(expression.consequent) && isNeverUndefined(expression.alternate);
  }
  return NEVER_UNDEFINED.test(expression.type);
}

/**
 * Whether a variable that is assigned nowhere else, and reads as undefined, has a declaration that will give it
 * something else.
 */
export function mustBeInitialised(variable: Variable | null): boolean {
  const [definition] = variable?.defs ?? [];
  if (definition?.type === "ClassName") return true;
  if (definition?.type !== "Variable" || definition.parent.kind === "var") return false;
  const { id, init } = definition.node;
  return id.type === "Identifier" && init != null && isNeverUndefined(init);
}

/** Whether the declaration of a variable that reads as undefined may be still to come. */
export function mayBeInitialisedLater(variable: Variable | null): boolean {
  const [definition] = variable?.defs ?? [];
  if (definition === undefined) return false;
  if (definition.type === "Variable" && definition.parent.kind === "var") return true;
  if (!IS_READ_AS_UNDEFINED) return false;
  if (definition.type === "Parameter") return definition.node.params[definition.index ?? -1]?.type !== "Identifier";
  // `let name;` gives undefined, wherever it stands but in the head of a loop, which gives the items.
  if (definition.type !== "Variable") return false;
  const { id, init } = definition.node;
  return id.type !== "Identifier" || init != null || variable?.scope.type === "for";
}
