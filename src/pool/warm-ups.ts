import type { KeepAlive } from "./keep-alive.js";

/** Those who wait until all workers are ready; they keep the program running. */
export class WarmUps {
  readonly #keepAlive: KeepAlive;
  #waiting: { resolve(): void; reject(error: Error): void }[] = [];

  constructor(keepAlive: KeepAlive) {
    this.#keepAlive = keepAlive;
  }

  get isAnyWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Nobody has to await it: a shutdown in its midst is no error of the program. */
  wait(): Promise<void> {
    const waiting = new Promise<void>((resolve, reject) => {
      this.#keepAlive.hold();
      this.#waiting.push({ resolve, reject });
    });
    waiting.catch(() => {});
    return waiting;
  }

  /** Ends all waits, with an error if there is one. */
  end(error?: Error): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { resolve, reject } of waiting) {
      this.#keepAlive.release();
      if (error === undefined) resolve();
      else reject(error);
    }
  }
}
