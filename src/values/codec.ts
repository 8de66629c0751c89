/**
 * Values to bytes and back. The first byte tells the encoding:
 *
 *     0x01  compact    small plain values and binary data, without V8 (compact/)
 *     0x02  extended   values with errors or instances that have an extension (extended/)
 *     0x03  one of the other two, with large binary data beside it (attachments)
 *     0xff  V8         everything else that structuredClone takes (extended/v8-clone)
 *
 * 0x04 is the first byte of several of them in one (joined).
 *
 * What arrives is what structuredClone gives, with these differences. Better: errors keep class, code and own
 * properties; registered classes, URL, Headers and some more stay what they are, and so do symbols of the registry;
 * Buffers stay Buffers; a view of a part of a buffer brings only its part. With a writer also functions, streams,
 * signals and Blobs. Refused rather than lost or shared: built-in classes whose state is not in properties, and
 * SharedArrayBuffer. As there, instances of other classes arrive as plain objects with their own enumerable
 * properties; accessors arrive as values; symbols as keys and property attributes are not kept.
 */

import { ATTACHED_HEAD_BYTES } from "./binary/attachments.js";
import { ATTACHED_TAG } from "./binary/attachments.js";
import { AttachmentCollector } from "./binary/attachments.js";
import { COMPACT_TAG } from "./compact/write.js";
import { EXTENDED_TAG } from "./extended/format.js";
import { NotSerializableError } from "../errors.js";
import { attach } from "./binary/attachments.js";
import { attachedHead } from "./binary/attachments.js";
import { attachmentsOf } from "./binary/attachments.js";
import { currentPins } from "../memory/pins.js";
import { decodeCompact } from "./compact/read.js";
import { decodeExtended } from "./extended/read.js";
import { decodeWithV8 } from "./extended/v8-clone.js";
import { describeThrown } from "./extended/path.js";
import { encodeCompact } from "./compact/write.js";
import { encodeExtended } from "./extended/write.js";
import { encodeWithV8 } from "./extended/v8-clone.js";
import { isStackOverflow } from "./extended/path.js";
import { moveBuffers } from "./transfer.js";
import { scanForSpecials } from "./extended/scan.js";
import { takeAttachments } from "./binary/attachments.js";
import type { ValueReader } from "./classes/value-writer.js";
import type { ValueWriter } from "./classes/value-writer.js";

/** What an encoding may do with large binary data. */
export interface EncodeOptions {
  /**
   * Whether the bytes are written before any code of the user's runs again: then large data is not copied. Default:
   * false.
   */
  readonly isWrittenAtOnce?: boolean;
  /** Whether the bytes become a part of another value: then all data is in them. Default: false. */
  readonly isNested?: boolean;
  /** Buffers that the caller gives away: they are detached once everything is encoded, and not copied when large. */
  readonly transfer?: readonly ArrayBuffer[] | undefined;
  /** How many attachments the message has already that the bytes become a part of. Default: 0. */
  readonly othersAttachments?: number;
  /** Whether `encodeCompact` was tried before, in vain. Default: false. */
  readonly isNotCompact?: boolean;
  /** Takes functions, classes and live values; without it they are refused. */
  readonly writer?: ValueWriter | undefined;
}

const NOTHING: ReadonlySet<ArrayBuffer> = new Set();

function encode(value: unknown, path: string, roots: "one" | "list", options: EncodeOptions): Uint8Array {
  const compact =
    options.isNotCompact === true ? undefined : encodeCompact(value, roots, currentPins()?.shareAboveBytes);
  if (compact !== undefined) return compact;
  const { hasSpecials, largeBuffers } = scanForSpecials(value, path, roots, options.writer);
  const transferred = options.transfer === undefined ? NOTHING : new Set(options.transfer);
  const collector = new AttachmentCollector(
    options.isWrittenAtOnce !== true,
    transferred,
    options.othersAttachments ?? 0,
  );
  // Room for the number of attachments, which is known afterwards.
  const how = { prefix: attachedHead(0), collector: options.isNested === true ? undefined : collector, largeBuffers };
  let bytes: Uint8Array;
  if (hasSpecials) bytes = encodeExtended(value, path, roots, how, options.writer);
  else {
    try {
      bytes = encodeWithV8(value, how);
    } catch (cause) {
      const what = isStackOverflow(cause) ? "it is nested too deeply" : `V8 refuses it (${describeThrown(cause)})`;
      throw new NotSerializableError(path, what, { cause });
    }
  }
  const { attachments } = collector;
  if (attachments.length === 0) return bytes.subarray(ATTACHED_HEAD_BYTES);
  bytes.set(attachedHead(attachments.length));
  attach(bytes, attachments);
  return bytes;
}

