/** The queue in which the records of all workers arrive, in the parent. */

import { namesOf } from "../option-names.js";
import { readOptions } from "../option-names.js";
import { Fifo } from "../fifo.js";
import { AsyncCpuError } from "../errors.js";
import { InvalidOptionError } from "../errors.js";
import { isObject } from "./log-record.js";
import type { LogRecord } from "./log-record.js";
import type { OptionList } from "../option-names.js";
import { staysInProcess } from "../values/classes/process-bound.js";

/** Options of a `LogQueue`. */
export interface LogQueueOptions {
  /**
   * How many records may wait, at least 1. When one more arrives, the oldest is dropped and counted in `droppedCount`.
   * Default: no limit, so that nothing is lost, at the price of memory when nobody takes records out.
   */
  readonly maxSize?: number | undefined;
}

const OPTIONS: OptionList = {
  call: "new LogQueue()",
  names: namesOf<LogQueueOptions>({ maxSize: true }),
  example: "{ maxSize: 10_000 }",
};

/**
 * A queue of log records in the parent. Every record goes to one taker. It does not keep the program alive.
 */
export class LogQueue implements AsyncIterable<LogRecord> {
  readonly #maxSize: number;
  readonly #records = new Fifo<LogRecord>();
  #waiters = new Set<() => void>();
  #isClosed = false;
  #droppedCount = 0;

  /** @throws InvalidOptionError for an unknown option, and when `maxSize` is not a positive integer. */
  constructor(options: LogQueueOptions = {}) {
    const { maxSize = Number.POSITIVE_INFINITY } = readOptions(options, OPTIONS);
    if (maxSize !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(maxSize) && maxSize > 0)) {
      throw new InvalidOptionError("maxSize", "a positive integer", maxSize);
    }
    this.#maxSize = maxSize;
  }

  /** How many records wait. */
  get size(): number {
    return this.#records.size;
  }

  /** How many records were thrown away: the oldest ones of a full queue, and those that came after `close`. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Adds a record. After `close` it is dropped and counted.
   *
   * @throws TypeError for what is no object: `undefined` would pass for the end of the queue.
   */
  put(record: LogRecord): void {
    if (!isObject(record)) {
      throw new TypeError(`put() takes a log record, which is an object, but was given ${String(record)}.`);
    }
    if (this.#isClosed) {
      this.#droppedCount++;
      return;
    }
    if (this.size >= this.#maxSize) {
      this.tryGet();
      this.#droppedCount++;
    }
    this.#records.push(record);
    this.#wake();
  }

  /** Takes the oldest record; `undefined` when none waits. */
  tryGet(): LogRecord | undefined {
    return this.#records.shift();
  }

  /**
   * Takes the oldest record, as soon as there is one.
   *
   * @throws AsyncCpuError with code `ASYNCCPU_LOG_QUEUE_CLOSED` when the queue is closed and empty.
   */
  async get(): Promise<LogRecord> {
    const record = await this.#next();
    if (record !== undefined) return record;
    throw new AsyncCpuError(
      "ASYNCCPU_LOG_QUEUE_CLOSED",
      "The log queue is closed and empty. Use `for await` to take records until it is closed.",
    );
  }

  /** Ends the queue: what waits can still be taken, then iteration ends. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  /** Calls back once, at the next record or at `close`; the function returned calls it off. @internal */
  onceReadable(callback: () => void): () => void {
    this.#waiters.add(callback);
    return () => {
      this.#waiters.delete(callback);
    };
  }

  /** Takes records as they come, until the queue is closed and empty. */
  async *[Symbol.asyncIterator](): AsyncGenerator<LogRecord, void, void> {
    for (;;) {
      const record = await this.#next();
      if (record === undefined) return;
      yield record;
    }
  }

  async #next(): Promise<LogRecord | undefined> {
    for (;;) {
      const record = this.tryGet();
      if (record !== undefined || this.#isClosed) return record;
      await new Promise<void>((resolve) => {
        this.onceReadable(resolve);
      });
    }
  }

  #wake(): void {
    if (this.#waiters.size === 0) return;
    const waiters = this.#waiters;
    this.#waiters = new Set();
    for (const waiter of waiters) waiter();
  }
}

staysInProcess(LogQueue, "What a task logs by console or getLogger() arrives in the queue of its executor.");
