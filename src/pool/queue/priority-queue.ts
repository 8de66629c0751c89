import { TaskQueue } from "./task-queue.js";
import type { PoolTask } from "./pool-task.js";
import type { WaitingTasks } from "./task-queue.js";

/** One of so many tasks that leave the queue is the one that has waited longest, whatever its priority. */
const AGING_EVERY = 16;

/** Tasks of one priority. */
interface Level {
  readonly priority: number;
  readonly tasks: TaskQueue;
}

/**
 * Tasks by priority, the highest first, and in their order within each. So that none waits for ever, one of sixteen
 * that leave is the oldest of all.
 */
export class PriorityQueue implements WaitingTasks {
  /** Highest first; none of them is empty. */
  readonly #levels: Level[] = [];
  #size = 0;
  #pushedCount = 0;
  #shiftedCount = 0;

  /** @param tasks - Those that wait already. */
  constructor(tasks: readonly PoolTask[]) {
    for (const task of tasks) this.push(task);
  }

  get size(): number {
    return this.#size;
  }

  push(task: PoolTask): void {
    this.#pushedCount += 1;
    task.age = this.#pushedCount;
    this.#size += 1;
    this.#levelOf(task).tasks.push(task);
  }

  /** Puts a task before all others of its priority. It is as old as it was. */
  unshift(task: PoolTask): void {
    this.#size += 1;
    this.#levelOf(task).tasks.unshift(task);
  }

  peek(): PoolTask | undefined {
    return this.#next()?.tasks.peek();
  }

  shift(): PoolTask | undefined {
    const level = this.#next();
    const task = level?.tasks.shift();
    if (level === undefined || task === undefined) return undefined;
    this.#shiftedCount += 1;
    this.#leave(level);
    return task;
  }

  remove(task: PoolTask): boolean {
    const level = this.#levels.find(({ priority }) => priority === task.priority);
    if (level?.tasks.remove(task) !== true) return false;
    this.#leave(level);
    return true;
  }

  drain(): PoolTask[] {
    const tasks = this.#levels.flatMap((level) => level.tasks.drain());
    this.#levels.length = 0;
    this.#size = 0;
    return tasks;
  }

  /** The level whose first task is next. */
  #next(): Level | undefined {
    let [oldest] = this.#levels;
    if ((this.#shiftedCount + 1) % AGING_EVERY !== 0) return oldest;
    for (const level of this.#levels) if (oldest !== undefined && ageOf(level) < ageOf(oldest)) oldest = level;
    return oldest;
  }

  #leave(level: Level): void {
    this.#size -= 1;
    if (level.tasks.size === 0) this.#levels.splice(this.#levels.indexOf(level), 1);
  }

  #levelOf({ priority }: PoolTask): Level {
    const index = this.#placeOf(priority);
    const found = this.#levels[index];
    if (found?.priority === priority) return found;
    const level = { priority, tasks: new TaskQueue() };
    this.#levels.splice(index, 0, level);
    return level;
  }

  /** Where the level of this priority is, or is to be. */
  #placeOf(priority: number): number {
    let low = 0;
    let high = this.#levels.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#levels[middle]?.priority ?? 0) > priority) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function ageOf({ tasks }: Level): number {
  return tasks.peek()?.age ?? Infinity;
}
