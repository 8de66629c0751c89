import { numberOf } from "../look/captured-state.js";
import type { GraphWriter } from "./graph-writer.js";
import type { Place } from "./graph-writer.js";
import type { Link } from "../graph/format.js";
import { WeakCollections } from "../../values/classes/weak-collections.js";
import { sentWeakCollections } from "../../values/classes/weak-collections.js";

/** Writes what the WeakMaps and WeakSets of a pickle hold, when all else is written. */
export class WeakEntries {
  readonly #writer: GraphWriter;
  readonly #link: (value: unknown, place: Place) => Link;
  readonly #collections = new WeakCollections<{ readonly index: number; readonly place: Place }>();

  constructor(writer: GraphWriter, link: (value: unknown, place: Place) => Link) {
    this.#writer = writer;
    this.#link = link;
  }

  /** Takes a collection that travels, by its node. */
  add(object: object, index: number, place: Place): void {
    sentWeakCollections.add(numberOf(object), object);
    this.#collections.add(object, { index, place });
  }

  /** Writes the entries, and what these bring. */
  write(): void {
    if (this.#collections.isEmpty) return;
    const { objects, found, weakEntries } = this.#writer;
    for (let before = -1; before < weakEntries.length; this.#writer.run()) {
      before = weakEntries.length;
      const keys = [...objects.keys(), ...found.keys()];
      for (const [{ index, place }, key, value] of this.#collections.newEntries(keys)) {
        const link = this.#link(value, { holder: place, step: ".get(...)" });
        weakEntries.push([index, objects.get(key) ?? found.get(key) ?? -1, link]);
      }
    }
  }
}
