/**
 * Memory for copies of large data, used again. The first write to fresh memory costs four times the copy itself (the
 * kernel clears each page), and a program that sends large arrays sends many.
 */

import { setTimeout } from "../../system/timers.js";

/** Most memory that is kept for later, in bytes. */
const MAX_KEPT_BYTES = 128 * 1024 * 1024;

/** How long it is kept, in milliseconds. */
const KEPT_MS = 1000;

/** A kept piece is used for data that fills at least this part of it. */
const LEAST_FILLED = 0.5;

/** Pieces given out, by their memory. */
const given = new WeakSet<ArrayBufferLike>();
let kept: Buffer[] = [];
let keptBytes = 0;
let timer: NodeJS.Timeout | undefined;

function forget(): void {
  timer = undefined;
  kept = [];
  keptBytes = 0;
}

function allocate(sizeBytes: number): Buffer {
  const index = kept.findIndex(({ byteLength }) => byteLength >= sizeBytes && byteLength * LEAST_FILLED <= sizeBytes);
  const [found] = index < 0 ? [] : kept.splice(index, 1);
  if (found === undefined) return Buffer.allocUnsafeSlow(sizeBytes);
  keptBytes -= found.byteLength;
  return found;
}

/** A copy of data, for a while. */
export function takeSnapshot(bytes: Uint8Array): Buffer {
  const whole = allocate(bytes.byteLength);
  given.add(whole.buffer);
  const snapshot = whole.subarray(0, bytes.byteLength);
  snapshot.set(bytes);
  return snapshot;
}

/** Takes memory back that nobody reads any more. Does nothing for memory that isn't of `takeSnapshot`. */
export function giveBackSnapshot({ buffer }: Uint8Array): void {
  if (!given.delete(buffer) || keptBytes + buffer.byteLength > MAX_KEPT_BYTES) return;
  kept.push(Buffer.from(buffer as ArrayBuffer));
  keptBytes += buffer.byteLength;
  timer ??= setTimeout(forget, KEPT_MS).unref();
}
