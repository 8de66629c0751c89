import { clearTimeout } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";

/** Workers that may die before they are ready, one after the other, before starting is given up. */
const MAX_ATTEMPTS = 3;

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Whether it makes sense to start another worker, by how the last starts went.
 *
 * Three failures in a row are enough. While other workers run, it is tried again after a pause, which doubles: a
 * lack of descriptors or memory may pass, and a storm of processes that die at once must not eat the CPU meanwhile.
 */
export class StartAttempts {
  #failed = 0;
  /** Set while it is waited before another start is tried. */
  #pause: NodeJS.Timeout | undefined;

  /** Failures since the last success. */
  get failed(): number {
    return this.#failed;
  }

  get isGivenUp(): boolean {
    return this.#failed >= MAX_ATTEMPTS;
  }

  /**
   * Whether to start another worker while so many starts are open. After a failure, no more than the attempts that are
   * left: when the open ones fail as well, enough have been tried.
   */
  mayStart(openStarts: number): boolean {
    if (this.isGivenUp) return openStarts === 0 && this.#pause === undefined;
    return this.#failed === 0 || this.#failed + openStarts < MAX_ATTEMPTS;
  }

  fail(): void {
    this.#failed += 1;
  }

  /** Forgets the failures: a worker has become ready, or those who waited were told. */
  reset(): void {
    this.#failed = 0;
    this.#endPause();
  }

  /**
   * Begins the pause, or begins it anew.
   *
   * @param onEnd - Called when it is over, unless the failures were forgotten before.
   */
  pause(onEnd: () => void): void {
    this.#endPause();
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (this.#failed - MAX_ATTEMPTS), LONGEST_PAUSE_MS);
    // Its end is that of the timer, and not asked of a clock: by that, timers end up to a millisecond early.
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      onEnd();
    }, pauseMs).unref();
  }

  #endPause(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }
}
