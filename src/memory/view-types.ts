/** The classes of binary data, by numbers that mean the same in every process. */

import { types } from "node:util";

type ViewClass = (new (buffer: ArrayBuffer, byteOffset?: number, length?: number) => ArrayBufferView) & {
  readonly BYTES_PER_ELEMENT?: number;
};

/** The position is what travels. */
const VIEW_NAMES = [
  "Buffer",
  "DataView",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
  "Float16Array",
] as const;

const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype) as object;

function viewName(view: ArrayBufferView): string {
  if (types.isDataView(view)) return "DataView";
  if (Buffer.isBuffer(view)) return "Buffer";
  // The getter of the class, as the object may have a property of its own with this name.
  return String(Reflect.get(typedArrayPrototype, Symbol.toStringTag, view));
}

/** The number of a view's class; -1 for a class of a later version of the language. */
export function viewTypeOf(view: ArrayBufferView): number {
  return (VIEW_NAMES as readonly string[]).indexOf(viewName(view));
}

/** @throws Error when this Node.js has no such class. */
function viewClass(type: number): ViewClass {
  const name = VIEW_NAMES[type];
  const found: unknown =
    name !== undefined && Object.hasOwn(globalThis, name) ? Reflect.get(globalThis, name) : undefined;
  if (typeof found !== "function") throw new Error(`This Node.js has no class of binary data with number ${type}.`);
  return found as ViewClass;
}

/** Whether a value is one of the classes of typed arrays: no `DataView`, no `Buffer`, no subclass. */
export function isTypedArrayClass(value: unknown): boolean {
  return VIEW_NAMES.some(
    (name) =>
      name !== "Buffer" &&
      name !== "DataView" &&
      typeof value === "function" &&
      Object.hasOwn(globalThis, name) &&
      Reflect.get(globalThis, name) === value,
  );
}

/**
 * Makes a view on the whole of a buffer.
 *
 * @throws Error when this Node.js has no such class; RangeError when the buffer holds no whole number of elements.
 */
export function makeWholeView(type: number, buffer: ArrayBuffer): ArrayBufferView {
  return VIEW_NAMES[type] === "Buffer" ? Buffer.from(buffer) : new (viewClass(type))(buffer);
}

/** Whether this Node.js has such a class, and a stretch holds a whole number of its elements in the right places. */
export function isStretchOf(type: number, byteOffset: number, sizeBytes: number): boolean {
  const name = VIEW_NAMES[type];
  if (name === undefined || !Object.hasOwn(globalThis, name)) return false;
  const unit = (name === "Buffer" ? undefined : viewClass(type).BYTES_PER_ELEMENT) ?? 1;
  return byteOffset % unit === 0 && sizeBytes % unit === 0;
}

/**
 * Makes a view on a stretch of a buffer, for which `isStretchOf` holds.
 *
 * @throws Error when this Node.js has no such class; RangeError when the stretch is not in the buffer.
 */
export function makeView(type: number, buffer: ArrayBuffer, byteOffset: number, sizeBytes: number): ArrayBufferView {
  if (VIEW_NAMES[type] === "Buffer") return Buffer.from(buffer, byteOffset, sizeBytes);
  const View = viewClass(type);
  return new View(buffer, byteOffset, sizeBytes / (View.BYTES_PER_ELEMENT ?? 1));
}
