import { ASKED_MS } from "./constants.js";
import { LEAST_PATIENCE_MS } from "./constants.js";
import { MOST_PATIENCE_MS } from "./constants.js";
import { PATIENCE } from "./constants.js";
import { performance } from "../../system/timers.js";
import { START_PATIENCE_MS } from "./constants.js";
import { URGENT_MS } from "./constants.js";
import type { PoolTask } from "../queue/pool-task.js";

/**
 * How long a task may take before it counts as holding up others, or is to be looked at for another reason, in
 * milliseconds.
 */
export function patienceMs(task: PoolTask | undefined): number {
  if (task?.state === "dispatched" && task.isStartWanted) return START_PATIENCE_MS;
  const expectedMs = (task?.fn.expectedUs(task.isChunk) ?? 0) / 1000;
  return Math.min(MOST_PATIENCE_MS, Math.max(LEAST_PATIENCE_MS, PATIENCE * expectedMs));
}

/** The same while another worker has nothing to do; by whether the answer is due which tasks have begun. */
export function urgentPatienceMs(isAsked: boolean): number {
  return isAsked ? ASKED_MS : URGENT_MS;
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
   * @returns For how long it is known that nothing has ended, in milliseconds; `undefined` when something has since
   * the last look.
   */
  look(): number | undefined {
    const nowMs = performance.now();
    if (this.#endedCount === this.#seenCount) return nowMs - this.#stillSinceMs;
    this.#seenCount = this.#endedCount;
    this.#stillSinceMs = nowMs;
    return undefined;
  }
}
