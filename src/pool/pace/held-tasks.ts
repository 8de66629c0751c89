import { Fifo } from "../../fifo.js";
import { HELD_US } from "./constants.js";
import { LARGE_BYTES } from "./constants.js";
import { MAX_AHEAD_US } from "./constants.js";
import { MAX_HELD } from "./constants.js";
import { MAX_PAST } from "./constants.js";
import { MAX_SHORT_LOAD_US } from "./constants.js";
import { MAX_SHORT_US } from "./constants.js";
import { performance } from "../../system/timers.js";
import { SLOW_BYTES_PER_MS } from "./constants.js";
import { WORTH_A_LOOK_US } from "./constants.js";
import type { PooledFunction } from "../queue/function-table.js";
import type { PoolTask } from "../queue/pool-task.js";

/**
 * The tasks that one worker was given, in order: the first one runs or is about to, the others are there so that the
 * worker never waits for the next one. They are numbered from 1 on, as on the wire; no number is given twice.
 */
export class HeldTasks {
  readonly #tasks = new Fifo<PoolTask>();
  #nextNumber = 1;
  /** Of those that are ahead: neither over nor past. */
  #expectedUs = 0;
  /** The number of the last large one, and its size. */
  #lastLarge = 0;
  #lastLargeBytes = 0;
  /** So many at the front are past: the worker has begun later ones, and their outcomes have not been read. */
  #pastCount = 0;
  /** The number of the last one that was seen to have begun, and when that was, in milliseconds. */
  #seenNumber = 0;
  #seenMs = 0;

  get size(): number {
    return this.#tasks.size;
  }

  /** The task that runs or is about to. */
  get first(): PoolTask | undefined {
    return this.#tasks.at(0);
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
   * @param isBacklog - Whether so many tasks wait that each worker will get another one: then one task is given ahead
   * of need even if it takes long.
   */
  hasRoomFor(fn: PooledFunction, callCount: number, isBacklog: boolean): boolean {
    const running = this.#running();
    const size = this.#aheadCount();
    if (size >= MAX_HELD || this.#pastCount >= MAX_PAST) return false;
    if (running !== undefined && this.#lastLarge > running.number) return false;
    if (this.#expectedUs + (fn.expectedUs(callCount) ?? HELD_US) <= HELD_US) return true;
    return isBacklog && size === 1 && running !== undefined && this.#mayBeFollowed(running);
  }

  /** Whether one more task may wait behind the only one. */
  #mayBeFollowed({ fn, callCount, number }: PoolTask): boolean {
    // While outcomes are not read, the end of one is seen by the start of the next.
    return this.#seenNumber === number || (fn.expectedUs(callCount) ?? Infinity) <= MAX_AHEAD_US;
  }

  /** The first one that is not past. */
  #running(): PoolTask | undefined {
    return this.#tasks.at(this.#pastCount);
  }

  #aheadCount(): number {
    return this.size - this.#pastCount;
  }

  /** Whether more tasks should come soon; one at a time would each be a write. */
  get isRunningLow(): boolean {
    const size = this.#aheadCount();
    return size === 1 || (size <= MAX_HELD / 2 && this.#expectedUs <= HELD_US / 2);
  }

  /** Whether it may be worthwhile to find out how far the worker has come. */
  get isWorthALook(): boolean {
    const running = this.#running();
    return running !== undefined && (running.fn.expectedUs(running.callCount) ?? Infinity) >= WORTH_A_LOOK_US;
  }

  /**
   * Takes note that a task has begun, so that those before it are over, though their outcomes are still to come.
   *
   * @returns Whether there may be more room than before, or room behind a single one.
   */
  noteBegun(number: number, nowMs: number = performance.now()): boolean {
    const before = this.#running();
    let pastCount = 0;
    for (let task = before; task !== undefined && task.number < number; task = this.#running()) {
      this.#expectedUs -= task.expectedUs;
      this.#pastCount += 1;
      pastCount += 1;
    }
    if (this.#running()?.number !== number) return pastCount > 0;
    if (this.#seenNumber === number) return this.#aheadCount() === 1;
    if (pastCount > 0 && this.#seenNumber === before?.number) {
      before.fn.guess(before.callCount, ((nowMs - this.#seenMs) * 1000) / pastCount);
    }
    this.#seenNumber = number;
    this.#seenMs = nowMs;
    return true;
  }

  /** How much there is to do, to compare workers by for a task; `Infinity` when no more is needed. */
  loadFor({ fn, callCount }: PoolTask): number {
    const isShort = (fn.expectedUs(callCount) ?? Infinity) <= MAX_SHORT_US;
    if (this.first === undefined) return isShort ? MAX_SHORT_LOAD_US : -1;
    if (!this.isRunningLow) return Infinity;
    return isShort && this.#expectedUs < MAX_SHORT_LOAD_US ? 0 : this.#expectedUs;
  }

  /** Takes a task in at the end, and numbers it. */
  push(task: PoolTask): void {
    const expectedUs = task.fn.expectedUs(task.callCount) ?? HELD_US;
    task.number = this.#nextNumber;
    task.expectedUs = expectedUs;
    this.#nextNumber += 1;
    this.#expectedUs += expectedUs;
    this.#tasks.push(task);
  }

  /** Notes how many bytes the task is, which has just been pushed. */
  noteSize(task: PoolTask, sizeBytes: number): void {
    if (sizeBytes < LARGE_BYTES) return;
    this.#lastLarge = task.number;
    this.#lastLargeBytes = sizeBytes;
  }

  /** How long a large one may be on its way, in milliseconds; 0 when there is none, or the first one has begun. */
  get deliveryMs(): number {
    const isAnyOnItsWay = this.first?.state === "dispatched" && !this.isOver(this.#lastLarge);
    return isAnyOnItsWay ? this.#lastLargeBytes / SLOW_BYTES_PER_MS : 0;
  }

  /** Takes the first one out. */
  shift(): PoolTask | undefined {
    const task = this.#tasks.shift();
    if (task === undefined) return undefined;
    if (this.#pastCount > 0) this.#pastCount -= 1;
    else this.#expectedUs -= task.expectedUs;
    return task;
  }

  /** Takes out those with this number and later ones, in order. */
  takeFrom(number: number): PoolTask[] {
    let from = this.#tasks.size;
    while (from > 0 && (this.#tasks.at(from - 1) as PoolTask).number >= number) from -= 1;
    const taken = this.#tasks.takeFrom(from);
    // Those that are past are among them only when all are taken.
    const pastCount = Math.max(0, this.#pastCount - this.size);
    this.#pastCount -= pastCount;
    for (const task of taken.slice(pastCount)) this.#expectedUs -= task.expectedUs;
    return taken;
  }

  /** Takes all out, in order. */
  clear(): PoolTask[] {
    return this.takeFrom(0);
  }

  [Symbol.iterator](): Generator<PoolTask, void> {
    return this.#tasks[Symbol.iterator]();
  }
}
