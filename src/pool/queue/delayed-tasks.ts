import type { PoolTask } from "./pool-task.js";
import type { Timers } from "../../system/timers.js";

/** Tasks that are to be tried again after a while. */
export class DelayedTasks {
  readonly #timers = new Map<PoolTask, NodeJS.Timeout>();
  readonly #clock: Timers;
  readonly #onDue: (task: PoolTask) => void;

  constructor(clock: Timers, onDue: (task: PoolTask) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#timers.size;
  }

  add(task: PoolTask, delayMs: number): void {
    const onDue = (): void => {
      this.#timers.delete(task);
      this.#onDue(task);
    };
    this.#timers.set(task, this.#clock.setTimeout(onDue, delayMs));
  }

  /** Takes a task out; false when it isn't waiting here. */
  remove(task: PoolTask): boolean {
    this.#clock.clearTimeout(this.#timers.get(task));
    return this.#timers.delete(task);
  }

  /** Takes everything out. */
  drain(): PoolTask[] {
    const tasks = [...this.#timers.keys()];
    for (const task of tasks) this.remove(task);
    return tasks;
  }
}
