import { clearInterval } from "../system/timers.js";
import { setInterval } from "../system/timers.js";

/** The longest delay that a timer takes, in milliseconds: it fires every 24 days, and does nothing. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

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
    this.#timer ??= setInterval(() => {}, LONGEST_DELAY_MS);
    this.#timer.ref();
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#timer?.unref();
  }

  /** Drops the handle for good. */
  dispose(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
