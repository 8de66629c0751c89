/** Reads what a pickle says of its functions: their text, and what they have around them. */

import type { CapturedVariable } from "./format.js";
import type { ExternalNode } from "./format.js";
import type { FunctionCode } from "./format.js";
import type { FunctionNode } from "./format.js";
import type { GraphNode } from "./format.js";
import type { Link } from "./format.js";
import type { ModuleEntry } from "./format.js";
import type { PickleGraph } from "./format.js";
import { linksOf } from "./links.js";

const EXTERNAL: ReadonlySet<string> = new Set([
  "symbol",
  "uniqueSymbol",
  "intrinsic",
  "global",
  "builtin",
  "import",
  "commonjs",
  "require",
  "importMeta",
  "importFunction",
  "interop",
] satisfies ExternalNode["kind"][]);

/** Whether the worker finds the value by itself. */
export function isExternal(node: GraphNode): node is ExternalNode {
  return EXTERNAL.has(node.kind);
}

/** The node that a link points at; undefined for a primitive. */
export function indexOf(link: Link): number | undefined {
  return Array.isArray(link) ? (link as readonly [number])[0] : undefined;
}

/** A pickle's graph, by the numbers of its nodes. */
export class GraphView {
  readonly graph: PickleGraph;

  constructor(graph: PickleGraph) {
    this.graph = graph;
  }

  node(index: number): GraphNode {
    const node = this.graph.nodes[index];
    if (node === undefined) throw new RangeError(`The pickle has no node ${index}`);
    return node;
  }

  codeOf(node: FunctionNode): FunctionCode {
    const code = this.graph.units[node.unit]?.codes[node.code];
    if (code === undefined) throw new RangeError("The pickle lacks the text of a function");
    return code;
  }

  #entryOf(node: FunctionNode, name: string): ModuleEntry | undefined {
    return this.graph.modules[node.module ?? -1]?.entries.find((entry) => entry.name === name);
  }

  /** The variables that a function shares with others: those of its frames, and of its module. */
  *variablesAround(node: FunctionNode): Generator<CapturedVariable> {
    for (let frame = node.frame; frame !== undefined; frame = this.graph.frames[frame]?.parent) {
      yield* this.graph.frames[frame]?.variables ?? [];
    }
    const { ofModule } = this.codeOf(node);
    for (const name of node.uses ?? []) {
      const entry = this.#entryOf(node, name);
      const isEager = node.eager?.includes(name) === true;
      if (entry !== undefined) yield { name, link: entry.link, isReassigned: !ofModule.includes(name), isEager };
    }
  }

  /** The nodes that a node points at, also by way of the variables that a function has around it. */
  linksFrom(index: number): number[] {
    const node = this.node(index);
    const links = linksOf(node);
    if (node.kind !== "function") return links;
    for (const { link } of this.variablesAround(node)) {
      const each = indexOf(link);
      if (each !== undefined) links.push(each);
    }
    return links;
  }
}
