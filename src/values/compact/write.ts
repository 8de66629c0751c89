/**
 * The fast way for small plain values: numbers, strings and the like, small trees of arrays and plain objects, and
 * binary data below the size of attachments.
 *
 * V8's serializer costs 1 to 5 microseconds a message before the first byte; most tasks have an argument or two. What
 * does not fit here (anything else, anything big, an object that occurs twice) is left to V8.
 *
 *     0x01, then one node: a tag, and behind it
 *     int      4 bytes              double  8 bytes
 *     latin1   length, bytes        utf16   length in bytes, bytes        bigint  length, decimal digits
 *     list     count, nodes         object  count, (key as a string node, node)...
 *     view     number of its class (1 byte), length in bytes (3 bytes), bytes
 *
 * Integers are little-endian; lengths and counts are varints.
 */

import { types } from "node:util";

import { ATTACHED_BYTES } from "../binary/attachments.js";
import { segmentOf } from "../../memory/segment.js";
import { viewPrototype } from "../../memory/view-types.js";
import { viewTypeOf } from "../../memory/view-types.js";

/** First byte of the encoding. */
export const COMPACT_TAG = 0x01;

/** First byte of a node. */
export const TAG = {
  null: 0,
  undefined: 1,
  false: 2,
  true: 3,
  int: 4,
  double: 5,
  latin1: 6,
  utf16: 7,
  bigint: 8,
  list: 9,
  object: 10,
  view: 11,
} as const;

/** Longest encoding, in bytes, without binary data. */
const MAX_BYTES = 4096;

/** Encodings are cut from slabs of this size, in bytes: one allocation for many messages. */
const SLAB_BYTES = 32 * 1024;

/** The largest length or count: two bytes. */
const MAX_COUNT = 0x3fff;

/** Most objects in one value: they are compared one by one to find those that occur twice. */
const MAX_OBJECTS = 48;

/** Tag, type, and the size in three bytes. */
const VIEW_HEAD_BYTES = 5;

/** Deepest nesting, on both sides. */
export const MAX_DEPTH = 16;

/** Longest bigint, in digits: parsing takes quadratic time. */
const MAX_DIGITS = 256;

/** Most arguments, and longest string among them in UTF-16 code units, that `isPlainList` accepts: they fit surely. */
const MAX_PLAIN_ITEMS = 8;
const MAX_PLAIN_LENGTH = 200;

/** The longest encoding that `writePlainList` makes, in bytes. */
export const MAX_PLAIN_BYTES = 4096;

/** Thrown to leave the rest to V8; it never gets out of this file. */
const UNFIT = new Error("not for the compact encoding");

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

let slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
let start = 0;
let position = 0;
let limit = 0;
/** Larger binary data goes another way, in bytes. */
let viewLimit = ATTACHED_BYTES;
/** The slab of all, while a value with larger binary data is in one of its own. */
let shared: { readonly slab: Buffer; readonly start: number } | undefined;
const seen: object[] = [];

/** A getter that runs in the middle may log, which encodes a record: that must not touch the state above. */
let isBusy = false;

function need(sizeBytes: number): void {
  if (position + sizeBytes > limit) throw UNFIT;
}

function writeVarint(value: number): void {
  if (value > MAX_COUNT) throw UNFIT;
  let rest = value;
  while (rest > 0x7f) {
    slab[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  slab[position++] = rest;
}

function writeNumber(value: number): void {
  need(9);
  if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
    slab[position] = TAG.int;
    slab[position + 1] = value;
    slab[position + 2] = value >> 8;
    slab[position + 3] = value >> 16;
    slab[position + 4] = value >> 24;
    position += 5;
    return;
  }
  slab[position] = TAG.double;
  double[0] = value;
  for (let index = 0; index < 8; index++) slab[position + 1 + index] = doubleBytes[index] as number;
  position += 9;
}

function writeString(text: string): void {
  const { length } = text;
  need(4 + length * 2);
  const before = position;
  slab[position++] = TAG.latin1;
  writeVarint(length);
  let at = position;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0xff) {
      position = before;
      return writeWideString(text);
    }
    slab[at++] = code;
  }
  position = at;
  return undefined;
}

