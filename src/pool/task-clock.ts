/**
 * The timers of the task that a worker holds.
 *
 * When one fires, a full turn of the event loop passes before anything is done: if this process was busy, what the worker
 * has written meanwhile is still in the pipe, and comes first.
 */
export class TaskClock {
  #timers: NodeJS.Timeout[] = [];

  /** Does something after a time, unless the clock is cleared by then. */
  after(delayMs: number, action: () => void): void {
    const timers = this.#timers;
    timers.push(
      setTimeout(() => {
        setImmediate(() => {
          if (this.#timers === timers) action();
        });
      }, delayMs),
    );
  }

  /** Calls everything off: the task has ended. */
  clear(): void {
    if (this.#timers.length === 0) return;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }
}
