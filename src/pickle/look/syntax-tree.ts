/** Small readers of a parsed script: positions, children, and the one walk that everything else builds on. */

import type { Class } from "estree";
import type { Node } from "estree";

/** A node that has a source range; acorn gives every node one. */
export type SyntaxNode = Node;

/** The offset at which a node begins in its script. */
export function startOf(node: SyntaxNode): number {
  return node.range?.[0] ?? 0;
}

/** The offset behind a node in its script. */
export function endOf(node: SyntaxNode): number {
  return node.range?.[1] ?? 0;
}

/** Whether a node is a class, declared or as an expression. */
export function isClassNode(node: SyntaxNode): node is SyntaxNode & Class {
  return node.type === "ClassDeclaration" || node.type === "ClassExpression";
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

/** The direct children of a node, in the order of its properties. */
function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (const value of Object.values(node) as unknown[]) {
    if (Array.isArray(value)) {
      for (const item of value as unknown[]) if (isNode(item)) children.push(item);
    } else if (isNode(value)) children.push(value);
  }
  return children;
}

/**
 * Visits a tree, parents first.
 *
 * @param visit - returns false to leave out the children of a node.
 */
export function walk(root: SyntaxNode, visit: (node: SyntaxNode, parent: SyntaxNode | undefined) => boolean): void {
  // An own stack: a chain of ten thousand `a + b + ...` is deeper than the call stack.
  const stack: [SyntaxNode, SyntaxNode | undefined][] = [[root, undefined]];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [node, parent] = top;
    if (!visit(node, parent)) continue;
    const children = childrenOf(node);
    for (let index = children.length - 1; index >= 0; index--) {
      const child = children[index];
      if (child !== undefined) stack.push([child, node]);
    }
  }
}

/** The name of a non-computed key or property: `a`, `"a"`, `1`; undefined for a computed one. */
export function staticKey(node: { computed: boolean }, key: SyntaxNode): string | undefined {
  if (!node.computed && key.type === "Identifier") return key.name;
  return key.type === "Literal" && (typeof key.value === "string" || typeof key.value === "number")
    ? String(key.value)
    : undefined;
}

/** The text of an identifier or string literal in an import or export specifier. */
export function specifierName(node: SyntaxNode): string {
  if (node.type === "Identifier") return node.name;
  return node.type === "Literal" ? String(node.value) : "default";
}