function writeWideString(text: string): void {
  slab[position++] = TAG.utf16;
  writeVarint(text.length * 2);
  // Not UTF-8: a lone surrogate must arrive as it is.
  position += slab.write(text, position, "utf16le");
}

function writeBigInt(value: bigint): void {
  const digits = value.toString();
  if (digits.length > MAX_DIGITS) throw UNFIT;
  need(4 + digits.length);
  slab[position++] = TAG.bigint;
  writeVarint(digits.length);
  position += slab.write(digits, position, "latin1");
}

function writeNode(value: unknown, depth: number): void {
  switch (typeof value) {
    case "number":
      return writeNumber(value);
    case "string":
      return writeString(value);
    case "boolean":
      need(1);
      slab[position++] = value ? TAG.true : TAG.false;
      return undefined;
    case "undefined":
      need(1);
      slab[position++] = TAG.undefined;
      return undefined;
    case "bigint":
      return writeBigInt(value);
    case "object":
      return value === null ? writeNull() : writeObject(value, depth);
    case "function":
    case "symbol":
      throw UNFIT;
  }
}

function writeNull(): void {
  need(1);
  slab[position++] = TAG.null;
}

function writeObject(object: object, depth: number): void {
  if (depth >= MAX_DEPTH || seen.length >= MAX_OBJECTS || types.isProxy(object) || seen.includes(object)) throw UNFIT;
  const prototype: unknown = Object.getPrototypeOf(object);
  const isArray = prototype === Array.prototype && Array.isArray(object);
  // Before the keys are listed: those of a typed array of 20 MB take seconds.
  if (isArray ? object.length > MAX_BYTES : prototype !== Object.prototype) return writeView(object, prototype);
  seen.push(object);
  const keys = Object.keys(object);
  need(6);
  if (isArray) return writeArray(object, keys, depth);
  if (types.isArgumentsObject(object)) throw UNFIT;
  slab[position++] = TAG.object;
  writeVarint(keys.length);
  for (const key of keys) {
    writeString(key);
    writeNode((object as Record<string, unknown>)[key], depth + 1);
  }
  return undefined;
}

/** Binary data: a copy of what it shows, in memory of its own. */
function writeView(object: object, prototype: unknown): void {
  if (!ArrayBuffer.isView(object)) throw UNFIT;
  const type = viewTypeOf(object);
  if (type < 0 || viewPrototype(type) !== prototype) throw UNFIT;
  const { buffer, byteOffset, byteLength } = object;
  if (byteLength === 0 || byteLength >= viewLimit || !isPlainBuffer(buffer)) throw UNFIT;
  seen.push(object);
  if (byteLength === buffer.byteLength) {
    // Views of a whole buffer share it.
    if (seen.includes(buffer)) throw UNFIT;
    seen.push(buffer);
  }
  const sizeBytes = VIEW_HEAD_BYTES + byteLength;
  if (position + sizeBytes > limit) moveToOwnSlab(sizeBytes);
  slab[position] = TAG.view;
  slab[position + 1] = type;
  slab[position + 2] = byteLength;
  slab[position + 3] = byteLength >> 8;
  slab[position + 4] = byteLength >> 16;
  slab.set(new Uint8Array(buffer, byteOffset, byteLength), position + VIEW_HEAD_BYTES);
  position += sizeBytes;
}

/** Whether it is memory of this process alone, whose size does not change. */
function isPlainBuffer(buffer: ArrayBufferLike): boolean {
  const { resizable } = buffer as { readonly resizable?: boolean };
  return !types.isSharedArrayBuffer(buffer) && resizable !== true && segmentOf(buffer) === undefined;
}

/** Goes on in a slab of its own, with room for `sizeBytes`, and for small values behind it. */
function moveToOwnSlab(sizeBytes: number): void {
  const written = position - start;
  const own = Buffer.allocUnsafeSlow(Math.max(written + sizeBytes + MAX_BYTES, 2 * written));
  own.set(slab.subarray(start, position));
  if (shared === undefined) shared = { slab, start };
  slab = own;
  start = 0;
  position = written;
  limit = own.length;
}

