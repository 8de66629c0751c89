import type { PoolTask } from "./pool-task.js";

const DEFAULT_LIMIT_MS = 10_000;

/** How often at most to look, in milliseconds. */
const CHECK_MS = 1000;

/** So many bytes of a task at least can be sent in a millisecond; a large one has more time to begin. */
const SLOWEST_BYTES_PER_MS = 1000;

/**
 * Watches that a worker begins the task that is next: it may be stopped, or busy for ever with what an ended task left
 * behind. Then it is to be killed, and the task runs elsewhere.
 *
 * One timer that is seldom set anew: most tasks begin at once, and there may be very many of them.
 */
export class BeginLimit {
  readonly #limitMs: number;
  readonly #onTooLate: () => void;
  #task: PoolTask | undefined;
  #dueMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param limitMs - Default: 10 s. */
  constructor(limitMs: number | undefined, onTooLate: () => void) {
    this.#limitMs = limitMs ?? DEFAULT_LIMIT_MS;
    this.#onTooLate = onTooLate;
  }

  /** The task is next from now on. */
  watch(task: PoolTask, sentBytes: number): void {
    const limitMs = this.#limitMs + sentBytes / SLOWEST_BYTES_PER_MS;
    this.#task = task;
    this.#dueMs = performance.now() + limitMs;
    this.#timer ??= setTimeout(() => this.#check(), limitMs).unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#task = undefined;
  }

  #check(): void {
    this.#timer = undefined;
    const task = this.#task;
    if (task?.state !== "dispatched") return;
    const leftMs = this.#dueMs - performance.now();
    if (leftMs > 0) {
      this.#timer = setTimeout(() => this.#check(), Math.max(leftMs, CHECK_MS)).unref();
      return;
    }
    // What has come meanwhile is to be read first.
    setImmediate(() => {
      if (this.#task === task && task.state === "dispatched") this.#onTooLate();
    });
  }
}
