import { LOOK_AFTER_MS } from "./constants.js";
import { LOOK_SHARE } from "./constants.js";
import { MOST_SUBMISSIONS } from "./constants.js";
import { nextTick } from "../../system/timers.js";
import { performance } from "../../system/timers.js";

/** What is looked at of the tasks of a worker. */
interface LookedAt {
  /** Looks up how far the worker has come, and returns whether it has room now. */
  lookAhead(): boolean;
}

/**
 * Finds room for more tasks while one turn of the event loop submits for long: what workers have to say is not read
 * before its end, and they would have nothing to do meanwhile. How far they have come is looked up in what they keep.
 */
export class LongTurn {
  #isOn = false;
  /** Until the clock is looked at. */
  #submissionsLeft = 1;
  #submissions = 1;
  #lastMs = 0;
  #nextLookMs = 0;

  /**
   * To be called for each submission that finds no room.
   *
   * @returns Whether there may be some now.
   */
  findsRoom(workers: readonly LookedAt[]): boolean {
    if (!this.#isOn) {
      this.#begin();
      return false;
    }
    this.#submissionsLeft -= 1;
    if (this.#submissionsLeft > 0) return false;
    const nowMs = performance.now();
    // A loop that takes long from one submission to the next has the clock looked at each time.
    const isSlow = (nowMs - this.#lastMs) * 2 > LOOK_AFTER_MS;
    this.#submissions = isSlow ? 1 : Math.min(MOST_SUBMISSIONS, this.#submissions * 2);
    this.#submissionsLeft = this.#submissions;
    this.#lastMs = nowMs;
    return nowMs >= this.#nextLookMs && this.#look(workers, nowMs);
  }

  #begin(): void {
    this.#isOn = true;
    this.#submissions = 1;
    this.#submissionsLeft = 1;
    this.#lastMs = performance.now();
    this.#nextLookMs = this.#lastMs + LOOK_AFTER_MS;
    nextTick(this.#end);
  }

  readonly #end = (): void => {
    this.#isOn = false;
  };

  #look(workers: readonly LookedAt[], nowMs: number): boolean {
    let isFound = false;
    for (const tasks of workers) if (tasks.lookAhead()) isFound = true;
    const lookMs = performance.now() - nowMs;
    this.#nextLookMs = nowMs + Math.max(LOOK_AFTER_MS, lookMs * LOOK_SHARE);
    return isFound;
  }
}
