/**
 * Notices that objects which a function captures have changed since it was looked at.
 *
 * A digest of all their contents is compared, in which objects count by their identity: that takes no inspector and a
 * small part of what the look takes. Nothing of the contents is held, so what the program has dropped since is free.
 */

import { types } from "node:util";

import { numberOf } from "../look/captured-state.js";
import { Digest } from "./digest.js";
import { isStandardProperty } from "../look/function-properties.js";
import type { Place } from "./graph-writer.js";
import { integrityOf } from "./object-parts.js";
import { isDense } from "./object-parts.js";
import { ownKeysOf } from "./object-parts.js";
import { extrasOf } from "../../values/extended/array-extras.js";
import { stackOf } from "../../values/errors/stacks.js";
import { performance } from "../../system/timers.js";
import { hasWeakKey } from "../../values/classes/weak-collections.js";

const OBJECT = 4;
const SYMBOL = 5;
const ACCESSOR = 8;

/** Walks through contents, and makes the digest of them. */
class Walk {
  readonly #isNoted: (object: object) => boolean;
  readonly #digest = new Digest();
  readonly #seen = new Set<object>();
  /** What was seen, in that order; some of it is still to be visited. */
  readonly #queue: object[] = [];
  #visitedCount = 0;
  readonly #weak = new Set<object>();

  /** @param isNoted - Whether the contents of an object count; of others, only which one it is. */
  constructor(isNoted: (object: object) => boolean) {
    this.#isNoted = isNoted;
  }

  get result(): string {
    return this.#digest.result;
  }

  has(object: object): boolean {
    return this.#seen.has(object);
  }

  /** Goes on with an object, and all that is reached from it. */
  from(root: object): void {
    this.#add(root);
    this.#visit();
  }

  #add(object: object): void {
    if (this.#seen.has(object)) return;
    this.#seen.add(object);
    this.#queue.push(object);
  }

  #visit(): void {
    for (; this.#visitedCount < this.#queue.length; this.#visitedCount += 1) {
      this.#contents(this.#queue[this.#visitedCount] as object);
    }
  }

  /** Asks WeakMaps and WeakSets for these keys and for all that was seen, until that brings nothing new. */
  askWeak(keys: readonly object[]): void {
    for (let count = -1; count < this.#queue.length && this.#weak.size > 0; this.#visit()) {
      count = this.#queue.length;
      for (const key of [...keys, ...this.#queue]) for (const each of this.#weak) this.#entry(each, key);
    }
  }

  #entry(collection: object, key: object): void {
    if (!hasWeakKey(collection, key)) return;
    this.#digest.int(numberOf(collection));
    this.#digest.int(numberOf(key));
    if (types.isWeakMap(collection)) this.#value(WeakMap.prototype.get.call(collection, key));
  }

  #value(value: unknown): void {
    if ((typeof value === "object" && value !== null) || typeof value === "function") {
      this.#digest.int(OBJECT);
      this.#digest.int(numberOf(value));
      if (this.#isNoted(value)) this.#add(value);
    } else if (typeof value === "symbol") {
      this.#digest.int(SYMBOL);
      const key = Symbol.keyFor(value);
      if (key === undefined) this.#digest.int(numberOf(value as unknown as object));
      else this.#digest.text(key);
    } else {
      this.#digest.primitive(value);
    }
  }

  #contents(object: object): void {
    this.#value(Object.getPrototypeOf(object));
    this.#digest.int(integrityOf(object));
    if (Array.isArray(object)) this.#array(object);
    else {
      this.#ofKind(object);
      this.#properties(object, ownKeysOf(object));
    }
    this.#digest.int(-1);
  }

  #array(array: readonly unknown[]): void {
    this.#digest.int(array.length);
    if (!isDense(array)) {
      this.#properties(array, ownKeysOf(array));
      return;
    }
    for (const item of array) this.#value(item);
    this.#properties(array, [...extrasOf(array), ...Object.getOwnPropertySymbols(array)]);
  }

  /** What an object has beside its properties. */
  #ofKind(object: object): void {
    if (types.isMap(object)) {
      for (const [key, item] of Map.prototype.entries.call(object) as MapIterator<[unknown, unknown]>) {
        this.#value(key);
        this.#value(item);
      }
    } else if (types.isSet(object)) {
      for (const item of Set.prototype.values.call(object) as SetIterator<unknown>) this.#value(item);
    } else if (types.isWeakMap(object) || types.isWeakSet(object)) {
      this.#weak.add(object);
    } else if (types.isDate(object)) {
      this.#value(Date.prototype.getTime.call(object));
    } else if (types.isRegExp(object)) {
      this.#value(object.source);
      this.#value(object.flags);
    } else if (types.isNativeError(object)) {
      this.#value(stackOf(object));
    } else if (Buffer.isBuffer(object)) {
      this.#digest.bytes(object);
    } else if (types.isAnyArrayBuffer(object)) {
      this.#digest.bytes(new Uint8Array(object));
    } else if (ArrayBuffer.isView(object)) {
      this.#value(object.buffer);
      this.#digest.int(object.byteOffset);
      this.#digest.int(object.byteLength);
    }
  }

  #properties(object: object, keys: readonly (string | symbol)[]): void {
    const isFunction = typeof object === "function";
    const hasIndexes = ArrayBuffer.isView(object);
    for (const key of keys) {
      if (hasIndexes && typeof key === "string" && /^\d+$/.test(key)) continue;
      const descriptor = Object.getOwnPropertyDescriptor(object, key);
      if (descriptor === undefined || (isFunction && isStandardProperty(key, descriptor))) continue;
      this.#value(key);
      const { enumerable = false, configurable = false, writable = false, get, set } = descriptor;
      const isAccessor = get !== undefined || set !== undefined;
      this.#digest.int(
        Number(enumerable) + 2 * Number(configurable) + 4 * Number(writable) + (isAccessor ? ACCESSOR : 0),
      );
      if (isAccessor) {
        this.#value(get);
        this.#value(set);
      } else {
        this.#value(descriptor.value);
      }
    }
  }
}

