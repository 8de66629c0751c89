import { clearInterval } from "../system/timers.js";
import { performance } from "../system/timers.js";
import { setInterval } from "../system/timers.js";
import type { Worker } from "./worker/worker.js";

/** Workers are looked at so many times in the time that they may idle; at least and at most this often. */
const LOOKS = 4;
const SHORTEST_LOOK_MS = 10;
const LONGEST_LOOK_MS = 1000;

/** How long workers may idle. */
export interface IdleLimit {
  readonly idleTimeoutMs: number;
  /** So many stay all the same. */
  readonly minWorkers: number;
  /** Whether all workers are wanted now, although they have nothing to do yet. */
  areAllWanted(): boolean;
}

/** Ends workers that have had nothing to do for a while. */
export class IdleWorkers {
  readonly #limit: IdleLimit;
  readonly #workers: Iterable<Worker>;
  /** Since when each idles, and how many tasks it had had by then. */
  readonly #idle = new Map<Worker, { readonly taskCount: number; readonly sinceMs: number }>();
  #timer: NodeJS.Timeout | undefined;

  /** @param workers - Those that live, at any time. */
  constructor(limit: IdleLimit, workers: Iterable<Worker>) {
    this.#limit = limit;
    this.#workers = workers;
  }

  /** Watches from now on, for as long as there are workers. */
  watch(): void {
    const everyMs = Math.min(Math.max(this.#limit.idleTimeoutMs / LOOKS, SHORTEST_LOOK_MS), LONGEST_LOOK_MS);
    this.#timer ??= setInterval(() => this.#look(), everyMs).unref();
  }

  #look(): void {
    const now = performance.now();
    const living = [...this.#workers].filter(({ state }) => state !== "ending" && state !== "dead");
    for (const worker of this.#idle.keys()) if (!living.includes(worker)) this.#idle.delete(worker);
    if (living.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    let surplus = living.length - this.#limit.minWorkers;
    if (this.#limit.areAllWanted()) this.#idle.clear();
    for (const worker of living) {
      if (this.#idleMs(worker, now) < this.#limit.idleTimeoutMs || surplus <= 0) continue;
      worker.end();
      surplus -= 1;
    }
  }

  #idleMs(worker: Worker, now: number): number {
    const { state, taskCount } = worker;
    if (state !== "idle") {
      this.#idle.delete(worker);
      return 0;
    }
    const known = this.#idle.get(worker);
    if (known?.taskCount === taskCount) return now - known.sinceMs;
    this.#idle.set(worker, { taskCount, sinceMs: now });
    return 0;
  }
}
