/**
 * Values to bytes and back. The first byte tells the encoding:
 *
 *     0x01  compact    small plain values, without V8 (codec-compact)
 *     0x02  extended   values with errors or instances that have an extension (codec-extended)
 *     0xff  V8         everything else that structuredClone takes (codec-v8)
 *
 * What arrives is what structuredClone gives, with these differences. Better: errors keep class, code and own
 * properties; classes with an extension keep their class; Buffers stay Buffers; a view of a part of a buffer brings only its part.
 * Refused rather than lost or shared: built-in classes whose state is not in properties (URL, Headers, Blob, streams), and
 * SharedArrayBuffer. As there, instances of other classes arrive as plain objects with their own enumerable
 * properties; accessors arrive as values; symbols as keys and property attributes are not kept.
 */

import { COMPACT_TAG } from "./codec-compact.js";
import { EXTENDED_TAG } from "./codec-extended.js";
import { NotSerializableError } from "../errors.js";
import { decodeCompact } from "./codec-compact-reader.js";
import { decodeExtended } from "./codec-restore.js";
import { decodeWithV8 } from "./codec-v8.js";
import { describeThrown } from "./codec-path.js";
import { encodeCompact } from "./codec-compact.js";
import { encodeExtended } from "./codec-extended.js";
import { encodeWithV8 } from "./codec-v8.js";
import { isStackOverflow } from "./codec-path.js";
import { scanForSpecials } from "./codec-scan.js";

export { registerCodecExtension } from "./codec-extensions.js";

function encode(value: unknown, path: string, roots: "one" | "list"): Uint8Array {
  const compact = encodeCompact(value, roots);
  if (compact !== undefined) return compact;
  if (scanForSpecials(value, path, roots)) return encodeExtended(value, path, roots);
  try {
    return encodeWithV8(value, undefined);
  } catch (cause) {
    const what = isStackOverflow(cause) ? "it is nested too deeply" : `V8 refuses it (${describeThrown(cause)})`;
    throw new NotSerializableError(path, what, { cause });
  }
}

/**
 * Encodes one value.
 *
 * The bytes may share their memory with those of other calls; they are not to be transferred or written to.
 *
 * @param path - What the value is, for messages, such as `result`.
 * @throws NotSerializableError with the path to the first part that can't be sent.
 */
export function encodeValue(value: unknown, path: string): Uint8Array {
  return encode(value, path, "one");
}

/**
 * Encodes the arguments of a call; they are decoded as an array.
 *
 * @throws NotSerializableError with the path to the first part that can't be sent, such as `args[0].socket`.
 */
export function encodeArguments(args: readonly unknown[]): Uint8Array {
  return encode(args, "args", "list");
}

/**
 * Decodes what `encodeValue` or `encodeArguments` returned, in this process or another one. The value shares no memory
 * with the bytes.
 *
 * Bytes from elsewhere do no harm but an error: memory stays below about 100 times their length (the worst case is a list
 * of empty ArrayBuffers), except for the address space, not memory, that a resizable ArrayBuffer may reserve.
 *
 * @throws Error when the bytes are damaged, or hold an instance whose codec extension is not registered here.
 */
export function decodeValue(bytes: Uint8Array): unknown {
  switch (bytes[0]) {
    case COMPACT_TAG:
      return decodeCompact(
        Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      );
    case EXTENDED_TAG:
      return decodeExtended(bytes.subarray(1));
    case undefined:
    default:
      return decodeWithV8(bytes);
  }
}
