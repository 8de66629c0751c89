/** The values of a graph's nodes, as far as they exist, and what waits for the others. */

import type { Link } from "../graph/format.js";
import { indexOf } from "../graph/view.js";

/** Gives the value behind a link; undefined for one that does not exist yet. */
export type Resolve = (link: Link) => unknown;

/** The values of one graph, by the numbers of its nodes. */
export class BuiltValues {
  readonly #values: unknown[] = [];
  /** `undefined` is a value, too. */
  readonly #isThere: boolean[] = [];
  /** What to fill again once a node exists. */
  readonly #waiters = new Map<number, Set<() => void>>();

  has(index: number): boolean {
    return this.#isThere[index] === true;
  }

  get(index: number): unknown {
    return this.#values[index];
  }

  /** Adds the value of a node, and fills it into all that waits for it. */
  add(index: number, value: unknown): void {
    this.#values[index] = value;
    this.#isThere[index] = true;
    const waiters = this.#waiters.get(index);
    this.#waiters.delete(index);
    for (const fillAgain of waiters ?? []) fillAgain();
  }

  readonly resolve: Resolve = (link) => {
    const index = indexOf(link);
    return index === undefined ? link : this.#values[index];
  };

  /** Fills something in, and again whenever a value that it needs comes to exist. */
  fill(job: (resolve: Resolve) => void): void {
    const run = (): void => {
      job((link) => {
        const index = indexOf(link);
        if (index !== undefined && !this.has(index)) {
          const waiters = this.#waiters.get(index) ?? new Set();
          this.#waiters.set(index, waiters.add(run));
        }
        return this.resolve(link);
      });
    };
    run();
  }
}
