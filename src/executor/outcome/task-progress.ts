import { Fifo } from "../../fifo.js";
import { callUser } from "./call-user.js";
import { captureContext } from "../../system/async-context.js";
import { decodeValue } from "../../values/codec.js";
import { warnOf } from "./call-user.js";
import type { InContext } from "../../system/async-context.js";
import type { ProgressHandler } from "../options/options.js";
import type { ReportMessage } from "../../wire/messages/protocol.js";

/** So many values may wait for whoever iterates. */
const MOST_WAITING = 100;

/** Takes what a task reports. */
export interface ReportListener {
  /** @param skippedCount - How many reports before this one were left out. */
  take(value: unknown, skippedCount: number): void;
}

/**
 * What a task reports, as it comes. Each value goes to one taker. The iteration ends with the task, whatever its
 * outcome.
 */
export class TaskProgress implements AsyncIterable<unknown> {
  readonly #values = new Fifo<unknown>();
  #skipped = 0;
  #hasEnded = false;
  #wake: (() => void) | undefined;
  #change: Promise<void> | undefined;

  /** How many values were left out so far, since they came faster than they were taken. */
  get skipped(): number {
    return this.#skipped;
  }

  /** @internal */
  take(value: unknown, skippedCount: number): void {
    this.#skipped += skippedCount;
    this.#values.push(value);
    if (this.#values.size > MOST_WAITING) {
      this.#values.shift();
      this.#skipped += 1;
    }
    this.#notify();
  }

  /** @internal */
  end(): void {
    this.#hasEnded = true;
    this.#notify();
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
    this.#change = undefined;
  }

  /** Takes the values as they come, until the task has ended. */
  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, void> {
    for (;;) {
      while (this.#values.size > 0) yield this.#values.shift();
      if (this.#hasEnded) return;
      this.#change ??= new Promise((resolve) => {
        this.#wake = resolve;
      });
      await this.#change;
    }
  }
}

/** Gives a report to all that listen. Never throws: a value that can't be read here harms nobody else. */
export function handOver({ skippedCount, value }: ReportMessage, listeners: readonly ReportListener[]): void {
  try {
    const decoded = decodeValue(value, undefined, "value");
    for (const listener of listeners) listener.take(decoded, skippedCount);
  } catch (error) {
    warnOf(error);
  }
}

/** Calls the `onProgress` of a submission, in the asynchronous context of that. */
export class ProgressCaller implements ReportListener {
  readonly #handler: ProgressHandler<never>;
  readonly #inContext: InContext = captureContext();
  #hasWarned = false;

  constructor(handler: ProgressHandler<never>) {
    this.#handler = handler;
  }

  take(value: unknown, skippedCount: number): void {
    callUser(
      () => this.#inContext(this.#handler, value as never, { skipped: skippedCount }),
      (error) => this.#warn(error),
    );
  }

  /** Once: one that fails for each value would drown everything else. */
  #warn(error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    warnOf(error);
  }
}
