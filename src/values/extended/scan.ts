/**
 * Looks through a value before V8 serializes it.
 *
 * V8 can tell neither where the offending part is nor which instances need more than their plain properties. The walk
 * takes about as long as V8's own, so it does as little as it can: in particular, objects without object children are
 * not remembered as seen, as they can be part of no cycle.
 */

import { types } from "node:util";

import { ATTACHED_BYTES } from "../binary/attachments.js";
import { KIND } from "../classes/classify.js";
import { ValuePath } from "./path.js";
import { classify } from "../classes/classify.js";
import { describeSymbol } from "../classes/symbols.js";
import { explainRefusal } from "../classes/classify.js";
import { extrasOf } from "./array-extras.js";
import { refuseBinary } from "../classes/classify.js";
import { refuseShared } from "../../memory/reference.js";
import { toNotSerializable } from "./path.js";
import { travelsByReference } from "../../memory/reference.js";
import type { PathStep } from "./path.js";
import type { ValueWriter } from "../classes/value-writer.js";

/** Arrays at least this long may be nearly empty, and are looked at in samples before they are walked by index. */
const MAYBE_SPARSE_LENGTH = 1_000_000;
const SPARSE_SAMPLES = 64;

function looksSparse(array: readonly unknown[]): boolean {
  if (array.length < MAYBE_SPARSE_LENGTH) return false;
  const stride = Math.floor(array.length / SPARSE_SAMPLES);
  let holes = 0;
  for (let sample = 0; sample < SPARSE_SAMPLES; sample++) if (!(sample * stride in array)) holes++;
  return holes > SPARSE_SAMPLES / 2;
}

class Scanner {
  readonly path: ValuePath;
  readonly #writer: ValueWriter | undefined;
  readonly #seen = new Set<object>();
  hasSpecials = false;
  /** Buffers, not views, that are large enough to be attachments. */
  readonly largeBuffers: ArrayBuffer[] = [];

  constructor(root: string, writer: ValueWriter | undefined) {
    this.path = new ValuePath(root);
    this.#writer = writer;
  }

  /** Looks at a value found at the path's current place. */
  value(value: unknown, depth: number): void {
    if (typeof value === "object") {
      if (value !== null) this.#object(value, depth);
    } else if (typeof value === "function" || typeof value === "symbol") {
      this.#special(value);
    }
  }

  /** A function or a symbol, which V8 knows nothing of. */
  #special(value: unknown): void {
    const isSendable = typeof value === "symbol" ? describeSymbol(value) !== undefined : this.#writer !== undefined;
    if (!isSendable) throw this.path.refuse(explainRefusal(value));
    this.hasSpecials = true;
  }

  #object(object: object, depth: number): void {
    switch (classify(object)) {
      case KIND.plain:
        return this.#plain(object as Record<string, unknown>, depth);
      case KIND.array:
        return this.#array(object as unknown[], depth);
      case KIND.leaf:
        return undefined;
      case KIND.map:
        return this.#map(object as Map<unknown, unknown>, depth);
      case KIND.set:
        return this.#set(object as Set<unknown>, depth);
      case KIND.binary:
        return this.#binary(object);
      // What is inside is looked at when it is copied.
      case KIND.error:
      case KIND.weak:
      case KIND.extension:
      case KIND.instance:
        this.hasSpecials = true;
        return undefined;
      case KIND.live:
        if (this.#writer?.offer === undefined) throw this.path.refuse(explainRefusal(object));
        this.hasSpecials = true;
        return undefined;
      case KIND.refused:
        throw this.path.refuse(explainRefusal(object));
    }
  }

  #binary(object: object): void {
    const problem = refuseBinary(object) ?? refuseShared(object);
    if (problem !== undefined) throw this.path.refuse(problem);
    if (travelsByReference(object)) this.hasSpecials = true;
    else if (types.isArrayBuffer(object) && object.byteLength >= ATTACHED_BYTES) this.largeBuffers.push(object);
  }

  /** Whether this is the first visit. */
  #enter(object: object): boolean {
    if (this.#seen.has(object)) return false;
    this.#seen.add(object);
    return true;
  }

  #plain(object: Record<string, unknown>, depth: number): void {
    let isEntered = false;
    for (const key of Object.keys(object)) {
      this.path.at(depth, key);
      const value = object[key];
      const type = typeof value;
      if (type === "object" && value !== null) {
        if (!isEntered && !this.#enter(object)) return;
        isEntered = true;
        this.#object(value as object, depth + 1);
      } else if (type === "function" || type === "symbol") {
        this.#special(value);
      }
    }
  }

  #array(array: readonly unknown[], depth: number): void {
    if (looksSparse(array)) return this.#plain(array as unknown as Record<string, unknown>, depth);
    let isEntered = false;
    for (let index = 0; index < array.length; index++) {
      const value = array[index];
      const type = typeof value;
      if (type === "object" && value !== null) {
        if (!isEntered && !this.#enter(array)) return undefined;
        isEntered = true;
        this.path.at(depth, index);
        this.#object(value as object, depth + 1);
      } else if (type === "function" || type === "symbol") {
        this.path.at(depth, index);
        this.#special(value);
      }
    }
    for (const key of extrasOf(array)) {
      if (!isEntered && !this.#enter(array)) return undefined;
      isEntered = true;
      this.path.at(depth, key);
      this.value((array as unknown as Record<string, unknown>)[key], depth + 1);
    }
    return undefined;
  }

  #map(map: Map<unknown, unknown>, depth: number): void {
    if (!this.#enter(map)) return;
    for (const [key, value] of Map.prototype.entries.call(map) as MapIterator<[unknown, unknown]>) {
      if (isWalked(key)) this.#member(key, depth, { in: "mapKeys", key });
      if (isWalked(value)) this.#member(value, depth, { in: "map", key });
    }
  }

  #set(set: Set<unknown>, depth: number): void {
    if (!this.#enter(set)) return;
    let index = 0;
    for (const member of Set.prototype.values.call(set) as SetIterator<unknown>) {
      if (isWalked(member)) this.#member(member, depth, { in: "set", key: index });
      index++;
    }
  }

  #member(value: unknown, depth: number, step: PathStep): void {
    this.path.at(depth, step);
    this.value(value, depth + 1);
  }
}

function isWalked(value: unknown): boolean {
  const type = typeof value;
  return type === "object" || type === "function" || type === "symbol";
}

/**
 * Looks for parts that can't be sent and for instances that need an extension.
 *
 * @param writer - Takes what can't be copied.
 * @returns whether the value holds errors, instances with an extension or shared memory; and its large buffers.
 * @throws NotSerializableError with the path to the first offending part.
 */
export function scanForSpecials(
  value: unknown,
  root: string,
  roots: "one" | "list",
  writer?: ValueWriter,
): { readonly hasSpecials: boolean; readonly largeBuffers: readonly ArrayBuffer[] } {
  const scanner = new Scanner(root, writer);
  try {
    if (roots === "one") {
      scanner.value(value, 0);
    } else {
      for (const [index, part] of (value as readonly unknown[]).entries()) {
        scanner.path.at(0, index);
        scanner.value(part, 1);
      }
    }
  } catch (error) {
    throw toNotSerializable(error, scanner.path);
  }
  return scanner;
}
