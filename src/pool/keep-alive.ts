import { clearInterval } from "../system/timers.js";
import { setInterval } from "../system/timers.js";

/** The longest delay that a timer takes, in milliseconds: it fires every 24 days, and does nothing. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

let heldCount = 0;

/** How many pools keep the program running. */
export function heldKeepAlives(): number {
  return heldCount;
}

/**
 * Keeps the program running while somebody needs it. Workers and their pipes are never referenced, so this one handle
 * decides: a program with unfinished tasks goes on, one that forgot to shut down its executor ends.
 */
export class KeepAlive {
  #timer: NodeJS.Timeout | undefined;
  #holders = 0;

  hold(): void {
    this.#holders += 1;
    if (this.#holders > 1) return;
    heldCount += 1;
    this.#timer ??= setInterval(() => {}, LONGEST_DELAY_MS);
    this.#timer.ref();
  }

  /** Does nothing after `dispose`. */
  release(): void {
    if (this.#holders === 0) return;
    this.#holders -= 1;
    if (this.#holders > 0) return;
    heldCount -= 1;
    this.#timer?.unref();
  }

  /** Drops the handle for good. */
  dispose(): void {
    if (this.#holders > 0) heldCount -= 1;
    this.#holders = 0;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
