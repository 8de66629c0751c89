import type { PoolTask } from "./pool-task.js";

/** How long a task may hold up others, in milliseconds, at least and at most; in between, so many times what is expected. */
const LEAST_PATIENCE_MS = 20;
const MOST_PATIENCE_MS = 1000;
const PATIENCE = 1.5;

/** How long a task may take before it counts as holding up others, in milliseconds. */
export function patienceMs(task: PoolTask | undefined): number {
  const expectedMs = (task?.fn.expectedUs(task.isChunk) ?? 0) / 1000;
  return Math.min(MOST_PATIENCE_MS, Math.max(LEAST_PATIENCE_MS, PATIENCE * expectedMs));
}

/** Whether tasks end, as far as looks now and then can tell: to note an end costs nothing. */
export class Progress {
  #endedCount = 0;
  #seenCount = -1;
  #stillSinceMs = 0;

  /** A task has ended. */
  note(): void {
    this.#endedCount += 1;
  }

  /**
   * Looks.
   *
   * @returns For how long it is known that nothing has ended, in milliseconds; `undefined` when something has since the last look.
   */
  look(): number | undefined {
    const nowMs = performance.now();
    if (this.#endedCount === this.#seenCount) return nowMs - this.#stillSinceMs;
    this.#seenCount = this.#endedCount;
    this.#stillSinceMs = nowMs;
    return undefined;
  }
}
