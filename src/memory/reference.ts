/**
 * How binary data in shared memory travels: where its segment is found, and which stretch of it is meant.
 *
 *     [id, pid, descriptor, size of the segment, owner's pid and start time, type, offset, size, flags]
 */

import process from "node:process";
import { types } from "node:util";

import { SharedMemoryError } from "../errors.js";
import { ProcessTask } from "../system/process/process-task.js";
import { makeDisposable } from "./dispose.js";
import { isDisposable } from "./dispose.js";
import { MAX_SEGMENT_BYTES } from "./native-memory.js";
import { UNIT_BYTES } from "./native-memory.js";
import { currentPins } from "./pins.js";
import { isStretchOf } from "./view-types.js";
import { makeView } from "./view-types.js";
import { nativeMemory } from "./native-memory.js";
import { openCopy } from "./segment.js";
import { openSegment } from "./segment.js";
import { segmentBytesFor } from "./segment.js";
import { segmentOf } from "./segment.js";
import { viewTypeOf } from "./view-types.js";
import type { Pins } from "./pins.js";

/** Binary data on its way, as plain data. */
export type MemoryReference = readonly (string | number | undefined)[];

/** The type of a whole ArrayBuffer; the others are those of views. */
const BUFFER_TYPE = 255;

/** The receiver's own: the segment was made for this message. */
const FLAG_COPY = 1;
/** It has a `[Symbol.dispose]`. */
const FLAG_DISPOSABLE = 2;

const ID = /^[\da-f]{32}$/;

function isWhole(data: ArrayBufferLike | ArrayBufferView): boolean {
  return !ArrayBuffer.isView(data) || data.byteLength === data.buffer.byteLength;
}

/** Whether it is large enough to be copied into shared memory rather than into the pipe. */
function isPlaced(data: ArrayBufferLike | ArrayBufferView, pins: Pins): boolean {
  if (data.byteLength < pins.shareAboveBytes || data.byteLength > MAX_SEGMENT_BYTES) return false;
  const buffer = ArrayBuffer.isView(data) ? data.buffer : data;
  if (types.isSharedArrayBuffer(buffer) || (buffer as { resizable?: boolean }).resizable === true) return false;
  // A buffer can't be shorter than its segment, unlike a view.
  return (ArrayBuffer.isView(data) || data.byteLength % UNIT_BYTES === 0) && nativeMemory() !== undefined;
}

/** Whether this binary data travels as a reference in the encoding under way. */
export function travelsByReference(data: object): boolean {
  const pins = currentPins();
  if (pins === undefined) return false;
  return segmentOf(data) !== undefined || isPlaced(data as ArrayBuffer | ArrayBufferView, pins);
}

/** Why shared memory can't be sent; `undefined` for what can, and for ordinary memory. */
export function refuseShared(data: object): string | undefined {
  if (segmentOf(data)?.isDisposed !== true) return undefined;
  return "its shared memory was disposed in this process";
}

/**
 * The reference by which binary data travels in the encoding under way, which then holds the memory.
 *
 * @returns `undefined` when it is to be copied instead.
 */
export function referTo(data: object): MemoryReference | undefined {
  const pins = currentPins();
  if (pins === undefined) return undefined;
  const binary = data as ArrayBuffer | ArrayBufferView;
  const isView = ArrayBuffer.isView(binary);
  const type = isView ? viewTypeOf(binary) : BUFFER_TYPE;
  if (type < 0) return undefined;
  const buffer = isView ? binary.buffer : binary;
  const flags = isDisposable(binary) ? FLAG_DISPOSABLE : 0;
  const segment = segmentOf(buffer);
  if (segment !== undefined) {
    pins.add(segment, buffer);
    const { id, fd, sizeBytes, owner } = segment;
    const stretch = [type, isView ? binary.byteOffset : 0, binary.byteLength, flags];
    return [id, process.pid, fd, sizeBytes, owner.id, owner.startTime, ...stretch];
  }
  if (!isPlaced(binary, pins)) return undefined;
  // Several views of one whole buffer share one on arrival, as they do otherwise.
  const file = pins.place(isWhole(binary) ? buffer : binary);
  if (file === undefined) return undefined;
  const owner = ProcessTask.for(process.pid);
  const place = [file.id, process.pid, file.fd, segmentBytesFor(binary.byteLength), owner.id, owner.startTime];
  return [...place, type, 0, binary.byteLength, flags | FLAG_COPY];
}

function isCount(value: unknown, largest: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= largest;
}

/** Whether this names a segment. */
function isPlace(id: unknown, pid: unknown, fd: unknown, sizeBytes: unknown): sizeBytes is number {
  return (
    typeof id === "string" &&
    ID.test(id) &&
    isCount(pid, Number.MAX_SAFE_INTEGER) &&
    isCount(fd, 0x7fff_ffff) &&
    isCount(sizeBytes, MAX_SEGMENT_BYTES) &&
    sizeBytes > 0 &&
    sizeBytes % UNIT_BYTES === 0
  );
}

type Parts = readonly [
  id: string,
  pid: number,
  fd: number,
  sizeBytes: number,
  ownerId: unknown,
  startTime: unknown,
  type: number,
  byteOffset: number,
  byteLength: number,
  flags: number,
];

/** Whether these are what an encoder writes of binary data in shared memory. */
function areParts(parts: readonly unknown[]): parts is Parts {
  const [id, pid, fd, sizeBytes, , , type, byteOffset, byteLength, flags] = parts;
  return (
    isPlace(id, pid, fd, sizeBytes) &&
    isCount(type, BUFFER_TYPE) &&
    isCount(byteOffset, sizeBytes) &&
    isCount(byteLength, sizeBytes - byteOffset) &&
    (type === BUFFER_TYPE ? byteLength === sizeBytes : isStretchOf(type, byteOffset, byteLength)) &&
    isCount(flags, FLAG_COPY | FLAG_DISPOSABLE)
  );
}

/**
 * The binary data that a reference stands for. The reference may be false: nothing but such memory is ever opened.
 *
 * @throws SharedMemoryError when it can't be opened, or the reference is none.
 */
export function openReference(reference: unknown): ArrayBuffer | ArrayBufferView {
  const parts: readonly unknown[] = Array.isArray(reference) ? reference : [];
  if (!areParts(parts)) throw new SharedMemoryError("A reference to shared memory arrived damaged.");
  const [id, pid, fd, sizeBytes, ownerId, startTime, type, byteOffset, byteLength, flags] = parts;
  const owner = ProcessTask.fromPlain({ id: ownerId, startTime });
  const place = { id, pid, fd, sizeBytes };
  const buffer = (flags & FLAG_COPY) === 0 ? openSegment(place, owner) : openCopy(place);
  if (buffer.byteLength !== sizeBytes) throw new SharedMemoryError(`Shared memory ${id} has another size.`);
  if (type === BUFFER_TYPE) return buffer;
  const view = makeView(type, buffer, byteOffset, byteLength);
  return (flags & FLAG_DISPOSABLE) === 0 ? view : makeDisposable(view);
}
