/**
 * Tells whether a variable still holds what it held: a stamp is a digest of the value.
 *
 * Another primitive, another object, or other contents make another stamp. It ends at functions that the module makes
 * once: these are what they are wherever they are met.
 */

import { numberOf } from "../look/captured-state.js";
import { Digest } from "./digest.js";
import type { Frame } from "../graph/format.js";
import type { FunctionNode } from "../graph/format.js";
import type { GraphNode } from "../graph/format.js";
import type { Link } from "../graph/format.js";
import type { ModuleRecord } from "../graph/format.js";
import type { WeakEntry } from "../graph/format.js";
import type { GraphWriter } from "./graph-writer.js";

/** Where arrays of one number are lists, and no links. */
const LISTS: ReadonlySet<string> = new Set(["items", "boundArgs", "args"]);

/** What has no identity that counts. */
const NAMELESS: ReadonlySet<string> = new Set(["prototypeOf", "member", "memory"]);

interface Visit {
  readonly index: number;
  /** Made for this pickle by a hook: another object every time. */
  readonly isFresh: boolean;
}

/** One value, from a link on. */
class Walk {
  readonly #stamps: Stamps;
  readonly #digest = new Digest();
  readonly #places = new Map<number, number>();
  readonly #queue: Visit[] = [];

  constructor(stamps: Stamps) {
    this.#stamps = stamps;
  }

  link(link: Link, isFresh: boolean): void {
    if (!Array.isArray(link)) {
      this.#digest.primitive(link);
      return;
    }
    const [index] = link as readonly [number];
    let place = this.#places.get(index);
    if (place === undefined) {
      place = this.#places.size;
      this.#places.set(index, place);
      this.#queue.push({ index, isFresh });
    }
    this.#digest.int(place);
  }

  /** The properties of a node, and what it inherits from. */
  parts(node: object): void {
    const { properties, proto, integrity } = node as Readonly<Record<string, unknown>>;
    this.#write({ properties, proto, integrity }, "", false);
  }

  finish(): string {
    for (const { index, isFresh } of this.#queue) {
      const node = this.#stamps.nodes[index];
      if (node === undefined) continue;
      if (node.kind === "function" && node.identity !== undefined && this.#places.get(index) !== undefined) {
        this.#digest.text(`${this.#stamps.modules[node.module ?? -1]?.key} ${node.identity}`);
        continue;
      }
      const object = this.#stamps.objects.get(index);
      if (object !== undefined && !isFresh && !NAMELESS.has(node.kind)) this.#digest.int(numberOf(object));
      if (node.kind === "function") this.#function(node);
      else if (node.kind === "instance") {
        this.link(node.of, isFresh);
        this.link(node.plain, true);
      } else this.#write(node, "", isFresh);
      for (const [collection, , value] of this.#stamps.weakEntriesOf(index)) {
        this.#digest.text(String((this.#stamps.nodes[collection] as { readonly id?: number }).id));
        this.link(value, isFresh);
      }
    }
    return this.#digest.result;
  }

  #function(node: FunctionNode): void {
    for (const { name, link } of node.variables) {
      this.#digest.text(name);
      this.link(link, false);
    }
    for (let frame = node.frame; frame !== undefined; frame = this.#stamps.frames[frame]?.parent) {
      for (const { link } of this.#stamps.frames[frame]?.variables ?? []) this.link(link, false);
    }
    this.parts(node);
  }

  #write(value: unknown, key: string, isFresh: boolean): void {
    if (typeof value !== "object" || value === null) {
      this.#digest.primitive(value);
    } else if (value instanceof Uint8Array) {
      this.#digest.bytes(value);
    } else if (Array.isArray(value)) {
      const items = value as unknown[];
      if (items.length === 1 && typeof items[0] === "number" && !LISTS.has(key)) {
        this.link(items as unknown as readonly [number], isFresh);
        return;
      }
      this.#digest.int(items.length);
      for (const item of items) this.#write(item, "", isFresh);
    } else {
      for (const name of Object.keys(value)) {
        this.#digest.text(name);
        this.#write((value as Record<string, unknown>)[name], name, isFresh);
      }
      this.#digest.int(-1);
    }
  }
}

/** Makes the stamps of one pickle. */
export class Stamps {
  readonly nodes: readonly GraphNode[];
  readonly #indexes: ReadonlyMap<object, number>;
  #objects: ReadonlyMap<number, object> | undefined;
  readonly modules: readonly ModuleRecord[];
  readonly frames: readonly Frame[];
  readonly #weakEntries = new Map<number, WeakEntry[]>();
  /** By function, what was given to its prototype and to its methods. */
  readonly #given = new Map<number, GraphNode[]>();

  constructor(
    { nodes, objects, weakEntries }: GraphWriter,
    modules: readonly ModuleRecord[],
    frames: readonly Frame[],
  ) {
    this.nodes = nodes;
    this.#indexes = objects;
    this.modules = modules;
    this.frames = frames;
    for (const entry of weakEntries) {
      const [, key] = entry;
      this.#weakEntries.set(key, [...(this.#weakEntries.get(key) ?? []), entry]);
    }
    for (const node of nodes) {
      if ((node.kind !== "prototypeOf" && node.kind !== "member") || !Array.isArray(node.of)) continue;
      const [of] = node.of as readonly [number];
      this.#given.set(of, [...(this.#given.get(of) ?? []), node]);
    }
  }

  /** The values that have nodes of their own. Of many pickles, none is asked for. */
  get objects(): ReadonlyMap<number, object> {
    return (this.#objects ??= new Map([...this.#indexes].map(([object, index]) => [index, object])));
  }

  /** What WeakMaps and WeakSets hold for an object: as `#private` fields, where a compiler has made them of such. */
  weakEntriesOf(key: number): readonly WeakEntry[] {
    return this.#weakEntries.get(key) ?? [];
  }

  /** Of a value. */
  of(link: Link): string {
    const walk = new Walk(this);
    walk.link(link, false);
    return walk.finish();
  }

  /** Of what a function, its prototype and its methods were given. */
  ofParts(index: number): string {
    const walk = new Walk(this);
    const own = this.nodes[index];
    if (own !== undefined) walk.parts(own);
    for (const node of this.#given.get(index) ?? []) walk.parts(node);
    return walk.finish();
  }
}
