import type { Worker } from "./worker.js";

/** How long a task may hold up others that its worker has, in milliseconds, while another worker has nothing to do... */
const STALL_MS = 2;

/** ...and while all have something to do. */
const BUSY_STALL_MS = 20;

/** Looks after a while whether a task that takes long holds up others behind it. No timer runs while none can. */
export class StallWatch {
  readonly #workers: () => readonly Worker[];
  #timer: NodeJS.Timeout | undefined;
  #isShort = false;

  /** @param workers - Gives those that there are now. */
  constructor(workers: () => readonly Worker[]) {
    this.#workers = workers;
  }

  /** @param hasIdle - Whether one of the workers has nothing to do. */
  watch(hasIdle: boolean): void {
    if (this.#timer !== undefined && (this.#isShort || !hasIdle)) return;
    if (!this.#workers().some(({ tasks }) => tasks?.canStall === true)) return;
    clearTimeout(this.#timer);
    this.#isShort = hasIdle;
    this.#timer = setTimeout(() => this.#look(), hasIdle ? STALL_MS : BUSY_STALL_MS).unref();
  }

  #look(): void {
    this.#timer = undefined;
    for (const { tasks } of this.#workers()) tasks?.checkStall();
    this.watch(this.#workers().some((worker) => worker.task === undefined));
  }
}
