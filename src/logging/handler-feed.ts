/** Feeds one handler: its records in order, one at a time, and none of its failures to anybody else. */

import process from "node:process";

import { isAtLeast } from "./log-handler.js";
import { stackOf } from "../values/errors/stacks.js";
import type { LogHandler } from "./log-handler.js";
import type { LogHandlerObject } from "./log-handler.js";
import type { LogRecord } from "./log-record.js";

function toObject(handler: LogHandler): LogHandlerObject {
  return typeof handler === "function" ? { handle: handler } : handler;
}

/** One handler and the records that wait for it. */
export class HandlerFeed {
  readonly #handler: LogHandlerObject;
  #waiting: LogRecord[] = [];
  /** Set while the handler is at work asynchronously; resolves when it has caught up. */
  #work: Promise<void> | undefined;
  #hasReported = false;

  constructor(handler: LogHandler) {
    this.#handler = toObject(handler);
  }

  /** Hands a record over, now or when the handler is done with those before it. */
  feed(record: LogRecord): void {
    if (!isAtLeast(record, this.#handler.level)) return;
    if (this.#work !== undefined) {
      this.#waiting.push(record);
      return;
    }
    const result = this.#handle(record);
    if (result !== undefined) this.#work = this.#catchUp(result);
  }

  /** Waits for the handler to catch up, then flushes it. Never rejects. */
  async drain(): Promise<void> {
    await this.#work;
    try {
      await this.#handler.flush?.();
    } catch (error) {
      this.#report(error);
    }
  }

  #handle(record: LogRecord): Promise<void> | undefined {
    try {
      return this.#handler.handle(record) ?? undefined;
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  async #catchUp(first: Promise<void>): Promise<void> {
    await this.#settle(first);
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      for (const record of batch) await this.#settle(this.#handle(record));
    }
    this.#work = undefined;
  }

  async #settle(result: Promise<void> | undefined): Promise<void> {
    try {
      await result;
    } catch (error) {
      this.#report(error);
    }
  }

  /** Once for each handler: one that fails for every record would drown everything else. */
  #report(error: unknown): void {
    if (this.#hasReported) return;
    this.#hasReported = true;
    const detail = error instanceof Error ? (stackOf(error) ?? error.message) : String(error);
    process.emitWarning("A log handler failed; further failures of this handler are not reported.", {
      type: "AsyncCpuWarning",
      code: "ASYNCCPU_LOG_HANDLER_FAILED",
      detail,
    });
  }
}
