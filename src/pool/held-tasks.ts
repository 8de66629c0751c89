import type { PoolTask } from "./pool-task.js";

/** Spent slots at the front that are tolerated before the array is cut. */
const COMPACT_AFTER = 256;

/**
 * The tasks that one worker was given, in order: the first one runs or is about to, the others are there so that the
 * worker never waits for the next one. They are numbered from 1 on, as on the wire; no number is given twice.
 */
export class HeldTasks {
  /** Spent slots hold nothing: what a task captures must not live on in them. */
  #tasks: (PoolTask | undefined)[] = [];
  #head = 0;
  #nextNumber = 1;
  #expectedUs = 0;

  get size(): number {
    return this.#tasks.length - this.#head;
  }

  /** The task that runs or is about to. */
  get first(): PoolTask | undefined {
    return this.#tasks[this.#head];
  }

  /** The number that the next task will have. */
  get nextNumber(): number {
    return this.#nextNumber;
  }

  /** How long all of them are expected to take, in microseconds. */
  get expectedUs(): number {
    return this.#expectedUs;
  }

  /** Takes a task in at the end, and numbers it. */
  push(task: PoolTask, expectedUs: number): void {
    task.number = this.#nextNumber;
    task.expectedUs = expectedUs;
    this.#nextNumber += 1;
    this.#expectedUs += expectedUs;
    this.#tasks.push(task);
  }

  /** Takes the first one out. */
  shift(): PoolTask | undefined {
    const task = this.#tasks[this.#head];
    if (task === undefined) return undefined;
    this.#tasks[this.#head] = undefined;
    this.#head += 1;
    this.#expectedUs -= task.expectedUs;
    const { length } = this.#tasks;
    if (this.#head === length || (this.#head >= COMPACT_AFTER && this.#head * 2 >= length)) this.#compact();
    return task;
  }

  /** Takes out those with this number and later ones, in order. */
  takeFrom(number: number): PoolTask[] {
    let from = this.#tasks.length;
    while (from > this.#head && (this.#tasks[from - 1] as PoolTask).number >= number) from -= 1;
    const taken = this.#tasks.splice(from) as PoolTask[];
    for (const task of taken) this.#expectedUs -= task.expectedUs;
    return taken;
  }

  /** Takes all out, in order. */
  clear(): PoolTask[] {
    return this.takeFrom(0);
  }

  *[Symbol.iterator](): Generator<PoolTask, void> {
    for (let at = this.#head; at < this.#tasks.length; at += 1) yield this.#tasks[at] as PoolTask;
  }

  #compact(): void {
    this.#tasks = this.#tasks.slice(this.#head);
    this.#head = 0;
  }
}
