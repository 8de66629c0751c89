/**
 * What keeps memory open while a message that refers to it is on its way.
 *
 * Around every encoding whose receiver is known to tell when it is done, `encodePinned` notes which segments are
 * referred to. An encoding without it (a log record, say) has nobody who would release anything, and copies shared
 * arrays like others.
 */

import { closeSync } from "node:fs";
import { writeSync } from "node:fs";

import type { Segment } from "./segment.js";
import { UNIT_BYTES } from "./native-memory.js";
import { createSegmentFile } from "./segment.js";
import { openSegmentCount } from "./segment.js";
import { clearTimeout } from "../system/timers.js";
import { setTimeout } from "../system/timers.js";
import type { SegmentFile } from "./segment.js";

/** Most bytes that one write takes. */
const WRITE_STEP_BYTES = 1024 * 1024 * 1024;

/** The segments that one message refers to. Holds their memory; their descriptors too while it is pinned. */
export class Pins {
  readonly #segments = new Map<Segment, ArrayBufferLike>();
  readonly #files = new Map<ArrayBufferLike | ArrayBufferView, SegmentFile>();
  readonly shareAboveBytes: number;

  constructor(shareAboveBytes: number) {
    this.shareAboveBytes = shareAboveBytes;
  }

  get isEmpty(): boolean {
    return this.#segments.size === 0 && this.#files.size === 0;
  }

  /** How much memory it holds, in bytes. */
  get sizeBytes(): number {
    let sum = 0;
    for (const segment of this.#segments.keys()) sum += segment.sizeBytes;
    return sum;
  }

  /** Whether one of the segments was disposed since. */
  get isStale(): boolean {
    return [...this.#segments.keys()].some((segment) => segment.isDisposed);
  }

  /** Notes a segment that the message refers to. */
  add(segment: Segment, buffer: ArrayBufferLike): void {
    this.#segments.set(segment, buffer);
  }

  /**
   * Writes a copy of binary data into a fresh segment that only the message refers to; the same data once.
   *
   * @returns `undefined` when there is no memory for it.
   */
  place(data: ArrayBufferLike | ArrayBufferView): SegmentFile | undefined {
    const known = this.#files.get(data);
    if (known !== undefined) return known;
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    let file: SegmentFile | undefined;
    try {
      file = createSegmentFile(bytes.byteLength, 0);
      for (let at = 0; at < bytes.byteLength;) {
        at += writeSync(file.fd, bytes, at, Math.min(bytes.byteLength - at, WRITE_STEP_BYTES), at);
      }
      this.#files.set(data, file);
      return file;
    } catch {
      // No memory, or no descriptors: the bytes go by the pipe.
      if (file !== undefined) closeSync(file.fd);
      return undefined;
    }
  }

  /** Keeps the descriptors open until `release` is called as often. */
  pin(): void {
    for (const segment of this.#segments.keys()) segment.pin();
  }

  /** The receiver has what it needs, or will never come. */
  release(): void {
    for (const segment of this.#segments.keys()) segment.unpin();
    this.discard();
  }

  /** Forgets what was placed; for a message that is not sent after all. */
  discard(): void {
    for (const { fd } of this.#files.values()) closeSync(fd);
    this.#files.clear();
  }
}

/** Something that is held until it is released. */
export interface Releasable {
  release(): void;
}

/** The pins of several encodings that are sent as one; `undefined` when there are none. */
export function joinPins(parts: readonly Pins[]): Releasable | undefined {
  if (parts.length <= 1) return parts[0];
  const release = (): void => {
    for (const part of parts) part.release();
  };
  return { release };
}

let current: Pins | undefined;

/** The pins of the encoding under way. */
export function currentPins(): Pins | undefined {
  return current;
}

/** What an encoding gave, and what it refers to: pinned when it refers to anything. */
export interface Pinned<T> {
  readonly encoded: T;
  readonly pins: Pins | undefined;
}

/**
 * Encodes something, and pins the shared memory that it refers to.
 *
 * @param shareAboveBytes - Binary data of at least this size, in bytes, is copied into fresh shared memory;
 * `Infinity`: none is.
 */
export function encodePinned<T>(encode: () => T, shareAboveBytes: number = Infinity): Pinned<T> {
  if (openSegmentCount() === 0 && shareAboveBytes === Infinity) return { encoded: encode(), pins: undefined };
  const pins = new Pins(Math.max(shareAboveBytes, UNIT_BYTES));
  const outer = current;
  current = pins;
  try {
    const encoded = encode();
    if (pins.isEmpty) return { encoded, pins: undefined };
    pins.pin();
    return { encoded, pins };
  } catch (error) {
    pins.discard();
    throw error;
  } finally {
    current = outer;
  }
}

/** In a process that sends results: the pins of those that the receiver has not confirmed. */
export class HeldPins {
  readonly #byTask = new Map<number, Releasable>();
  readonly #onEmpty = new Set<() => void>();

  /** Whether all were released. */
  get isEmpty(): boolean {
    return this.#byTask.size === 0;
  }

  hold(taskId: number, pins: Releasable): void {
    this.#byTask.set(taskId, pins);
  }

  release(taskId: number): void {
    this.#byTask.get(taskId)?.release();
    this.#byTask.delete(taskId);
    if (!this.isEmpty) return;
    for (const onEmpty of this.#onEmpty) onEmpty();
  }

  /** Resolves when all were released, or when the limit has passed, in milliseconds. */
  async released(limitMs: number): Promise<void> {
    if (this.isEmpty) return;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        this.#onEmpty.delete(finish);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(finish, limitMs);
      this.#onEmpty.add(finish);
    });
  }
}
