/** Which tasks hold up others: how long each may take, whether any end, and when somebody looks. */

import { ASKED_MS } from "./constants.js";
import { clearTimeout } from "../../system/timers.js";
import { LEAST_PATIENCE_MS } from "./constants.js";
import { MOST_PATIENCE_MS } from "./constants.js";
import { PATIENCE } from "./constants.js";
import { performance } from "../../system/timers.js";
import { setImmediate } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";
import { SOON_MS } from "./constants.js";
import { START_PATIENCE_MS } from "./constants.js";
import { URGENT_MS } from "./constants.js";
import type { PoolTask } from "../queue/pool-task.js";

/**
 * How long a task may take before it counts as holding up others, or is to be looked at for another reason, in
 * milliseconds.
 */
export function patienceMs(task: PoolTask | undefined): number {
  if (task?.state === "dispatched" && task.isStartWanted) return START_PATIENCE_MS;
  const expectedMs = (task?.fn.expectedUs(task.callCount) ?? 0) / 1000;
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

/** What is watched of the tasks of a worker. */
interface Watched {
  /** The one that it runs. */
  readonly first: unknown;
  readonly canStall: boolean;
  patienceMs(isUrgent: boolean): number;
  lookForStart(): void;
  checkStall(isUrgent: boolean): void;
}

/**
 * Looks after a while whether a task that takes long holds up others behind it, or has begun without a notice. No
 * timer runs while none can.
 */
export class StallWatch {
  readonly #workers: () => readonly Watched[];
  #timer: NodeJS.Timeout | undefined;
  #delayMs = 0;
  #dueMs = 0;

  /** @param workers - Gives those that there are now. */
  constructor(workers: () => readonly Watched[]) {
    this.#workers = workers;
  }

  /** Looks now which tasks have begun. */
  lookForStarts(): void {
    for (const tasks of this.#workers()) tasks.lookForStart();
  }

  /** @param isUrgent - Whether one of the workers has nothing to do. */
  watch(isUrgent: boolean): void {
    this.#plan(isUrgent, isUrgent ? URGENT_MS : SOON_MS);
  }

  /** Somebody waits for the start of a task. */
  watchStart(): void {
    this.#plan(false, URGENT_MS);
  }

  /** @param soonMs - A timer that runs for at most so long is soon enough in any case. */
  #plan(isUrgent: boolean, soonMs: number): void {
    if (this.#timer !== undefined && this.#delayMs <= soonMs) return;
    let delayMs = Infinity;
    for (const tasks of this.#workers()) {
      if (tasks.canStall) delayMs = Math.min(delayMs, tasks.patienceMs(isUrgent));
    }
    // One that was set for at most so long is due before; no need to look at the clock.
    if (delayMs === Infinity || (this.#timer !== undefined && this.#delayMs <= delayMs)) return;
    const dueMs = performance.now() + delayMs;
    if (this.#timer !== undefined && this.#dueMs <= dueMs) return;
    clearTimeout(this.#timer);
    this.#delayMs = delayMs;
    this.#dueMs = dueMs;
    // What has come meanwhile is to be read first: of a task with streams the journal may be ahead of the pipe.
    this.#timer = setTimeout(() => setImmediate(() => this.#look(isUrgent)), delayMs).unref();
  }

  #look(isUrgent: boolean): void {
    this.#timer = undefined;
    for (const tasks of this.#workers()) tasks.checkStall(isUrgent);
    this.watch(this.#workers().some(({ first }) => first === undefined));
  }
}
