import type { PoolTask } from "./pool-task.js";

/** Spent slots at the front that are tolerated before the array is cut. */
const COMPACT_AFTER = 1024;

/** Tasks that wait for a worker. */
export interface WaitingTasks {
  readonly size: number;
  push(task: PoolTask): void;
  /** Gives back a task that left: it is as near to its turn as it was. */
  unshift(task: PoolTask): void;
  /** The next one, which stays. */
  peek(): PoolTask | undefined;
  shift(): PoolTask | undefined;
  /** Takes a task out; false when it isn't waiting here. */
  remove(task: PoolTask): boolean;
  /** Takes everything out, in order. */
  drain(): PoolTask[];
}

/** First in, first out, with removal from the middle: every operation takes constant time on average. */
export class TaskQueue implements WaitingTasks {
  #slots: (PoolTask | undefined)[] = [];
  #head = 0;
  /** Positions count from the first slot ever used, so that cutting the array moves no task. */
  #cutSlots = 0;
  #waiting = 0;
  /** Tasks given back by a worker: they were first before, and are again. */
  readonly #returned: PoolTask[] = [];

  get size(): number {
    return this.#waiting + this.#returned.length;
  }

  push(task: PoolTask): void {
    task.number = this.#cutSlots + this.#slots.length;
    this.#slots.push(task);
    this.#waiting += 1;
  }

  /** Puts a task before all others. */
  unshift(task: PoolTask): void {
    this.#returned.push(task);
  }

  /** The next one, which stays. */
  peek(): PoolTask | undefined {
    const returned = this.#returned.at(-1);
    if (returned !== undefined) return returned;
    for (; this.#head < this.#slots.length; this.#head += 1) {
      const task = this.#slots[this.#head];
      if (task !== undefined) return task;
    }
    return undefined;
  }

  shift(): PoolTask | undefined {
    const task = this.peek();
    if (task === undefined) return undefined;
    if (this.#returned.length > 0) {
      this.#returned.pop();
      return task;
    }
    this.#slots[this.#head] = undefined;
    this.#head += 1;
    this.#leave(task);
    if (this.#head >= COMPACT_AFTER && this.#head * 2 >= this.#slots.length) this.#cut(this.#head);
    return task;
  }

  /** Takes a task out; false when it isn't waiting here. */
  remove(task: PoolTask): boolean {
    const returnedAt = this.#returned.indexOf(task);
    if (returnedAt >= 0) {
      this.#returned.splice(returnedAt, 1);
      return true;
    }
    const slot = task.number - this.#cutSlots;
    if (task.number < 0 || this.#slots[slot] !== task) return false;
    this.#slots[slot] = undefined;
    this.#leave(task);
    if (this.#waiting === 0) this.#cut(this.#slots.length);
    return true;
  }

  /** Takes everything out, in order. */
  drain(): PoolTask[] {
    const tasks: PoolTask[] = [];
    for (let task = this.shift(); task !== undefined; task = this.shift()) tasks.push(task);
    return tasks;
  }

  #leave(task: PoolTask): void {
    task.number = -1;
    this.#waiting -= 1;
  }

  /** Cuts spent slots off the front. */
  #cut(count: number): void {
    this.#slots = this.#slots.slice(count);
    this.#cutSlots += count;
    this.#head = 0;
  }
}
