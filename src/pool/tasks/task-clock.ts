import { clearTimeout } from "../../system/timers.js";
import { setImmediate } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";

/**
 * The timers of the task that a worker holds, and of its start.
 *
 * When one fires, a full turn of the event loop passes before anything is done: if this process was busy, what the
 * worker has written meanwhile is still in the pipe, and comes first.
 */
export class TaskClock {
  #timers: NodeJS.Timeout[] = [];

  /**
   * Does something after a time, unless the clock is cleared by then.
   *
   * @param keepsAlive - Whether the program is kept running until then. Default: true.
   */
  after(delayMs: number, action: () => void, keepsAlive = true): void {
    const timers = this.#timers;
    const timer = setTimeout(() => {
      setImmediate(() => {
        if (this.#timers === timers) action();
      });
    }, delayMs);
    if (!keepsAlive) timer.unref();
    timers.push(timer);
  }

  /** Calls everything off: the task has ended. */
  clear(): void {
    if (this.#timers.length === 0) return;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }
}
