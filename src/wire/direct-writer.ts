import { writeSync } from "node:fs";
import { writevSync } from "node:fs";
import type { Writable } from "node:stream";

/** A stream with the descriptor that libuv knows; undocumented. */
interface StreamWithHandle {
  readonly _handle?: { readonly fd?: unknown } | null;
}

/** More in several pieces than this, in bytes, leaves no room for itself in the pipe. */
const MOST_BYTES = 128 * 1024;

function sizeOf(buffers: readonly Uint8Array[]): number {
  let sizeBytes = 0;
  for (const { length } of buffers) sizeBytes += length;
  return sizeBytes;
}

/** What follows on the first bytes, so many, of several buffers. */
function withoutFirst(buffers: readonly Uint8Array[], countBytes: number): readonly Uint8Array[] {
  if (countBytes === 0) return buffers;
  let left = countBytes;
  const rest: Uint8Array[] = [];
  for (const buffer of buffers) {
    if (left < buffer.length) rest.push(left === 0 ? buffer : buffer.subarray(left));
    left = Math.max(0, left - buffer.length);
  }
  return rest;
}

/**
 * Writes to a pipe whose other end is nearly always read at once: by a plain system call, which costs a fraction of
 * what the way through a stream does. The stream takes what the pipe has no room for, and all that comes until that
 * has been written.
 */
export class DirectWriter {
  readonly #stream: Writable;
  /** Absent where it isn't known (Windows). Closed only when the stream has been destroyed. */
  readonly #fd: number | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    const fd = (stream as StreamWithHandle)._handle?.fd;
    if (typeof fd === "number" && fd >= 0) this.#fd = fd;
  }

  /** Writes buffers, in order; they are not to be changed afterwards. Without effect when the stream was destroyed. */
  write(buffers: readonly Uint8Array[]): void {
    const stream = this.#stream;
    if (stream.destroyed || buffers.length === 0) return;
    const [only] = buffers;
    if (buffers.length === 1 && only !== undefined) {
      const sizeBytes = this.#writeNow((fd) => writeSync(fd, only));
      if (sizeBytes < only.length) stream.write(only.subarray(sizeBytes));
      return;
    }
    // Two pieces of a slab each must not take the way of large data: all that follows would wait for the end of this
    // turn, when the stream hears that it has written them.
    const isLarge = sizeOf(buffers) > MOST_BYTES;
    const sizeBytes = isLarge ? 0 : this.#writeNow((fd) => writevSync(fd, buffers));
    // Corked writes leave as one writev: no copy of large payloads, one system call for many small ones.
    stream.cork();
    for (const buffer of withoutFirst(buffers, sizeBytes)) stream.write(buffer);
    stream.uncork();
  }

  /** Gives how many bytes were written. */
  #writeNow(write: (fd: number) => number): number {
    if (this.#fd === undefined || this.#stream.writableLength > 0) return 0;
    try {
      return write(this.#fd);
    } catch {
      // Full; or the other end is gone, which the stream finds out as well, and tells.
      return 0;
    }
  }
}
