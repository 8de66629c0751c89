/** The nodes that a node points at. */

import type { GraphNode } from "./format.js";
import type { Link } from "./format.js";

function* linksIn(node: GraphNode): Generator<Link> {
  if ("proto" in node) yield node.proto;
  if ("properties" in node) for (const [key, value, , set] of node.properties ?? []) yield* [key, value, set];
  if (node.kind === "function") for (const { link } of node.variables) yield link;
  else if (node.kind === "array") yield* node.items ?? [];
  else if (node.kind === "set") yield* node.items;
  else if (node.kind === "map") for (const entry of node.entries) yield* entry;
  else if (node.kind === "bound") yield* [node.target, node.boundThis, ...node.boundArgs];
  else if (node.kind === "called") yield* [node.of, ...node.args];
  else if (node.kind === "instance") yield* [node.of, node.plain];
  else if ("of" in node) yield node.of;
}

/** The indexes of the nodes that a node points at. */
export function linksOf(node: GraphNode): number[] {
  const indexes: number[] = [];
  for (const link of linksIn(node)) if (Array.isArray(link)) indexes.push((link as readonly [number])[0]);
  return indexes;
}
