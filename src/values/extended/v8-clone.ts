/**
 * V8's structured clone serializer with its own rule for typed arrays.
 *
 * What the ready-made ones do wrong here: `v8.deserialize` gives views on the received frame (their `.buffer` holds
 * other people's bytes, and keeps the frame alive); `structuredClone` sends the whole buffer behind a small view,
 * which for a small `Buffer` is Node's pool of 8 KiB. So a view of a whole buffer travels with its buffer (several
 * such views share one, as before), and a view of a part travels as a copy of its part.
 */

import { Deserializer } from "node:v8";
import { Serializer } from "node:v8";
import { types } from "node:util";

import { ANY_VALUE } from "./path.js";
import type { AttachmentCollector } from "../binary/attachments.js";
import { NotSerializableError } from "../../errors.js";
import { isStackOverflow } from "./path.js";
import { makeWholeView } from "../../memory/view-types.js";
import { viewTypeOf } from "../../memory/view-types.js";

const OWN_BYTES = 0;
const WHOLE_BUFFER = 1;

/** First byte of everything that V8 writes. */
const V8_VERSION_TAG = 0xff;

/** It would arrive with a fixed size. */
function isResizable(buffer: ArrayBufferLike): boolean {
  return (buffer as { readonly resizable?: boolean }).resizable === true;
}

/** What `node:v8` calls but `@types/node` does not declare. */
interface SerializerInternals {
  _setTreatArrayBufferViewsAsHostObjects(isHostObject: boolean): void;
}

class ValueSerializer extends Serializer {
  readonly #collector: AttachmentCollector | undefined;
  /** Buffers whose data is an attachment. */
  readonly #attached = new Set<ArrayBufferLike>();

  constructor(collector: AttachmentCollector | undefined) {
    super();
    this.#collector = collector;
    (this as unknown as SerializerInternals)._setTreatArrayBufferViewsAsHostObjects(true);
  }

  /** Called by V8 for views, and for objects that belong to native code. */
  _writeHostObject(object: object): void {
    if (!ArrayBuffer.isView(object)) throw new Error("it belongs to native code");
    const index = viewTypeOf(object);
    if (index < 0) throw new Error("it is binary data of an unknown class");
    const { buffer, byteOffset, byteLength } = object;
    const isWhole = byteLength === buffer.byteLength;
    if (isWhole) this.attach(buffer);
    else if (this.#collector?.takes(byteLength) === true) {
      // As if its part were the whole of a buffer.
      const standIn = new ArrayBuffer(0);
      this.transferArrayBuffer(this.#collector.add(new Uint8Array(buffer, byteOffset, byteLength)), standIn);
      this.writeUint32(index * 2 + WHOLE_BUFFER);
      this.writeValue(standIn);
      return;
    }
    this.writeUint32(index * 2 + (isWhole ? WHOLE_BUFFER : OWN_BYTES));
    if (isWhole) {
      this.writeValue(buffer);
      return;
    }
    this.writeUint32(byteLength);
    this.writeRawBytes(new Uint8Array(buffer, byteOffset, byteLength));
  }

  /** Makes the data of a large buffer an attachment, unless it is one; to be called before the buffer is written. */
  attach(buffer: ArrayBufferLike): void {
    const isTaken = this.#collector?.takes(buffer.byteLength) === true && !isResizable(buffer);
    if (!isTaken || this.#attached.has(buffer)) return;
    this.#attached.add(buffer);
    this.transferArrayBuffer(this.#collector.add(new Uint8Array(buffer)), buffer as ArrayBuffer);
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
      return makeWholeView(index, buffer);
    }
    const sizeBytes = this.readUint32();
    // A copy: the raw bytes are a view on the frame, which other messages share. V8 has checked the length.
    const raw = this.readRawBytes(sizeBytes);
    const own = new ArrayBuffer(raw.byteLength);
    new Uint8Array(own).set(raw);
    return makeWholeView(index, own);
  }
}

/** How a value is written. */
export interface V8Encoding {
  /** Bytes to put before it. */
  readonly prefix?: Uint8Array;
  /** Takes large binary data. */
  readonly collector?: AttachmentCollector | undefined;
  /** Large buffers that are parts of the value themselves, not by views. */
  readonly largeBuffers?: readonly ArrayBuffer[];
}

/**
 * Serializes by the structured clone algorithm, behind the given bytes.
 *
 * @throws whatever V8 finds: an Error for what can't be cloned, a RangeError for too deep a nesting.
 */
export function encodeWithV8(value: unknown, { prefix, collector, largeBuffers = [] }: V8Encoding = {}): Uint8Array {
  const serializer = new ValueSerializer(collector);
  if (prefix !== undefined) serializer.writeRawBytes(prefix);
  serializer.writeHeader();
  for (const buffer of largeBuffers) serializer.attach(buffer);
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

/**
 * @param path - What the value is, for messages.
 * @throws NotSerializableError when it is nested too deeply: to read takes more stack than to write.
 * @throws Error when the bytes are not a whole value written by `encodeWithV8` (without the prefix).
 */
export function decodeWithV8(
  bytes: Uint8Array,
  attachments: readonly ArrayBuffer[] = [],
  path: string = ANY_VALUE,
): unknown {
  // Without this tag V8 would read a format from before versions, which nobody writes.
  if (bytes[0] !== V8_VERSION_TAG) throw new Error("The bytes hold no serialized value.");
  const deserializer = new ValueDeserializer(bytes);
  for (const [index, buffer] of attachments.entries()) deserializer.transferArrayBuffer(index, buffer);
  if (!deserializer.readHeader()) throw new Error("The bytes have an unknown header.");
  try {
    return deserializer.readValue();
  } catch (cause) {
    if (!isStackOverflow(cause)) throw cause;
    throw new NotSerializableError(path, "it is nested too deeply to be read there", { cause });
  }
}
