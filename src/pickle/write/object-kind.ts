/**
 * Sorts objects into those that can be rebuilt elsewhere, each with its kind, and those that can't, each with a
 * reason.
 */

import { types } from "node:util";

import { numberOf } from "../look/captured-state.js";
import { viewPrototype } from "../../memory/view-types.js";
import { viewTypeOf } from "../../memory/view-types.js";
import type { DataNode } from "../graph/format.js";
import { CLASS_ADVICE } from "../../values/classes/host-classes.js";
import { isStub } from "../../values/classes/process-bound.js";

const MAKE_INSIDE = "Make it inside the task, and pass what it is made from as an argument";
const AWAIT_FIRST = "Await it first, and pass the result as an argument";

/** Why an object can't travel. */
export interface Refusal {
  readonly problem: string;
  readonly advice: string;
}

/** A node without its properties and prototype, and the prototype that the worker's copy gets by itself. */
export interface ObjectKind {
  readonly node: DataNode;
  readonly prototype: object;
}

function toStringTag(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function inheritsFromProxy(value: object): boolean {
  for (let at: unknown = value; typeof at === "object" && at !== null; at = Object.getPrototypeOf(at)) {
    if (types.isProxy(at)) return !isStub(at);
  }
  return false;
}

const REFUSED: readonly [test: (value: object) => boolean, problem: string, advice: string][] = [
  // First, since the others look into what it inherits.
  [inheritsFromProxy, "it inherits from a Proxy, which can't be looked into", "Pass a plain copy as an argument"],
  [types.isPromise, "a promise belongs to the process that made it", AWAIT_FIRST],
  [types.isGeneratorObject, "a running generator belongs to the process that made it", MAKE_INSIDE],
  [(value) => value instanceof WeakRef, "a WeakRef points into this process", "Pass what it points to"],
  [types.isMapIterator, "an iterator belongs to the process that made it", "Pass an array instead"],
  [types.isSetIterator, "an iterator belongs to the process that made it", "Pass an array instead"],
  [(value) => toStringTag(value).endsWith("Iterator"), "an iterator belongs to the process that made it", MAKE_INSIDE],
  [types.isSharedArrayBuffer, "a SharedArrayBuffer can't be shared between processes", "Use an ArrayBuffer (a copy)"],
  [types.isExternal, "a native handle belongs to the process that made it", MAKE_INSIDE],
  [types.isModuleNamespaceObject, "a module namespace whose import can't be found", "Import it inside the task"],
  [types.isArgumentsObject, "an arguments object can't be copied", "Use a rest parameter: (...args)"],
];

/** Why this object can't travel, as far as its own kind decides that. */
export function refusalOf(value: object): Refusal | undefined {
  const found = REFUSED.find(([test]) => test(value));
  return found && { problem: found[1], advice: found[2] };
}

/**
 * The refusal of an instance of a class that Node or the language defines, and that holds state out of reach.
 *
 * @param ownName - The class of the program that extends it, if there is one.
 */
export function nativeInstanceRefusal(className: string, ownName: string, value: object): Refusal {
  const known = CLASS_ADVICE.get(toStringTag(value)) ?? CLASS_ADVICE.get(className);
  const advice = known === undefined ? MAKE_INSIDE : known.charAt(0).toUpperCase() + known.slice(1);
  const name = ownName === className || ownName === "" ? className : `${ownName}, which extends ${className},`;
  return { problem: `an instance of ${name} holds state that belongs to this process`, advice };
}

/** The refusal of an instance with `#private` members. */
export function privateStateRefusal(names: readonly string[]): Refusal {
  const problem = `it has private state (${names.join(", ")}) that can't be read from outside its class`;
  return { problem, advice: "Make it inside the task, from the data that its constructor takes" };
}

function viewKind(view: ArrayBufferView, linkBuffer: (buffer: ArrayBuffer) => readonly [number]): ObjectKind {
  const { buffer, byteOffset, byteLength } = view;
  // A small Buffer is a window on a pool that holds other people's data: only its own bytes travel.
  if (Buffer.isBuffer(view) && byteLength < buffer.byteLength) {
    return { node: { kind: "view", bytes: new Uint8Array(view) }, prototype: Buffer.prototype as object };
  }
  const type = viewTypeOf(view);
  const link = linkBuffer(buffer as ArrayBuffer);
  return {
    node: { kind: "view", type, buffer: link, byteOffset, sizeBytes: byteLength },
    prototype: type < 0 ? Object.prototype : viewPrototype(type),
  };
}

function boxedPrototype(value: object): object {
  if (types.isNumberObject(value)) return Number.prototype;
  if (types.isStringObject(value)) return String.prototype;
  return types.isBooleanObject(value) ? Boolean.prototype : BigInt.prototype;
}

/** Sorts an object that was not refused. */
export function objectKind(value: object, linkBuffer: (buffer: ArrayBuffer) => readonly [number]): ObjectKind {
  if (Array.isArray(value)) return { node: { kind: "array", length: value.length }, prototype: Array.prototype };
  if (types.isMap(value)) return { node: { kind: "map", entries: [] }, prototype: Map.prototype };
  if (types.isSet(value)) return { node: { kind: "set", items: [] }, prototype: Set.prototype };
  if (types.isWeakMap(value)) return { node: { kind: "weakMap", id: numberOf(value) }, prototype: WeakMap.prototype };
  if (types.isWeakSet(value)) return { node: { kind: "weakSet", id: numberOf(value) }, prototype: WeakSet.prototype };
  if (types.isDate(value)) {
    return { node: { kind: "date", time: Date.prototype.getTime.call(value) }, prototype: Date.prototype };
  }
  if (types.isRegExp(value)) {
    const { source, flags, lastIndex } = value;
    return { node: { kind: "regexp", source, flags, lastIndex }, prototype: RegExp.prototype };
  }
  if (Object.getPrototypeOf(value) === DOMException.prototype) {
    const { message, name } = value as DOMException;
    return { node: { kind: "error", dom: [message, name] }, prototype: DOMException.prototype };
  }
  if (types.isNativeError(value)) {
    // The worker's shell is an Error; a TypeError's prototype is named like any other class's.
    return { node: { kind: "error" }, prototype: Error.prototype };
  }
  if (types.isBoxedPrimitive(value) && !types.isSymbolObject(value)) {
    const boxed = (value as { valueOf: () => string | number | boolean | bigint }).valueOf();
    return { node: { kind: "boxed", value: boxed }, prototype: boxedPrototype(value) };
  }
  if (types.isAnyArrayBuffer(value)) {
    const bytes = new Uint8Array((value as ArrayBuffer).slice(0));
    return { node: { kind: "arrayBuffer", bytes }, prototype: ArrayBuffer.prototype };
  }
  if (ArrayBuffer.isView(value)) return viewKind(value, linkBuffer);
  return { node: { kind: "object" }, prototype: Object.prototype };
}
