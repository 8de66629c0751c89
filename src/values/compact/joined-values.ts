/**
 * Several values as one payload: the argument lists of a chunk of calls, and the results of these calls. Each is
 * encoded by itself, as that of a single call is: so they share nothing, and each is as it was at its own time. Plain
 * ones can't change, and are encoded when all are there; those that follow each other are one part, which is faster.
 *
 *     0x04, then of each part: kind (1 byte), length (4 bytes, little-endian), bytes
 *
 * The attachments of the parts are those of the whole, in the same order; their head stands before it then.
 */

import { damaged } from "../classes/damaged.js";
import { ATTACHED_HEAD_BYTES } from "../binary/attachments.js";
import { ATTACHED_TAG } from "../binary/attachments.js";
import { attach } from "../binary/attachments.js";
import { attachedHead } from "../binary/attachments.js";
import { attachmentsOf } from "../binary/attachments.js";
import { decodeAllCompact } from "./read.js";
import { MAX_PLAIN_BYTES } from "./write.js";
import { writePlainList } from "./write.js";
import { writePlainValue } from "./write.js";

/** First byte, behind the head of the attachments if there are any. */
const JOINED_TAG = 0x04;

/** Length of what stands before each part. */
export const PART_HEAD_BYTES = 5;

/**
 * What a part is: one encoded value, plain ones (compact, one behind the other), or the encoding of what was thrown.
 */
const PART = { one: 0, plain: 1, thrown: 2 } as const;

type PartKind = (typeof PART)[keyof typeof PART];

interface Part {
  readonly kind: PartKind;
  readonly bytes: Uint8Array;
}

/** The encoding of what was thrown, in place of a value. */
export class EncodedThrown {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** Where plain values are written first; its content counts during one call only. */
let desk = Buffer.allocUnsafeSlow(16 * MAX_PLAIN_BYTES);

/** A larger one is not kept, in bytes. */
const MAX_DESK_BYTES = 1024 * 1024;

function encodePlain(values: readonly unknown[]): Uint8Array {
  let at = 0;
  for (const value of values) {
    if (desk.length - at < MAX_PLAIN_BYTES) {
      const larger = Buffer.allocUnsafeSlow(desk.length * 2);
      larger.set(desk.subarray(0, at));
      desk = larger;
    }
    at = Array.isArray(value) ? writePlainList(value, desk, at) : writePlainValue(value, desk, at);
  }
  const written = Buffer.from(desk.subarray(0, at));
  if (desk.length > MAX_DESK_BYTES) desk = Buffer.allocUnsafeSlow(16 * MAX_PLAIN_BYTES);
  return written;
}

function partsOf(values: readonly unknown[]): Part[] {
  const parts: Part[] = [];
  let plain: unknown[] = [];
  const endPlain = (): void => {
    if (plain.length > 0) parts.push({ kind: PART.plain, bytes: encodePlain(plain) });
    plain = [];
  };
  for (const value of values) {
    const isThrown = value instanceof EncodedThrown;
    if (isThrown || value instanceof Uint8Array) {
      endPlain();
      parts.push(isThrown ? { kind: PART.thrown, bytes: value.bytes } : { kind: PART.one, bytes: value });
    } else plain.push(value);
  }
  endPlain();
  return parts;
}

/**
 * Makes one payload. The encoded values are not to be used any more: their attachments belong to it.
 *
 * @param values - Each is encoded (a `Uint8Array`), an `EncodedThrown`, or plain (anything else, as `isPlainList` and
 * `isPlainValue` tell it).
 */
export function joinValues(values: readonly unknown[]): Uint8Array {
  const parts = partsOf(values);
  const attachments = parts.flatMap(({ bytes }) => attachmentsOf(bytes));
  let at = attachments.length > 0 ? ATTACHED_HEAD_BYTES : 0;
  let sizeBytes = at + 1;
  for (const { bytes } of parts) sizeBytes += PART_HEAD_BYTES + bytes.length;
  const joined = Buffer.allocUnsafe(sizeBytes);
  if (attachments.length > 0) {
    joined.set(attachedHead(attachments.length));
    attach(joined, attachments);
  }
  joined[at++] = JOINED_TAG;
  for (const { kind, bytes } of parts) {
    joined[at] = kind;
    joined.writeUInt32LE(bytes.length, at + 1);
    joined.set(bytes, at + PART_HEAD_BYTES);
    at += PART_HEAD_BYTES + bytes.length;
  }
  return joined;
}

function beginOf(bytes: Uint8Array): number {
  return bytes[0] === ATTACHED_TAG ? ATTACHED_HEAD_BYTES : 0;
}

/** Whether `joinValues` has made it. */
function isJoined(bytes: Uint8Array): boolean {
  return bytes[beginOf(bytes)] === JOINED_TAG;
}

/**
 * Takes apart what `joinValues` has made; the encoded values share its memory.
 *
 * @param maxValues - Of how many values it may be at most. Default: any number.
 * @throws Error when it is damaged.
 */
export function splitValues(bytes: Uint8Array, maxValues: number = Infinity): unknown[] {
  if (!isJoined(bytes)) throw damaged();
  const joined = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const attachments = attachmentsOf(bytes);
  let attachedAt = 0;
  const values: unknown[] = [];
  for (let at = beginOf(bytes) + 1; at < joined.length;) {
    const from = at + PART_HEAD_BYTES;
    if (from > joined.length) throw damaged();
    const to = from + joined.readUInt32LE(at + 1);
    if (to > joined.length || to === from) throw damaged();
    const part = joined.subarray(from, to);
    if (part[0] === ATTACHED_TAG && part.length >= ATTACHED_HEAD_BYTES) {
      // Whether there are so many is checked when it is decoded.
      const upTo = attachedAt + part.readUInt32LE(1);
      attach(part, attachments.slice(attachedAt, upTo));
      attachedAt = upTo;
    }
    const kind = joined[at];
    if (kind === PART.one) values.push(part);
    else if (kind === PART.plain) for (const value of decodeAllCompact(part)) values.push(value);
    else if (kind === PART.thrown) values.push(new EncodedThrown(part));
    else throw damaged();
    if (values.length > maxValues) throw damaged();
    at = to;
  }
  return values;
}
