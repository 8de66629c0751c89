import type { Chunk } from "./chunk-taker.js";
import type { ProcessFuture } from "../outcome/process-future.js";

/** What has come of a chunk that was submitted. */
export interface Landing {
  readonly chunk: Chunk;
  /** What its future has given, or rejected with. */
  readonly outcome: { readonly value: unknown } | { readonly error: unknown };
}

interface Entry {
  readonly chunk: Chunk;
  readonly future: ProcessFuture<unknown>;
  outcome: Landing["outcome"] | undefined;
}

/** The chunks under way, from their submission until their results are given. */
export class Flight {
  readonly #isOrdered: boolean;
  /** In the order of their submission. */
  readonly #entries = new Set<Entry>();
  /** Of those, the ones with an outcome, in the order in which it came. */
  readonly #landed = new Set<Entry>();
  #wake: () => void = () => {};

  constructor(isOrdered: boolean) {
    this.#isOrdered = isOrdered;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(chunk: Chunk, future: ProcessFuture<unknown>): void {
    const entry: Entry = { chunk, future, outcome: undefined };
    this.#entries.add(entry);
    const land = (outcome: Landing["outcome"]): void => {
      entry.outcome = outcome;
      this.#landed.add(entry);
      this.#wake();
    };
    future.then(
      (value) => land({ value }),
      (error: unknown) => land({ error }),
    );
  }

  /** Resolves when there is a landing to be taken. To be awaited by one at a time. */
  async landed(): Promise<undefined> {
    while (this.#first() === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return undefined;
  }

  /** The one whose results come next, if they are there. */
  #first(): Entry | undefined {
    for (const entry of this.#isOrdered ? this.#entries : this.#landed) {
      return entry.outcome === undefined ? undefined : entry;
    }
    return undefined;
  }

  /** Takes out the one whose results come next. */
  takeLanding(): Landing | undefined {
    const entry = this.#first();
    if (entry?.outcome === undefined) return undefined;
    this.#entries.delete(entry);
    this.#landed.delete(entry);
    return { chunk: entry.chunk, outcome: entry.outcome };
  }

  /** The map is over. */
  cancel(): void {
    for (const { future } of this.#entries) future.cancel("The map was left before its end.");
  }
}
