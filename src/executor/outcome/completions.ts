/** Waits for futures as concurrent.futures does: for one after the other, or for some of them. */

import { CancelledError } from "../../errors.js";
import { clearTimeout } from "../../system/timers.js";
import { Fifo } from "../../fifo.js";
import { InvalidOptionError } from "../../errors.js";
import { isThenable } from "../../values/classes/thenable.js";
import { performance } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";
import { showValue } from "../../show-value.js";
import { WaitTimeoutError } from "../../errors.js";
import type { WaitOptions } from "../options/check-wait.js";

/** What `wait` gives. */
export interface Waited<F> {
  /** The futures that have settled. */
  readonly done: Set<F>;
  /** The others. */
  readonly notDone: Set<F>;
}

/** A future that has settled, and what came of it, as `Promise.allSettled` has it. */
export type Completion<F> = {
  readonly future: F;
} & PromiseSettledResult<Awaited<F>>;

/** @throws InvalidOptionError for what is no list of futures. */
function setOf<F>(call: string, futures: Iterable<F>): Set<F> {
  const { [Symbol.iterator]: iterate } = Object(futures) as Partial<Iterable<F>>;
  if (futures == null || typeof iterate !== "function" || typeof futures === "string") {
    const shown = showValue(futures);
    throw new InvalidOptionError("futures", `${call} takes a list of futures, but was given ${shown}.`);
  }
  const set = new Set<F>();
  for (const future of futures) {
    if (!isThenable(future)) throw new InvalidOptionError(`futures[${set.size}]`, "a future or promise", future);
    set.add(future);
  }
  return set;
}

interface Waiter<F> {
  resolve(result: IteratorResult<Completion<F>, undefined>): void;
  reject(error: Error): void;
}

const THE_END: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Gives futures in the order in which they settle. No generator: its `return()` would wait for a pending `next()`. */
class Completions<F> implements AsyncIterableIterator<Completion<F>, undefined> {
  readonly #settled = new Fifo<Completion<F>>();
  readonly #waiting = new Fifo<Waiter<F>>();
  readonly #count: number;
  /** Of those that are not settled. */
  #pendingCount: number;
  readonly #timeoutMs: number | undefined;
  readonly #endMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(futures: ReadonlySet<F & PromiseLike<unknown>>, timeoutMs: number | undefined) {
    this.#count = futures.size;
    this.#pendingCount = futures.size;
    this.#timeoutMs = timeoutMs;
    this.#endMs = performance.now() + (timeoutMs ?? Infinity);
    for (const future of futures) {
      void future.then(
        (value) => this.#settle({ future, status: "fulfilled", value: value as Awaited<F> }),
        (reason: unknown) => this.#settle({ future, status: "rejected", reason }),
      );
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #settle(completion: Completion<F>): void {
    this.#pendingCount -= 1;
    if (this.#isClosed) return;
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#settled.push(completion);
    else waiter.resolve({ done: false, value: completion });
    if (this.#waiting.size === 0) this.#stopTimer();
  }

  next(): Promise<IteratorResult<Completion<F>, undefined>> {
    const settled = this.#settled.shift();
    if (settled !== undefined) return Promise.resolve({ done: false, value: settled });
    if (this.#isClosed || this.#waiting.size >= this.#pendingCount) return Promise.resolve(THE_END);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#startTimer();
    });
  }

  /** Runs only while somebody waits: one that is forgotten keeps no program running. */
  #startTimer(): void {
    if (this.#timeoutMs === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#expire(), Math.max(0, this.#endMs - performance.now()));
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #expire(): void {
    const error = new WaitTimeoutError(this.#pendingCount, this.#count, this.#timeoutMs ?? 0);
    this.#waiting.shift()?.reject(error);
    this.#close();
  }

  #close(): void {
    this.#isClosed = true;
    this.#stopTimer();
    for (let waiter = this.#waiting.shift(); waiter !== undefined; waiter = this.#waiting.shift()) {
      waiter.resolve(THE_END);
    }
    this.#settled.takeFrom(0);
  }

  return(): Promise<IteratorResult<Completion<F>, undefined>> {
    this.#close();
    return Promise.resolve(THE_END);
  }
}

/** See `asCompleted`. */
export function completionsOf<F extends PromiseLike<unknown>>(
  futures: Iterable<F>,
  timeoutMs: number | undefined,
): AsyncIterableIterator<Completion<F>, undefined> {
  return new Completions(setOf("asCompleted()", futures), timeoutMs);
}

/** See `wait`. */
export function waitFor<F extends PromiseLike<unknown>>(
  futures: Iterable<F>,
  returnWhen: NonNullable<WaitOptions["returnWhen"]>,
  timeoutMs: number | undefined,
): Promise<Waited<F>> {
  const notDone = setOf("wait()", futures);
  const done = new Set<F>();
  return new Promise((resolve) => {
    let isOver = false;
    const end = (): void => {
      clearTimeout(timer);
      // In a later microtask: of those that have settled before, all are heard of by then.
      if (!isOver) void Promise.resolve().then(() => resolve({ done: new Set(done), notDone: new Set(notDone) }));
      isOver = true;
    };
    const settle = (future: F, isFailure: boolean): void => {
      notDone.delete(future);
      done.add(future);
      const isFirst = returnWhen === "FIRST_COMPLETED" || (returnWhen === "FIRST_EXCEPTION" && isFailure);
      if (isFirst || notDone.size === 0) end();
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(end, timeoutMs);
    for (const future of notDone) {
      void future.then(
        () => settle(future, false),
        (error: unknown) => settle(future, !(error instanceof CancelledError)),
      );
    }
    if (notDone.size === 0) end();
  });
}
