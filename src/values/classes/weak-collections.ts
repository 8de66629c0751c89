/**
 * Finds what WeakMaps and WeakSets hold of the values that travel.
 *
 * Such a collection can't be listed, but it can be asked, which takes 20 ns. So each is asked for each object that
 * travels anyway, again and again until the values of its entries bring nothing new. Nobody could ask for any other
 * key on the other side.
 */

import { types } from "node:util";

/** Whether a WeakMap or WeakSet has this key. */
export function hasWeakKey(collection: object, key: object): boolean {
  return types.isWeakMap(collection)
    ? WeakMap.prototype.has.call(collection, key)
    : WeakSet.prototype.has.call(collection as WeakSet<object>, key);
}

/** Puts an entry into a WeakMap, or a key into a WeakSet. */
export function setWeakKey(collection: object, key: object, value: unknown): void {
  if (types.isWeakMap(collection)) WeakMap.prototype.set.call(collection, key, value);
  else WeakSet.prototype.add.call(collection as WeakSet<object>, key);
}

/** The collections of one value or pickle, each with what stands for it there. */
export class WeakCollections<Holder> {
  readonly #collections: { readonly object: object; readonly holder: Holder; readonly given: Set<object> }[] = [];

  get isEmpty(): boolean {
    return this.#collections.length === 0;
  }

  add(object: object, holder: Holder): void {
    this.#collections.push({ object, holder, given: new Set() });
  }

  /** The entries of these keys that were not given before; the value of a WeakSet's is undefined. */
  *newEntries(keys: readonly object[]): Generator<readonly [holder: Holder, key: object, value: unknown]> {
    for (const { object, holder, given } of this.#collections) {
      for (const key of keys) {
        if (given.has(key) || !hasWeakKey(object, key)) continue;
        given.add(key);
        yield [holder, key, types.isWeakMap(object) ? WeakMap.prototype.get.call(object, key) : undefined];
      }
    }
  }
}

/** WeakMaps and WeakSets that two processes have, by the number that the parent has given to each. */
export class SharedWeakCollections {
  readonly #refs = new Map<number, WeakRef<object>>();

  get(id: number): object | undefined {
    return this.#refs.get(id)?.deref();
  }

  add(id: number, collection: object): void {
    this.#refs.set(id, new WeakRef(collection));
  }

  /** Numbers and values of all that hold a key, in turn. */
  entriesOf(key: object): unknown[] {
    const flat: unknown[] = [];
    for (const [id, ref] of this.#refs) {
      const collection = ref.deref();
      if (collection === undefined) this.#refs.delete(id);
      else if (hasWeakKey(collection, key)) {
        flat.push(id, types.isWeakMap(collection) ? WeakMap.prototype.get.call(collection, key) : undefined);
      }
    }
    return flat;
  }
}

/** Those that this process has sent to its workers, with functions. */
export const sentWeakCollections: SharedWeakCollections = new SharedWeakCollections();

/** Those that this process has from its parent. */
export const receivedWeakCollections: SharedWeakCollections = new SharedWeakCollections();
