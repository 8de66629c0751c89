import { createHash } from "node:crypto";

/** A function as the pool knows it: its pickle, under an id that workers are told once. */
export interface PooledFunction {
  readonly id: number;
  readonly pickle: Uint8Array;
}

/** Pickles that are kept for being the same as a later one; a program rarely has more distinct functions. */
const MAX_KEPT = 1000;

/**
 * Gives each distinct pickle one id, so that a function goes to a worker once however often it is submitted.
 *
 * Distinct by content: an arrow made anew in every turn of a loop, or a function whose captured object is the same as
 * before, is not sent again.
 */
export class FunctionTable {
  #nextId = 1;
  readonly #byDigest = new Map<string, PooledFunction>();

  /** The id for a pickle: the one it has, or a new one. */
  intern(pickle: Uint8Array): PooledFunction {
    const digest = createHash("sha256").update(pickle).digest("base64");
    const known = this.#byDigest.get(digest);
    // Re-inserted, so that the first key is always the one used least recently.
    if (known !== undefined) this.#byDigest.delete(digest);
    const entry = known ?? { id: this.#nextId++, pickle };
    this.#byDigest.set(digest, entry);
    if (this.#byDigest.size > MAX_KEPT) {
      const [oldest] = this.#byDigest.keys();
      if (oldest !== undefined) this.#byDigest.delete(oldest);
    }
    return entry;
  }
}

/** Which functions one worker holds; the least recently used is forgotten on both sides when there are too many. */
export class SentFunctions {
  readonly #ids = new Set<number>();

  /** Whether the worker has it; notes the use. */
  has(functionId: number): boolean {
    if (!this.#ids.delete(functionId)) return false;
    this.#ids.add(functionId);
    return true;
  }

  /** Notes that it was sent; gives the id that the worker is to forget, if any. */
  add(functionId: number): number | undefined {
    this.#ids.add(functionId);
    if (this.#ids.size <= MAX_KEPT) return undefined;
    const [oldest] = this.#ids;
    if (oldest !== undefined) this.#ids.delete(oldest);
    return oldest;
  }
}
