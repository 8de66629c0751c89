/** How many calls a chunk has, when nobody says so. */

import { clearTimeout } from "../../system/timers.js";
import { performance } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";

/**
 * How long a chunk is to take, in microseconds: what is around a chunk costs some 20 µs then, so little of it. Longer
 * ones bring nothing but later results, workers without work at the end, and more calls that a crash costs.
 */
const CHUNK_US = 5000;

/** The most calls of a chunk. */
const MAX_CALLS = 1000;

/** How long a chunk is filled, in milliseconds: it doesn't wait for a slow iterable. */
const FILL_MS = 5;

/** The size of encoded arguments, in bytes, from which no more are added. */
const FULL_BYTES = 256 * 1024;

/** The limits of a chunk while it is filled. */
export interface ChunkLimits {
  /** The most calls. */
  readonly size: number;
  /** The size in bytes from which no more are added. */
  readonly fullBytes: number;
  /** How long it may be filled, in milliseconds. */
  readonly fillMs: number;
}

/** The limits of a chunk whose size is given: nothing but that. */
export function fixedLimits(size: number): ChunkLimits {
  return { size, fullBytes: Infinity, fillMs: Infinity };
}

/**
 * Chooses the size by how long calls take. It begins with one call, as nothing is known of the function, and at most
 * doubles from chunk to chunk: the first calls may be the short ones.
 */
export class MeasuredLimits {
  #size = 0;

  /** @param callUs - How long a call takes, in microseconds, if that is known. */
  next(callUs: number | undefined): ChunkLimits {
    if (callUs !== undefined) {
      const ideal = Math.max(1, Math.floor(CHUNK_US / callUs));
      this.#size = Math.min(ideal, this.#size * 2, MAX_CALLS);
    }
    this.#size = Math.max(1, this.#size);
    return { size: this.#size, fullBytes: FULL_BYTES, fillMs: FILL_MS };
  }
}

/** In place of an item for which a chunk doesn't wait. */
export const LATE: unique symbol = Symbol("late");

/** Ends the filling of one chunk in time. */
export class FillTime {
  readonly #endMs: number;
  #timer: NodeJS.Timeout | undefined;
  #late: Promise<typeof LATE> | undefined;

  constructor(fillMs: number) {
    this.#endMs = performance.now() + fillMs;
  }

  get isOver(): boolean {
    return performance.now() >= this.#endMs;
  }

  /** Resolves when it is over. */
  get late(): Promise<typeof LATE> {
    return (this.#late ??= new Promise((resolve) => {
      this.#timer = setTimeout(() => resolve(LATE), Math.max(0, this.#endMs - performance.now()));
    }));
  }

  /** The chunk is handed over. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
