import { isTooMuch } from "./function-table.js";
import type { PooledFunction } from "./function-table.js";

/**
 * How much memory it takes, in bytes, in whatever process has it. What it captures of shared memory counts in full,
 * though only a reference travels: a worker that holds the function holds that memory, which is not free before it
 * forgets.
 */
export function weightOf(fn: PooledFunction): number {
  return fn.pickle.byteLength + (fn.pins?.sizeBytes ?? 0);
}

/** Which functions one worker holds; the least recently used is forgotten on both sides when there are too many. */
export class SentFunctions {
  readonly #sizes = new Map<number, number>();
  #keptBytes = 0;
  /** The one used last: mostly the same as the time before. */
  #lastId = 0;

  /** Whether the worker has it; notes the use. */
  has(functionId: number): boolean {
    if (functionId === this.#lastId) return true;
    const sizeBytes = this.#sizes.get(functionId);
    if (sizeBytes === undefined) return false;
    this.#sizes.delete(functionId);
    this.#sizes.set(functionId, sizeBytes);
    this.#lastId = functionId;
    return true;
  }

  /** Notes that it was sent. */
  add(functionId: number, sizeBytes = 0): void {
    if (this.has(functionId)) return;
    this.#sizes.set(functionId, sizeBytes);
    this.#keptBytes += sizeBytes;
    this.#lastId = functionId;
  }

  /** Whether the worker is to forget something. */
  get isTooMuch(): boolean {
    return isTooMuch(this.#sizes.size, this.#keptBytes);
  }

  /**
   * Gives the ids that the worker is to forget, as long as it holds too much. More may stay than there should be:
   * until another function is sent.
   *
   * @param needed - Those that it is not to forget; the one used last is among them.
   */
  *dropExcess(needed: ReadonlySet<number>): Generator<number, void> {
    for (const [id, sizeBytes] of this.#sizes) {
      if (!this.isTooMuch) return;
      if (needed.has(id)) continue;
      this.#sizes.delete(id);
      this.#keptBytes -= sizeBytes;
      yield id;
    }
  }
}
