/**
 * Says of each registered class in a pickle in which state it is, so that a worker evaluates it anew only when that has changed.
 *
 * Other pickles bring the same class, and in a worker it is to be one, for `instanceof`. But what it uses comes from the pickle that
 * brought it first. So its version is a digest of all that is reached from it: other variables, members or objects make another
 * version. A class that holds an object or a variable together with other parts of the pickle is entangled: to share it with
 * them, it must be evaluated with them.
 */

import { createHash } from "node:crypto";

import { numberOf } from "./captured-state.js";
import { FROZEN } from "./graph-format.js";
import type { FunctionNode } from "./graph-format.js";
import type { GraphNode } from "./graph-format.js";
import type { SharedVariables } from "./graph-format.js";
import type { GraphWriter } from "./graph-writer.js";
import { linksOf } from "./links.js";

/** Kinds that hold nothing of their own which could change. */
const FIRM: ReadonlySet<string> = new Set(
  (
    "symbol uniqueSymbol intrinsic global builtin import commonjs require importMeta importFunction interop " +
    "prototypeOf member bound called memory regexp textEncoder textDecoder"
  ).split(" "),
);

/** Where arrays of one number are lists, and no links. */
const LISTS: ReadonlySet<string> = new Set(["items", "boundArgs", "args"]);

const MAX_TEXTS = 10_000;

function isRegistered(node: GraphNode | undefined): node is FunctionNode & { registeredAs: string } {
  return node?.kind === "function" && node.registeredAs !== undefined;
}

/** Whether two copies of it may come to differ. */
function isChangeable(node: GraphNode | undefined): boolean {
  if (node?.kind === "function") {
    // Of a class, instances are told by it.
    return node.isClass || node.properties !== undefined || node.variables.some(({ isReassigned }) => isReassigned);
  }
  if (node === undefined || FIRM.has(node.kind)) return false;
  const isFrozen = "integrity" in node && node.integrity === FROZEN;
  return !(isFrozen && (node.kind === "object" || node.kind === "array"));
}

class ClassVersions {
  readonly #nodes: readonly GraphNode[];
  readonly #objects: ReadonlyMap<number, object>;
  /** By class, the prototype that has been given other members. */
  readonly #prototypes = new Map<number, number>();

  constructor({ nodes, objects }: GraphWriter) {
    this.#nodes = nodes;
    this.#objects = new Map([...objects].map(([object, index]) => [index, object]));
    for (const [index, node] of nodes.entries()) {
      if (node.kind !== "prototypeOf" || (node.properties === undefined && node.proto === undefined)) continue;
      if (Array.isArray(node.of)) this.#prototypes.set((node.of as readonly [number])[0], index);
    }
  }

  #linksOf(index: number): number[] {
    const node = this.#nodes[index];
    const prototype = this.#prototypes.get(index);
    const links = node === undefined ? [] : linksOf(node);
    return prototype === undefined ? links : [...links, prototype];
  }

  /** What is reached from some nodes, in a fixed order; these first. */
  reach(from: readonly number[], stopsAtClasses: boolean): Set<number> {
    const seen = new Set(from);
    for (const index of seen) {
      for (const link of this.#linksOf(index)) {
        if (!stopsAtClasses || !isRegistered(this.#nodes[link])) seen.add(link);
      }
    }
    return seen;
  }

  /** Made for this pickle by hooks, so other objects every time. */
  #freshAmong(reached: ReadonlySet<number>): ReadonlySet<number> {
    const plains: number[] = [];
    for (const index of reached) {
      const node = this.#nodes[index];
      if (node?.kind === "instance" && Array.isArray(node.plain)) plains.push((node.plain as readonly [number])[0]);
    }
    return this.reach(plains, false);
  }

  digestOf(index: number): string {
    const reached = this.reach([index], false);
    const fresh = this.#freshAmong(reached);
    const places = new Map([...reached].map((each, place) => [each, place]));
    const hash = createHash("sha256");
    let texts: string[] = [];
    for (const each of reached) {
      const node = this.#nodes[each];
      const object = this.#objects.get(each);
      if (object !== undefined && isChangeable(node) && node?.kind !== "function" && !fresh.has(each)) {
        texts.push(`#${numberOf(object)}`);
      }
      write(node, "", places, texts);
      // One call for many nodes, as each takes longer than a node does.
      if (texts.length < MAX_TEXTS) continue;
      hash.update(`${texts.join()},`);
      texts = [];
    }
    hash.update(texts.join());
    return hash.digest("base64");
  }
}

/** Writes a part of a node as text. V8's own encoding may differ for what is equal. */
function write(value: unknown, key: string, places: ReadonlyMap<number, number>, texts: string[]): void {
  if (typeof value === "string") texts.push(JSON.stringify(value));
  else if (typeof value !== "object" || value === null) {
    texts.push(`${typeof value} ${Object.is(value, -0) ? "-0" : String(value)}`);
  } else if (value instanceof Uint8Array) {
    texts.push(createHash("sha256").update(value).digest("base64"));
  } else if (Array.isArray(value)) {
    const [only] = value as unknown[];
    if (value.length === 1 && typeof only === "number" && !LISTS.has(key)) {
      texts.push(`@${places.get(only)}`);
      return;
    }
    texts.push(`[${value.length}`);
    for (const item of value as unknown[]) write(item, "", places, texts);
  } else {
    texts.push("{");
    for (const name of Object.keys(value)) {
      texts.push(name);
      write((value as Record<string, unknown>)[name], name, places, texts);
    }
    texts.push("}");
  }
}

/**
 * Gives the registered classes of a pickle their versions; to be called when all is written, and before variables are taken out of functions
 * for being shared.
 *
 * @returns Notes which of them are entangled; to be called afterwards, with what is shared.
 */
export function addClassVersions(writer: GraphWriter, root: number): (shared: readonly SharedVariables[]) => void {
  const { nodes } = writer;
  const classes = nodes.flatMap((node, index) => (isRegistered(node) ? [index] : []));
  if (classes.length === 0) return () => {};
  const versions = new ClassVersions(writer);
  const digests = classes.map((index) => versions.digestOf(index));
  const owners = [...new Set([root, ...classes])];
  const regions = new Map(owners.map((index) => [index, versions.reach([index], true)]));
  for (const [place, index] of classes.entries()) (nodes[index] as FunctionNode).version = digests[place] ?? "";
  return (shared) => {
    const entangled = new Set<number>();
    const sharesWith = (own: ReadonlySet<number>, other: ReadonlySet<number>): boolean =>
      [...own].some((each) => other.has(each) && isChangeable(nodes[each])) ||
      shared.some(({ functions }) => functions.some((fn) => own.has(fn)) && functions.some((fn) => other.has(fn)));
    for (const index of classes) {
      const own = regions.get(index) ?? new Set();
      for (const [owner, other] of regions) if (owner !== index && sharesWith(own, other)) entangled.add(index);
    }
    // What uses an entangled class must use the one that is evaluated with it.
    const isUser = (index: number): boolean =>
      [...versions.reach([index], false)].some((each) => each !== index && entangled.has(each));
    for (const index of classes) if (isUser(index)) entangled.add(index);
    for (const index of entangled) (nodes[index] as FunctionNode).isEntangled = true;
  };
}
