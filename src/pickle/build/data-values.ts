/** Rebuilds data in the worker: an empty object of the right kind first, its contents when everything exists. */

import { openReference } from "../../memory/reference.js";
import { ACCESSOR } from "../graph/format.js";
import { CONFIGURABLE } from "../graph/format.js";
import type { Resolve } from "./built-values.js";
import { makeView } from "../../memory/view-types.js";
import type { DataNode } from "../graph/format.js";
import { ENUMERABLE } from "../graph/format.js";
import { FROZEN } from "../graph/format.js";
import { NOT_EXTENSIBLE } from "../graph/format.js";
import type { ObjectParts } from "../graph/format.js";
import { PLAIN } from "../graph/format.js";
import { SEALED } from "../graph/format.js";
import { WRITABLE } from "../graph/format.js";
import { decodeByTag } from "../../values/classes/extensions.js";

function createView(node: DataNode & { kind: "view" }, resolve: Resolve): ArrayBufferView {
  if (node.bytes !== undefined) return Buffer.from(node.bytes);
  return makeView(node.type ?? -1, resolve(node.buffer) as ArrayBuffer, node.byteOffset ?? 0, node.sizeBytes ?? 0);
}

function createError(dom?: readonly [message: string, name: string]): Error {
  const error = dom === undefined ? new Error() : new DOMException(...dom);
  // The copy has the stack that the original had, or none.
  delete error.stack;
  return error;
}

function createArray({ items, length }: DataNode & { kind: "array" }): unknown[] {
  const array: unknown[] = [];
  // Filled one after the other, it becomes an array without holes, which V8 handles faster.
  if (items === undefined) array.length = length;
  return array;
}

/** Makes the object of a node, without contents. */
export function createShell(node: DataNode, resolve: Resolve): object {
  switch (node.kind) {
    case "object":
      return {};
    case "array":
      return createArray(node);
    case "map":
      return new Map();
    case "set":
      return new Set();
    case "weakMap":
      return new WeakMap();
    case "weakSet":
      return new WeakSet();
    case "date":
      return new Date(node.time);
    case "regexp":
      return Object.assign(new RegExp(node.source, node.flags), { lastIndex: node.lastIndex });
    case "error":
      return createError(node.dom);
    case "boxed":
      return Object(node.value) as object;
    case "host":
      return decodeByTag(node.tag, node.content);
    case "arrayBuffer":
      return node.bytes.buffer.slice(node.bytes.byteOffset, node.bytes.byteOffset + node.bytes.byteLength);
    case "view":
      return createView(node, resolve);
    case "memory":
      return openReference(node.reference);
  }
}

/** Puts the items of an array, map or set in their places; may be done again when more values exist. */
export function fillItems(object: object, node: DataNode, resolve: Resolve): void {
  if (node.kind === "array") {
    const array = object as unknown[];
    for (const [index, item] of (node.items ?? []).entries()) array[index] = resolve(item);
  } else if (node.kind === "map") {
    const map = object as Map<unknown, unknown>;
    Map.prototype.clear.call(map);
    for (const [key, value] of node.entries) Map.prototype.set.call(map, resolve(key), resolve(value));
  } else if (node.kind === "set") {
    const set = object as Set<unknown>;
    Set.prototype.clear.call(set);
    for (const item of node.items) Set.prototype.add.call(set, resolve(item));
  }
}

function attributesOf(flags: number, isFinal: boolean): PropertyDescriptor {
  return { enumerable: (flags & ENUMERABLE) !== 0, configurable: !isFinal || (flags & CONFIGURABLE) !== 0 };
}

/**
 * Gives an object its own properties; what its prototypes have too is defined, so that an own `__proto__` stays one.
 *
 * @param isFinal - false leaves everything configurable, for a later call.
 */
export function fillProperties(object: object, parts: ObjectParts, resolve: Resolve, isFinal: boolean): void {
  for (const [keyLink, link, flags = PLAIN, set] of parts.properties ?? []) {
    const key = (typeof keyLink === "string" ? keyLink : resolve(keyLink)) as PropertyKey;
    if (flags === PLAIN && !(key in object)) {
      // The same as defining it, as nothing in the prototypes stands in the way; and several times faster.
      (object as Record<PropertyKey, unknown>)[key] = resolve(link);
      continue;
    }
    const value: PropertyDescriptor =
      (flags & ACCESSOR) !== 0
        ? { get: resolve(link) as () => unknown, set: resolve(set) as (value: unknown) => void }
        : { value: resolve(link), writable: !isFinal || (flags & WRITABLE) !== 0 };
    // A function's own `prototype` is there already and not configurable.
    const isFixed = Object.getOwnPropertyDescriptor(object, key)?.configurable === false;
    Object.defineProperty(object, key, isFixed ? value : { ...value, ...attributesOf(flags, isFinal) });
  }
  if (!isFinal) return;
  if (parts.integrity === FROZEN) Object.freeze(object);
  else if (parts.integrity === SEALED) Object.seal(object);
  else if (parts.integrity === NOT_EXTENSIBLE) Object.preventExtensions(object);
}
