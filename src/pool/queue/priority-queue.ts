import { TaskQueue } from "./task-queue.js";
import type { PoolTask } from "./pool-task.js";
import type { WaitingTasks } from "./task-queue.js";

/** One of so many tasks that leave the queue is the one that has waited longest, whatever its priority. */
const AGING_EVERY = 16;

/** Tasks of one priority. */
interface Level {
  readonly priority: number;
  readonly tasks: TaskQueue;
  /** That of its first task. */
  age: number;
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
  /** The level whose first task is next, once that was looked for: there may be one for each task. */
  #next: Level | undefined;

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
    const level = this.#levelOf(task);
    level.tasks.push(task);
    this.#change(level, 1);
  }

  /** Puts a task before all others of its priority. It is as old as it was. */
  unshift(task: PoolTask): void {
    const level = this.#levelOf(task);
    level.tasks.unshift(task);
    this.#change(level, 1);
  }

  peek(): PoolTask | undefined {
    return this.#findNext()?.tasks.peek();
  }

  shift(): PoolTask | undefined {
    const level = this.#findNext();
    const task = level?.tasks.shift();
    if (level === undefined || task === undefined) return undefined;
    this.#shiftedCount += 1;
    this.#change(level, -1);
    return task;
  }

  remove(task: PoolTask): boolean {
    const level = this.#levels[this.#placeOf(task.priority)];
    if (level?.tasks.remove(task) !== true) return false;
    this.#change(level, -1);
    return true;
  }

  drain(): PoolTask[] {
    const tasks = this.#levels.flatMap((level) => level.tasks.drain());
    this.#levels.length = 0;
    this.#size = 0;
    this.#next = undefined;
    return tasks;
  }

  #findNext(): Level | undefined {
    if (this.#next !== undefined) return this.#next;
    let [next] = this.#levels;
    if ((this.#shiftedCount + 1) % AGING_EVERY === 0) {
      for (const level of this.#levels) if (next !== undefined && level.age < next.age) next = level;
    }
    this.#next = next;
    return next;
  }

  /** A task has come into the level, or has left it. */
  #change(level: Level, difference: 1 | -1): void {
    this.#size += difference;
    this.#next = undefined;
    const first = level.tasks.peek();
    if (first === undefined) this.#levels.splice(this.#placeOf(level.priority), 1);
    else level.age = first.age;
  }

  #levelOf({ priority }: PoolTask): Level {
    const index = this.#placeOf(priority);
    const found = this.#levels[index];
    if (found?.priority === priority) return found;
    const level = { priority, tasks: new TaskQueue(), age: 0 };
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
