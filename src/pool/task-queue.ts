import type { PoolTask } from "./pool-task.js";

/** Spent slots at the front that are tolerated before the array is cut. */
const COMPACT_AFTER = 1024;

/** First in, first out, with removal from the middle: every operation takes constant time on average. */
export class TaskQueue {
  #slots: (PoolTask | undefined)[] = [];
  #head = 0;
  /** Where each waiting task is, counted from the first slot ever used, so that cutting the array moves nothing. */
  readonly #positions = new Map<PoolTask, number>();
  #cutSlots = 0;
  /** Tasks given back by a dead worker: they were first before, and are again. */
  readonly #returned: PoolTask[] = [];

  get size(): number {
    return this.#positions.size + this.#returned.length;
  }

  push(task: PoolTask): void {
    this.#positions.set(task, this.#cutSlots + this.#slots.length);
    this.#slots.push(task);
  }

  /** Puts a task before all others. */
  unshift(task: PoolTask): void {
    this.#returned.push(task);
  }

  shift(): PoolTask | undefined {
    const returned = this.#returned.pop();
    if (returned !== undefined) return returned;
    while (this.#head < this.#slots.length) {
      const task = this.#slots[this.#head];
      this.#slots[this.#head] = undefined;
      this.#head += 1;
      this.#compact();
      if (task !== undefined) {
        this.#positions.delete(task);
        return task;
      }
    }
    return undefined;
  }

  /** Takes a task out; false when it isn't waiting here. */
  remove(task: PoolTask): boolean {
    const returnedAt = this.#returned.indexOf(task);
    if (returnedAt >= 0) {
      this.#returned.splice(returnedAt, 1);
      return true;
    }
    const position = this.#positions.get(task);
    if (position === undefined) return false;
    this.#positions.delete(task);
    this.#slots[position - this.#cutSlots] = undefined;
    if (this.#positions.size === 0) this.#cut(this.#slots.length);
    return true;
  }

  /** Takes everything out, in order. */
  drain(): PoolTask[] {
    const tasks: PoolTask[] = [];
    for (let task = this.shift(); task !== undefined; task = this.shift()) tasks.push(task);
    return tasks;
  }

  #compact(): void {
    if (this.#head >= COMPACT_AFTER && this.#head * 2 >= this.#slots.length) this.#cut(this.#head);
  }

  /** Cuts spent slots off the front. */
  #cut(count: number): void {
    this.#slots = this.#slots.slice(count);
    this.#cutSlots += count;
    this.#head = 0;
  }
}
