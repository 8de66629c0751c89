import { createHash } from "node:crypto";

import type { Pins } from "../../memory/pins.js";

/** Weight of the newest duration in the average: it follows a change within a few tasks. */
const NEWEST_WEIGHT = 0.25;

/** A function as the pool knows it: its pickle, under an id that workers are told once. */
export class PooledFunction {
  readonly id: number;
  readonly pickle: Uint8Array;
  /** The shared memory that it captures. */
  readonly pins: Pins | undefined;
  /** How long one call takes, on average. */
  #callUs: number | undefined;
  /** No task has ended that would have told how long one takes. */
  #isGuessed = true;

  constructor(id: number, pickle: Uint8Array, pins?: Pins) {
    this.id = id;
    this.pickle = pickle;
    this.pins = pins;
  }

  /** How long one call takes, in microseconds; `undefined` before a task has ended. */
  get callUs(): number | undefined {
    return this.#isGuessed ? undefined : this.#callUs;
  }

  /**
   * How long a task is expected to take, in whole microseconds; `undefined` before one has ended.
   *
   * @param callCount - Of a chunk, how many calls it is; else 0.
   */
  expectedUs(callCount: number): number | undefined {
    return this.#callUs === undefined ? undefined : Math.ceil(this.#callUs * (callCount || 1));
  }

  /** Takes what a task can have taken at most, in microseconds, before one has ended that tells it. */
  guess(callCount: number, durationUs: number): void {
    if (this.#isGuessed) this.#callUs = durationUs / (callCount || 1);
  }

  /** Learns from a task that has ended. */
  learn(callCount: number, durationUs: number): void {
    const callUs = durationUs / (callCount || 1);
    const known = this.#isGuessed ? callUs : (this.#callUs ?? callUs);
    this.#isGuessed = false;
    this.#callUs = known + (callUs - known) * NEWEST_WEIGHT;
  }
}

/** Pickles that are kept for being the same as a later one; a program rarely has more distinct functions. */
const MAX_KEPT = 1000;

/**
 * Their size in all, in bytes: a function that captures much, and something else each time, must not fill the memory.
 */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** The newest is kept whatever its size. */
export function isTooMuch(count: number, sizeBytes: number): boolean {
  return count > MAX_KEPT || (sizeBytes > MAX_KEPT_BYTES && count > 1);
}

/**
 * Gives each distinct pickle one id, so that a function goes to a worker once however often it is submitted.
 *
 * Distinct by content, and by the identity of what tasks may change: an arrow made anew in every turn of a loop, or a
 * function whose captured object is the same as before, is not sent again; two closures with equal lists of their own
 * are two.
 */
export class FunctionTable {
  #nextId = 1;
  readonly #byDigest = new Map<string, PooledFunction>();
  /**
   * Those that capture shared memory are not kept for the future: the memory is to be free when its holders drop it.
   */
  readonly #pinned = new Map<string, WeakRef<PooledFunction>>();
  readonly #dropped = new FinalizationRegistry<string>((digest) => {
    if (this.#pinned.get(digest)?.deref() === undefined) this.#pinned.delete(digest);
  });
  #keptBytes = 0;

  /**
   * The id for a pickle: the one it has, or a new one.
   *
   * @param stateKey - Which objects and variables it has captured that tasks may change.
   */
  intern(pickle: Uint8Array, stateKey: string, pins?: Pins): PooledFunction {
    const digest = createHash("sha256").update(pickle).update(stateKey).digest("base64");
    if (pins !== undefined) return this.#internPinned(digest, pickle, pins);
    const known = this.#byDigest.get(digest);
    // Re-inserted, so that the first key is always the one used least recently.
    if (known !== undefined) this.#byDigest.delete(digest);
    const entry = known ?? new PooledFunction(this.#nextId++, pickle);
    if (known === undefined) this.#keptBytes += pickle.byteLength;
    this.#byDigest.set(digest, entry);
    for (const [oldest, { pickle: old }] of this.#byDigest) {
      if (!isTooMuch(this.#byDigest.size, this.#keptBytes)) break;
      this.#byDigest.delete(oldest);
      this.#keptBytes -= old.byteLength;
    }
    return entry;
  }

  #internPinned(digest: string, pickle: Uint8Array, pins: Pins): PooledFunction {
    const known = this.#pinned.get(digest)?.deref();
    if (known !== undefined) return known;
    const entry = new PooledFunction(this.#nextId++, pickle, pins);
    this.#pinned.set(digest, new WeakRef(entry));
    this.#dropped.register(entry, digest);
    return entry;
  }
}
