/** The classes of binary data, by numbers that mean the same in every process. */

import { types } from "node:util";

type ViewClass = (new (buffer: ArrayBuffer, byteOffset?: number, length?: number) => ArrayBufferView) & {
  readonly BYTES_PER_ELEMENT?: number;
  readonly prototype: unknown;
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

/** Those that this Node.js has, at their positions, as they were when the library was loaded. */
const VIEW_CLASSES: readonly (ViewClass | undefined)[] = VIEW_NAMES.map((name) => {
  const found: unknown = Object.hasOwn(globalThis, name) ? Reflect.get(globalThis, name) : undefined;
  return typeof found === "function" ? (found as ViewClass) : undefined;
});

const BUFFER_TYPE = VIEW_NAMES.indexOf("Buffer");
const TYPED_ARRAYS: ReadonlySet<unknown> = new Set(VIEW_CLASSES.slice(VIEW_NAMES.indexOf("DataView") + 1));

/** @throws Error when this Node.js has no such class. */
function viewClass(type: number): ViewClass {
  const found = VIEW_CLASSES[type];
  if (found === undefined) throw new Error(`This Node.js has no class of binary data with number ${type}.`);
  return found;
}

/**
 * The prototype that instances of a class have.
 *
 * @throws Error when this Node.js has no such class.
 */
export function viewPrototype(type: number): object {
  return viewClass(type).prototype as object;
}

/** Whether a value is one of the classes of typed arrays: no `DataView`, no `Buffer`, no subclass. */
export function isTypedArrayClass(value: unknown): boolean {
  return value !== undefined && TYPED_ARRAYS.has(value);
}

/**
 * Makes a view on the whole of a buffer.
 *
 * @throws Error when this Node.js has no such class; RangeError when the buffer holds no whole number of elements.
 */
export function makeWholeView(type: number, buffer: ArrayBuffer): ArrayBufferView {
  return type === BUFFER_TYPE ? Buffer.from(buffer) : new (viewClass(type))(buffer);
}

/** Whether this Node.js has such a class, and a stretch holds a whole number of its elements in the right places. */
export function isStretchOf(type: number, byteOffset: number, sizeBytes: number): boolean {
  const view = VIEW_CLASSES[type];
  if (view === undefined) return false;
  const unit = (type === BUFFER_TYPE ? undefined : view.BYTES_PER_ELEMENT) ?? 1;
  return byteOffset % unit === 0 && sizeBytes % unit === 0;
}

/**
 * Makes a view on a stretch of a buffer, for which `isStretchOf` holds.
 *
 * @throws Error when this Node.js has no such class; RangeError when the stretch is not in the buffer.
 */
export function makeView(type: number, buffer: ArrayBuffer, byteOffset: number, sizeBytes: number): ArrayBufferView {
  if (type === BUFFER_TYPE) return Buffer.from(buffer, byteOffset, sizeBytes);
  const View = viewClass(type);
  return new View(buffer, byteOffset, sizeBytes / (View.BYTES_PER_ELEMENT ?? 1));
}
