import type { Job } from "bullmq";
import type { Worker } from "bullmq";

import { clearInterval } from "../../system/timers.js";
import { performance } from "../../system/timers.js";
import { setInterval } from "../../system/timers.js";

/** How often it looks while a lock lasts. */
const LOOKS = 4;

/**
 * Knows which locks of a host have run out. BullMQ tells of those that Redis refuses to renew; where Redis can't be
 * asked, the clock tells.
 */
export class LockWatch {
  readonly #lockDurationMs: number;
  readonly #onLost: (ids: readonly string[]) => void;
  /** When the lock of each job was known to be held last. */
  readonly #heldAt = new Map<string, number>();

  constructor(lockDurationMs: number, onLost: (ids: readonly string[]) => void) {
    this.#lockDurationMs = lockDurationMs;
    this.#onLost = onLost;
  }

  /** Looks after the jobs of a worker until that is closed. */
  follow<D, R>(worker: Worker<D, R>): void {
    const end = ({ id = "" }: Job<D, R>): boolean => this.#heldAt.delete(id);
    worker.on("active", ({ id = "" }) => this.#heldAt.set(id, performance.now()));
    worker.on("locksRenewed", ({ jobIds }) => {
      for (const id of jobIds) if (this.#heldAt.has(id)) this.#heldAt.set(id, performance.now());
    });
    worker.on("lockRenewalFailed", (ids) => this.#lose(ids));
    worker.on("completed", end);
    worker.on("failed", (job) => job !== undefined && end(job));
    const timer = setInterval(() => this.#look(), this.#lockDurationMs / LOOKS);
    // A worker whose Redis was given up never closes.
    timer.unref();
    worker.on("closed", () => clearInterval(timer));
  }

  #look(): void {
    const oldest = performance.now() - this.#lockDurationMs;
    const lost = [...this.#heldAt].filter(([, heldAt]) => heldAt < oldest).map(([id]) => id);
    if (lost.length > 0) this.#lose(lost);
  }

  #lose(ids: readonly string[]): void {
    for (const id of ids) this.#heldAt.delete(id);
    this.#onLost(ids);
  }
}