/**
 * Encodes one value.
 *
 * The bytes may share their memory with those of other calls; they are not to be transferred, copied or written to.
 *
 * @param path - What the value is, for messages, such as `result`.
 * @throws NotSerializableError with the path to the first part that can't be sent.
 */
export function encodeValue(value: unknown, path: string, options: EncodeOptions = {}): Uint8Array {
  return giveAway(encode(value, path, "one", options), options);
}

/**
 * Encodes the arguments of a call; they are decoded as an array.
 *
 * @throws NotSerializableError with the path to the first part that can't be sent, such as `args[0].socket`.
 */
export function encodeArguments(args: readonly unknown[], options: EncodeOptions = {}): Uint8Array {
  return giveAway(encodeArgumentsAhead(args, options), options);
}

/** As `encodeArguments`, but what is transferred is still to be given away: by `giveAway`, once all is encoded. */
export function encodeArgumentsAhead(args: readonly unknown[], options: EncodeOptions): Uint8Array {
  return encode(args, "args", "list", options);
}

/**
 * Detaches the transferred buffers; their memory goes on as that of the attachments.
 *
 * @throws NotSerializableError for a buffer that can't be given away.
 */
export function giveAway(bytes: Uint8Array, { transfer = [] }: EncodeOptions): Uint8Array {
  if (transfer.length === 0) return bytes;
  // Looked at before: of a detached buffer, a view has neither place nor length.
  const places = attachmentsOf(bytes).map(({ buffer, byteOffset, byteLength }) => ({
    buffer,
    byteOffset,
    byteLength,
  }));
  const moved = moveBuffers(transfer);
  const attachments = places.map(
    ({ buffer, byteOffset, byteLength }) =>
      new Uint8Array(moved.get(buffer as ArrayBuffer) ?? buffer, byteOffset, byteLength),
  );
  if (attachments.length > 0) attach(bytes, attachments);
  return bytes;
}

/**
 * Decodes what `encodeValue` or `encodeArguments` returned, in this process or another one; once, when it has
 * attachments. The value shares no memory with the bytes, but it takes that of the attachments.
 *
 * Bytes from elsewhere do no harm but an error: memory stays below about 100 times their length (the worst case is a
 * list of empty ArrayBuffers), except for the address space, not memory, that a resizable ArrayBuffer may reserve.
 *
 * @param reader - Gives functions and live values, when the value may hold such.
 * @param path - What the value is, for messages, such as `result`.
 * @returns The value; a promise of a `LaterValue`, when the reader has given one.
 * @throws NotSerializableError when the value is nested too deeply to be read.
 * @throws Error when the bytes are damaged, or hold an instance whose class is not registered here.
 */
export function decodeValue(bytes: Uint8Array, reader?: ValueReader, path?: string): unknown {
  if (bytes[0] !== ATTACHED_TAG) return decodeWith(bytes, [], reader, path);
  return decodeWith(bytes.subarray(ATTACHED_HEAD_BYTES), takeAttachments(bytes), reader, path);
}

function decodeWith(
  bytes: Uint8Array,
  attachments: readonly ArrayBuffer[],
  reader: ValueReader | undefined,
  path: string | undefined,
): unknown {
  switch (bytes[0]) {
    case COMPACT_TAG:
      return decodeCompact(
        Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      );
    case EXTENDED_TAG:
      return decodeExtended(bytes.subarray(1), attachments, reader, path);
    case undefined:
    default:
      return decodeWithV8(bytes, attachments, path);
  }
}