interface Root {
  readonly ref: WeakRef<object>;
  /** The variable that leads to it, if the look at that was a slow one. */
  readonly variable: Place | undefined;
}

/** The contents of objects, as they were. */
export class Contents {
  readonly #noted: WeakSet<object>;
  /** Objects from which all others are reached. */
  readonly #roots: Root[] = [];
  /** What WeakMaps and WeakSets are asked for, beside these objects. */
  readonly #keys: readonly WeakRef<object>[];
  readonly #digest: string;

  /**
   * @param objects - Those whose contents count, outer ones first, and the variable that leads to each.
   * @param keys - What else may be a key of a WeakMap or WeakSet among them.
   * @param slow - Variables whose look was a slow one.
   */
  constructor(
    objects: ReadonlyMap<object, Place | undefined>,
    keys: Iterable<object>,
    slow: ReadonlyMap<Place | undefined, Place>,
  ) {
    this.#noted = new WeakSet(objects.keys());
    const walk = new Walk((object) => objects.has(object));
    let hasWeak = false;
    for (const [object, variable] of objects) {
      hasWeak ||= types.isWeakMap(object) || types.isWeakSet(object);
      if (walk.has(object)) continue;
      this.#roots.push({ ref: new WeakRef(object), variable: slow.get(variable) });
      walk.from(object);
    }
    const others = hasWeak ? [...keys].filter((key) => !objects.has(key)) : [];
    this.#keys = others.map((key) => new WeakRef(key));
    walk.askWeak(others);
    this.#digest = walk.result;
  }

  get isEmpty(): boolean {
    return this.#roots.length === 0;
  }

  /** @param durations - Takes how long it took for each variable whose look was slow, in milliseconds. */
  areUnchanged(durations: Map<Place, number>): boolean {
    const walk = new Walk((object) => this.#noted.has(object));
    for (const { ref, variable } of this.#roots) {
      const root = ref.deref();
      if (root === undefined) return false;
      const startMs = variable === undefined ? 0 : performance.now();
      walk.from(root);
      if (variable !== undefined) {
        durations.set(variable, (durations.get(variable) ?? 0) + performance.now() - startMs);
      }
    }
    walk.askWeak(this.#keys.map((ref) => ref.deref()).filter((key) => key !== undefined));
    return walk.result === this.#digest;
  }
}
