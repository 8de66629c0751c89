/** The nodes that a node points at. */

import type { GraphNode } from "./format.js";
import type { Link } from "./format.js";

/** What has to exist before a value can be made of it. */
export function sourcesOf(node: GraphNode): readonly Link[] {
  if (node.kind === "bound") return [node.target, node.boundThis, ...node.boundArgs];
  if (node.kind === "called") return [node.of, ...node.args];
  if (node.kind === "instance") return [node.of, node.plain];
  return "of" in node ? [node.of] : [];
}

function* linksIn(node: GraphNode): Generator<Link> {
  if ("proto" in node) yield node.proto;
  if ("properties" in node) for (const [key, value, , set] of node.properties ?? []) yield* [key, value, set];
  if (node.kind === "function") for (const { link } of node.variables) yield link;
  else if (node.kind === "array") yield* node.items ?? [];
  else if (node.kind === "set") yield* node.items;
  else if (node.kind === "map") for (const entry of node.entries) yield* entry;
  else yield* sourcesOf(node);
}

/** The indexes of the nodes that a node points at. */
export function linksOf(node: GraphNode): number[] {
  const indexes: number[] = [];
  for (const link of linksIn(node)) if (Array.isArray(link)) indexes.push((link as readonly [number])[0]);
  return indexes;
}
