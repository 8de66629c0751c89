/**
 * Puts entries into a worker's WeakMaps and WeakSets: of the keys that are built now, and those that a map of a kept
 * key lacks.
 */

import type { Resolve } from "./built-values.js";
import type { WeakEntry } from "../graph/format.js";
import { indexOf } from "../graph/view.js";
import { hasWeakKey } from "../../values/classes/weak-collections.js";
import { setWeakKey } from "../../values/classes/weak-collections.js";

/** The entries of the WeakMaps and WeakSets of one pickle. */
export class WeakFiller {
  readonly #entries: readonly WeakEntry[];
  /** Entries by the nodes that they wait for, keys and collections. */
  readonly #waiting = new Map<number, WeakEntry[]>();
  readonly #chosen = new Set<WeakEntry>();
  readonly #existing: (index: number) => object | undefined;

  /** @param existing - What the worker has kept of a node. */
  constructor(entries: readonly WeakEntry[], existing: (index: number) => object | undefined) {
    this.#entries = entries;
    this.#existing = existing;
    for (const entry of entries) {
      for (const index of entry.slice(0, 2) as number[]) {
        const waiting = this.#waiting.get(index);
        if (waiting === undefined) this.#waiting.set(index, [entry]);
        else waiting.push(entry);
      }
    }
  }

  /** The nodes that are needed, when what the worker has kept is all that there is. */
  atFirst(): number[] {
    return this.#entries.flatMap((entry) => this.#choose(entry, -1));
  }

  /** The nodes that are needed, too, when this one is made. */
  with(index: number): number[] {
    return (this.#waiting.get(index) ?? []).flatMap((entry) => this.#choose(entry, index));
  }

  #choose(entry: WeakEntry, made: number): number[] {
    const [collection, key, value] = entry;
    if (this.#chosen.has(entry)) return [];
    const keptKey = this.#existing(key);
    const kept = this.#existing(collection);
    // A collection that is made for nobody, or a key that nobody has, needs no entry.
    if (keptKey === undefined && key !== made) return [];
    if (keptKey !== undefined && kept === undefined && collection !== made) return [];
    if (keptKey !== undefined && kept !== undefined && hasWeakKey(kept, keptKey)) return [];
    this.#chosen.add(entry);
    return [collection, key, indexOf(value)].filter((each) => each !== undefined);
  }

  /** Puts the entries in, each when its key is there, and again when its value is. */
  fill(fill: (job: (resolve: Resolve) => void) => void): void {
    for (const [collection, key, value] of this.#chosen) {
      fill((resolve) => {
        const [into, of, held] = [resolve([collection]), resolve([key]), resolve(value)];
        if (into !== undefined && of !== undefined) setWeakKey(into as object, of as object, held);
      });
    }
  }
}
