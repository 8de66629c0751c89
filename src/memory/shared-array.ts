/** The part of shared memory that users see. */

import { constants } from "node:buffer";
import { inspect } from "node:util";

import { InvalidOptionError } from "../errors.js";
import type { ProcessTask } from "../system/process/process-task.js";
import { makeDisposable } from "./dispose.js";
import { MAX_SEGMENT_BYTES } from "./native-memory.js";
import { createSegment } from "./segment.js";
import { isTypedArrayClass } from "./view-types.js";
import { nativeMemory } from "./native-memory.js";
import { segmentOf } from "./segment.js";
import { warnOfCopying } from "./native-memory.js";

/** A class of typed arrays: `Float64Array`, `Uint8Array`, `BigInt64Array`, ... */
export interface TypedArrayClass<T extends ArrayBufferView> {
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

/**
 * A typed array in shared memory. `using` gives its memory back at the end of the block; `disposeSharedArray` does so
 * at once.
 */
export type SharedArray<T extends ArrayBufferView> = T & Disposable;

/** A description of a piece of shared memory. */
export interface SharedMemory {
  /** An id that is the same in every process. */
  readonly id: string;
  /** The process that made it. */
  readonly owner: ProcessTask;
  /** The size of the whole, in bytes; a multiple of 65536. */
  readonly sizeBytes: number;
  /** Whether it was disposed in this process. Then its arrays hold zeros here, and can't be sent. */
  readonly isDisposed: boolean;
}

/**
 * Makes a typed array that tasks in any worker read and write without a copy: as an argument, a result, a part of a
 * larger value, or a captured variable. So do its subarrays, and other views of its buffer.
 *
 * The kernel frees the memory when the last process that has it drops or disposes it, or ends. Where there is no
 * shared memory (no koffi, not Linux) the result is an ordinary array, which is copied between processes, and a
 * warning says so once.
 *
 * @param type - The class of the array.
 * @param length - How many elements it has; all are 0.
 * @returns The array. Its `buffer` may be longer than the array: sizes are multiples of 64 KiB.
 * @throws InvalidOptionError for another class, or for a length that is no count or takes 4 GiB or more.
 * @throws SharedMemoryError when there is not enough memory or address space, or no descriptor left.
 */
export function createSharedArray<T extends ArrayBufferView>(
  type: TypedArrayClass<T>,
  length: number,
): SharedArray<T> {
  if (!isTypedArrayClass(type)) {
    throw new InvalidOptionError(
      "type",
      `createSharedArray() takes a class such as Float64Array first, but was given ${inspect(type, { depth: 0 })}.`,
    );
  }
  const largest = Math.floor(Math.min(MAX_SEGMENT_BYTES, constants.MAX_LENGTH) / type.BYTES_PER_ELEMENT);
  if (!Number.isInteger(length) || length < 0 || length > largest) {
    throw new InvalidOptionError(
      "length",
      `The length of a shared ${type.name} must be an integer from 0 to ${largest}, but is ${inspect(length)}.`,
    );
  }
  const sizeBytes = length * type.BYTES_PER_ELEMENT;
  if (nativeMemory() === undefined) {
    warnOfCopying();
    return makeDisposable(new type(new ArrayBuffer(sizeBytes)));
  }
  return makeDisposable(new type(createSegment(sizeBytes), 0, length));
}

/**
 * Gives shared memory back in this process, at once. All arrays on it hold zeros here from then on, and can't be sent
 * any more. Other processes that have it keep it, and tasks that were submitted with it still get it. Does nothing for
 * an ordinary array, and the second time.
 *
 * @param array - Any view of the memory, or its buffer.
 */
export function disposeSharedArray(array: ArrayBufferView | ArrayBufferLike): void {
  segmentOf(array)?.dispose();
}

/**
 * Describes the shared memory that an array is in.
 *
 * @param array - Any view of the memory, or its buffer.
 * @returns `undefined` when it is not in shared memory.
 */
export function sharedMemoryOf(array: ArrayBufferView | ArrayBufferLike): SharedMemory | undefined {
  const segment = segmentOf(array);
  if (segment === undefined) return undefined;
  const { id, owner, sizeBytes, isDisposed } = segment;
  return { id, owner, sizeBytes, isDisposed };
}
