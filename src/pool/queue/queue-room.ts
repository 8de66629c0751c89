import { Fifo } from "../../fifo.js";
import { QueueFullError } from "../../errors.js";
import { setImmediate } from "../../system/timers.js";

/** Who waits until a pool whose queue has a limit takes one more task: first come, first served. */
export class QueueRoom {
  readonly #maxQueue: number;
  readonly #countFree: () => number;
  readonly #waiting = new Fifo<{ resolve(): void; reject(error: Error): void }>();
  /** Places of those who were told in this turn, and have not submitted yet. */
  #promisedCount = 0;
  #isForgettingPlanned = false;

  /** @param countFree - How many more tasks there may be now. */
  constructor(maxQueue: number, countFree: () => number) {
    this.#maxQueue = maxQueue;
    this.#countFree = countFree;
  }

  get isFree(): boolean {
    return this.#countFree() > 0;
  }

  /** @throws QueueFullError when there is no room. */
  check(): void {
    if (!this.isFree) throw new QueueFullError(this.#maxQueue);
  }

  /** A task was taken, of one who was told to come or of another. */
  take(): void {
    if (this.#promisedCount > 0) this.#promisedCount -= 1;
  }

  /** Resolves when there is room, and nobody else waits for it. */
  wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.look();
    });
  }

  /** Tells those who wait first, as many as there is room for. */
  look(): void {
    while (this.#waiting.size > 0 && this.#countFree() > this.#promisedCount) {
      if (!this.#isForgettingPlanned) this.#planForgetting();
      this.#promisedCount += 1;
      this.#waiting.shift()?.resolve();
    }
  }

  /** Who was told, and submits nothing in this turn, has left. */
  #planForgetting(): void {
    this.#isForgettingPlanned = true;
    setImmediate(() => {
      this.#isForgettingPlanned = false;
      this.#promisedCount = 0;
      this.look();
    });
  }

  /** There won't be room any more. */
  close(error: Error): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next.reject(error);
  }
}
