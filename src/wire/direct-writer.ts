import { writeSync } from "node:fs";
import type { Writable } from "node:stream";

/** A stream with the descriptor that libuv knows; undocumented. */
interface StreamWithHandle {
  readonly _handle?: { readonly fd?: unknown } | null;
}

/**
 * Writes to a pipe whose other end is nearly always read at once: by a plain system call, which costs a fraction of what the
 * way through a stream does. The stream takes what the pipe has no room for, and all that comes until that has been written.
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
      const sizeBytes = stream.writableLength > 0 ? 0 : this.#writeNow(only);
      if (sizeBytes < only.byteLength) stream.write(only.subarray(sizeBytes));
      return;
    }
    // Corked writes leave as one writev: no copy of large payloads, one system call for many small ones.
    stream.cork();
    for (const buffer of buffers) stream.write(buffer);
    stream.uncork();
  }

  /** Gives how many bytes were written. */
  #writeNow(bytes: Uint8Array): number {
    if (this.#fd === undefined) return 0;
    try {
      return writeSync(this.#fd, bytes);
    } catch {
      // Full; or the other end is gone, which the stream finds out as well, and tells.
      return 0;
    }
  }
}