/** Goes back to the slab of all. */
function leaveOwnSlab(): void {
  if (shared === undefined) return;
  ({ slab, start } = shared);
  shared = undefined;
}

function writeArray(array: readonly unknown[], keys: readonly string[], depth: number): void {
  // Holes and extra properties are kept by V8 only. The last key is an extra one if there is any.
  if (keys.length !== array.length || (keys.length > 0 && keys.at(-1) !== String(array.length - 1))) throw UNFIT;
  writeItems(array, depth);
}

function writeItems(array: readonly unknown[], depth: number): void {
  need(6);
  // Once: a getter may change the array.
  const { length } = array;
  slab[position++] = TAG.list;
  writeVarint(length);
  for (let index = 0; index < length; index++) writeNode(array[index], depth + 1);
}

function begin(): void {
  if (SLAB_BYTES - start < MAX_BYTES) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    start = 0;
  }
  position = start;
  limit = start + MAX_BYTES;
  slab[position++] = COMPACT_TAG;
}

/** A copy that is in no pool. */
function ownCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

function finish(): Uint8Array {
  const bytes = slab.subarray(start, position);
  // It may wait for long, and is not to hold much more than itself.
  if (shared !== undefined && slab.length - position > position / 4) return ownCopy(bytes);
  start = position;
  return bytes;
}

/**
 * Encodes a small plain value, or a list of arguments (`"list"`: the list itself is taken for a fresh array).
 *
 * @param shareAboveBytes - Binary data of this size is not for it.
 * @returns `undefined` when the value is not for this encoding; then it is unknown whether it can be sent at all.
 */
export function encodeCompact(
  value: unknown,
  roots: "one" | "list",
  shareAboveBytes: number = Infinity,
): Uint8Array | undefined {
  if (isBusy) return undefined;
  isBusy = true;
  viewLimit = Math.min(ATTACHED_BYTES, shareAboveBytes);
  begin();
  try {
    if (roots === "list") writeItems(value as readonly unknown[], 0);
    else writeNode(value, 0);
    return finish();
  } catch {
    // Something else may have been thrown by a getter: the slower way meets it again and knows its path.
    return undefined;
  } finally {
    isBusy = false;
    leaveOwnSlab();
    if (seen.length > 0) seen.length = 0;
  }
}

/** Whether a value is a number or the like, or a short string. */
export function isPlainValue(value: unknown): boolean {
  if (typeof value === "string") return value.length <= MAX_PLAIN_LENGTH;
  return typeof value === "number" || typeof value === "boolean" || value === undefined || value === null;
}

/** Whether a list holds only a few short values that can't change: it may be encoded later just as well. */
export function isPlainList(list: readonly unknown[]): boolean {
  const { length } = list;
  if (length > MAX_PLAIN_ITEMS) return false;
  for (let index = 0; index < length; index++) if (!isPlainValue(list[index])) return false;
  return true;
}

/**
 * Writes the encoding of a plain list, as `isPlainList` tells it.
 *
 * @param target - Has room for MAX_PLAIN_BYTES from `at` on.
 * @returns The position behind it.
 */
export function writePlainList(list: readonly unknown[], target: Buffer, at: number): number {
  return writeAt(list, "list", target, at);
}

/** As `writePlainList`, for the encoding of a value, as `isPlainValue` tells it. */
export function writePlainValue(value: unknown, target: Buffer, at: number): number {
  return writeAt(value, "one", target, at);
}

function writeAt(value: unknown, roots: "one" | "list", target: Buffer, at: number): number {
  const keptSlab = slab;
  const keptPosition = position;
  const keptLimit = limit;
  const keptSeen = seen.length;
  slab = target;
  position = at;
  limit = at + MAX_PLAIN_BYTES;
  try {
    slab[position++] = COMPACT_TAG;
    if (roots === "list") writeItems(value as readonly unknown[], 0);
    else writeNode(value, 0);
    return position;
  } finally {
    slab = keptSlab;
    position = keptPosition;
    limit = keptLimit;
    seen.length = keptSeen;
  }
}
