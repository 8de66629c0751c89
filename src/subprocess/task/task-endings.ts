/** How the running task is asked to end: by the parent's message, by SIGTERM, or by both. */

import process from "node:process";

import { CancelledError } from "../../errors.js";
import { clearTimeout } from "../../system/timers.js";
import { nextTick } from "../../system/timers.js";
import { setImmediate } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";
import type { RunningTask } from "./running-task.js";

/** How long a task may go on after SIGTERM before the worker ends all the same, in milliseconds. */
const SIGTERM_GRACE_MS = 1000;

/** What is needed of the worker. */
export interface EndingHost {
  findRunning(): RunningTask | undefined;
  /** The worker is to end with its task. */
  retire(): void;
}

/**
 * Calls back when the SIGTERM listeners of the task have been called, for a signal that was sent before the message
 * that is being received. libuv reads pipes before signals, so the signal's turn is this one of the event loop, or the
 * next one.
 */
function afterSigtermListeners(callback: () => void): void {
  if (process.listenerCount("SIGTERM") > 1) setImmediate(() => setImmediate(callback));
  else callback();
}

/** Listens to SIGTERM, and aborts the running task: after listeners of its own, which are asked first. */
export class TaskEndings {
  readonly #host: EndingHost;
  /** Set after SIGTERM, while the running task may still end by itself. */
  #sigtermTimer: NodeJS.Timeout | undefined;

  constructor(host: EndingHost) {
    this.#host = host;
    process.on("SIGTERM", () => this.#onSigterm());
  }

  /**
   * The parent asks the task to end. From here on it decides how long that may take, also if a SIGTERM came or comes:
   * a shutdown sends both.
   */
  cancel(task: RunningTask, reason: unknown): void {
    clearTimeout(this.#sigtermTimer);
    task.isCancelledByParent = true;
    afterSigtermListeners(() => this.#abort(task, reason));
  }

  #abort(task: RunningTask, reason: unknown): void {
    // It may have ended meanwhile, and its flag be that of the next one.
    if (this.#host.findRunning() === task) task.abort(reason);
  }

  #onSigterm(): void {
    const task = this.#host.findRunning();
    if (task === undefined) {
      this.#dieBySigterm();
      return;
    }
    this.#host.retire();
    if (task.isCancelledByParent) return;
    const reason = new CancelledError("The worker process received SIGTERM.", { cause: "SIGTERM" });
    // This listener is the first one.
    nextTick(() => this.#abort(task, reason));
    clearTimeout(this.#sigtermTimer);
    this.#sigtermTimer = setTimeout(() => this.#dieBySigterm(), SIGTERM_GRACE_MS).unref();
  }

  /** Ends as a process without a handler would, so that the status says what happened. */
  #dieBySigterm(): void {
    process.removeAllListeners("SIGTERM");
    process.kill(process.pid, "SIGTERM");
  }
}
