import { clearTimeout } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";
import type { PoolTask } from "./pool-task.js";

/** Tasks that are to be tried again after a while. */
export class DelayedTasks {
  readonly #timers = new Map<PoolTask, NodeJS.Timeout>();
  readonly #onDue: (task: PoolTask) => void;

  constructor(onDue: (task: PoolTask) => void) {
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
    this.#timers.set(task, setTimeout(onDue, delayMs));
  }

  /** Takes a task out; false when it isn't waiting here. */
  remove(task: PoolTask): boolean {
    clearTimeout(this.#timers.get(task));
    return this.#timers.delete(task);
  }

  /** Takes everything out. */
  drain(): PoolTask[] {
    const tasks = [...this.#timers.keys()];
    for (const task of tasks) this.remove(task);
    return tasks;
  }
}
