import type { PoolTask } from "./pool-task.js";
import type { PooledFunction } from "./function-table.js";

/** A worker holds as many tasks as are expected to take so long, in microseconds: enough never to wait for this process. */
const HELD_US = 40_000;

/** And never more than so many. */
const MAX_HELD = 2048;

/** One more waits behind a task that is expected to take at most so long, in microseconds. */
const MAX_AHEAD_US = 200_000;

/** A worker that is busy is given a task rather than an idle one, if both are short, in microseconds: it costs as much to wake one. */
const MAX_SHORT_US = 10;
const MAX_SHORT_LOAD_US = 200;

/** A task of at least so many bytes is large: nothing is sent ahead behind one that waits, for the sake of the worker's memory. */
const LARGE_BYTES = 1024 * 1024;

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
  /** The number of the last large one. */
  #lastLarge = 0;

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

  /** Whether the task with this number is over: what was read from the journal comes over the pipe as well, later. */
  isOver(number: number): boolean {
    return number < (this.first?.number ?? this.#nextNumber);
  }

  /**
   * Whether there is room for a task of this function behind those that are there.
   *
   * @param isBacklog - Whether so many tasks wait that each worker will get another one: then one task is given ahead of need even
   * if it takes long.
   */
  hasRoomFor(fn: PooledFunction, isChunk: boolean, isBacklog: boolean): boolean {
    const { first, size } = this;
    if (size >= MAX_HELD || (first !== undefined && this.#lastLarge > first.number)) return false;
    if (this.#expectedUs + (fn.expectedUs(isChunk) ?? HELD_US) <= HELD_US) return true;
    return isBacklog && size === 1 && (first?.fn.expectedUs(first.isChunk) ?? Infinity) <= MAX_AHEAD_US;
  }

  /** Whether more tasks should come soon; one at a time would each be a write. */
  get isRunningLow(): boolean {
    return this.size === 1 || (this.size <= MAX_HELD / 2 && this.#expectedUs <= HELD_US / 2);
  }

  /** How much there is to do, to compare workers by for a task; `Infinity` when no more is needed. */
  loadFor({ fn, isChunk }: PoolTask): number {
    const isShort = (fn.expectedUs(isChunk) ?? Infinity) <= MAX_SHORT_US;
    if (this.first === undefined) return isShort ? MAX_SHORT_LOAD_US : -1;
    if (!this.isRunningLow) return Infinity;
    return isShort && this.#expectedUs < MAX_SHORT_LOAD_US ? 0 : this.#expectedUs;
  }

  /** Takes a task in at the end, and numbers it. */
  push(task: PoolTask): void {
    const expectedUs = task.fn.expectedUs(task.isChunk) ?? HELD_US;
    task.number = this.#nextNumber;
    task.expectedUs = expectedUs;
    this.#nextNumber += 1;
    this.#expectedUs += expectedUs;
    this.#tasks.push(task);
  }

  /** Notes how many bytes the task is, which has just been pushed. */
  noteSize(task: PoolTask, sizeBytes: number): void {
    if (sizeBytes >= LARGE_BYTES) this.#lastLarge = task.number;
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
