/**
 * V8's structured clone serializer with its own rule for typed arrays.
 *
 * What the ready-made ones do wrong here: `v8.deserialize` gives views on the received frame (their `.buffer` holds
 * other people's bytes, and keeps the frame alive); `structuredClone` sends the whole buffer behind a small view, which
 * for a small `Buffer` is Node's pool of 8 KiB. So a view of a whole buffer travels with its buffer (several such views
 * share one, as before), and a view of a part travels as a copy of its part.
 */

import { Deserializer } from "node:v8";
import { Serializer } from "node:v8";
import { types } from "node:util";

type ViewClass = new (buffer: ArrayBuffer, byteOffset?: number, length?: number) => ArrayBufferView;

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

const OWN_BYTES = 0;
const WHOLE_BUFFER = 1;

/** First byte of everything that V8 writes. */
const V8_VERSION_TAG = 0xff;

const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype) as object;

function viewName(view: ArrayBufferView): string {
  if (types.isDataView(view)) return "DataView";
  if (Buffer.isBuffer(view)) return "Buffer";
  // The getter of the class, as the object may have a property of its own with this name.
  return String(Reflect.get(typedArrayPrototype, Symbol.toStringTag, view));
}

function viewClass(index: number): ViewClass {
  const name = VIEW_NAMES[index];
  const found: unknown =
    name !== undefined && Object.hasOwn(globalThis, name) ? Reflect.get(globalThis, name) : undefined;
  if (typeof found !== "function") throw new Error(`This Node.js has no class of binary data with number ${index}.`);
  return found as ViewClass;
}

function makeView(index: number, buffer: ArrayBuffer): ArrayBufferView {
  if (VIEW_NAMES[index] === "Buffer") return Buffer.from(buffer);
  return new (viewClass(index))(buffer);
}

/** What `node:v8` calls but `@types/node` does not declare. */
interface SerializerInternals {
  _setTreatArrayBufferViewsAsHostObjects(isHostObject: boolean): void;
}

class ValueSerializer extends Serializer {
  constructor() {
    super();
    (this as unknown as SerializerInternals)._setTreatArrayBufferViewsAsHostObjects(true);
  }

  /** Called by V8 for views, and for objects that belong to native code. */
  _writeHostObject(object: object): void {
    if (!ArrayBuffer.isView(object)) throw new Error("it belongs to native code");
    const index = (VIEW_NAMES as readonly string[]).indexOf(viewName(object));
    if (index < 0) throw new Error("it is binary data of an unknown class");
    const isWhole = object.byteLength === object.buffer.byteLength;
    this.writeUint32(index * 2 + (isWhole ? WHOLE_BUFFER : OWN_BYTES));
    if (isWhole) {
      this.writeValue(object.buffer);
      return;
    }
    this.writeUint32(object.byteLength);
    this.writeRawBytes(new Uint8Array(object.buffer, object.byteOffset, object.byteLength));
  }

  /** Called by V8 to make the error that it throws. */
  _getDataCloneError: ErrorConstructor = Error;
}

class ValueDeserializer extends Deserializer {
  /** Called by V8 for what `_writeHostObject` wrote. */
  _readHostObject(): object {
    const tag = this.readUint32();
    const index = tag >>> 1;
    if ((tag & 1) === WHOLE_BUFFER) {
      const buffer: unknown = this.readValue();
      if (!types.isArrayBuffer(buffer)) throw new Error("A view lacks its buffer.");
      return makeView(index, buffer);
    }
    const sizeBytes = this.readUint32();
    // A copy: the raw bytes are a view on the frame, which other messages share. V8 has checked the length.
    const raw = this.readRawBytes(sizeBytes);
    const own = new ArrayBuffer(raw.byteLength);
    new Uint8Array(own).set(raw);
    return makeView(index, own);
  }
}

/**
 * Serializes by the structured clone algorithm, behind the given bytes.
 *
 * @throws whatever V8 finds: an Error for what can't be cloned, a RangeError for too deep a nesting.
 */
export function encodeWithV8(value: unknown, prefix: Uint8Array | undefined): Uint8Array {
  const serializer = new ValueSerializer();
  if (prefix !== undefined) serializer.writeRawBytes(prefix);
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

/** @throws Error when the bytes are not a whole value written by `encodeWithV8` (without the prefix). */
export function decodeWithV8(bytes: Uint8Array): unknown {
  // Without this tag V8 would read a format from before versions, which nobody writes.
  if (bytes[0] !== V8_VERSION_TAG) throw new Error("The bytes hold no serialized value.");
  const deserializer = new ValueDeserializer(bytes);
  if (!deserializer.readHeader()) throw new Error("The bytes have an unknown header.");
  return deserializer.readValue();
}
