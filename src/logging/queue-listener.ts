/** Hands the records of a queue to handlers, in the parent. */

import { HandlerFeed } from "./handler-feed.js";
import { captureContext } from "../system/async-context.js";
import type { InContext } from "../system/async-context.js";
import type { LogHandler } from "./log-handler.js";
import type { LogQueue } from "./log-queue.js";

/**
 * Takes records from a queue and hands each to all handlers, in order.
 *
 * A handler that throws or rejects stops neither the other handlers nor the listener: the first failure of each
 * handler is reported with `process.emitWarning`.
 */
export class QueueListener {
  readonly #queue: LogQueue;
  readonly #feeds: readonly HandlerFeed[];
  /** The asynchronous context of `start()`, in which handlers are called, until it has stopped. */
  #inContext: InContext | undefined;
  /** Calls off the wait for the next record; set while the listener runs. */
  #callOff: (() => void) | undefined;
  #isHandingOver = false;

  constructor(queue: LogQueue, ...handlers: readonly LogHandler[]) {
    this.#queue = queue;
    this.#feeds = handlers.map((handler) => new HandlerFeed(handler));
  }

  /** Begins, or begins anew after `stop`. Does nothing while it runs. */
  start(): void {
    if (this.#callOff !== undefined) return;
    this.#inContext = captureContext();
    this.#listen();
  }

  /**
   * Hands over what the queue holds, waits for handlers that return promises, and flushes them. Never rejects.
   *
   * Shut the executor down before: records that arrive later stay in the queue.
   */
  async stop(): Promise<void> {
    this.#callOff?.();
    this.#callOff = undefined;
    this.#handOver();
    const inContext = this.#inContext;
    const drain = (): Promise<unknown> => Promise.all(this.#feeds.map((feed) => feed.drain()));
    await (inContext === undefined ? drain() : inContext(drain));
    // It may have been started anew meanwhile.
    if (this.#inContext === inContext) this.#inContext = undefined;
  }

  /** Does what `stop` does, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #listen(): void {
    this.#callOff = this.#queue.onceReadable(() => {
      // Renewed first: a handler may put records itself, or stop the listener.
      this.#listen();
      this.#handOver();
    });
    this.#handOver();
  }

  #handOver(): void {
    if (this.#inContext === undefined) this.#handOverHere();
    else this.#inContext(() => this.#handOverHere());
  }

  #handOverHere(): void {
    // Once: a record that a handler puts must not overtake the one that is being handed over.
    if (this.#isHandingOver) return;
    this.#isHandingOver = true;
    try {
      for (let record = this.#queue.tryGet(); record !== undefined; record = this.#queue.tryGet()) {
        for (const feed of this.#feeds) feed.feed(record);
      }
    } finally {
      this.#isHandingOver = false;
    }
  }
}
