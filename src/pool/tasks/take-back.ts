import { clearTimeout } from "../../system/timers.js";
import { setImmediate } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";

/**
 * How long a worker may take at least, in milliseconds, to say which of its tasks have begun, when the end of its
 * first one waits for it.
 */
const LIMIT_MS = 1000;

/**
 * The same when the end of a task behind it does: where the answer takes long for want of CPU time, the first one must
 * not suffer.
 */
const LIMIT_BEHIND_MS = 10_000;

/** What is needed of the worker that is asked. */
export interface TakeBackHost {
  /** How long it has at least, in milliseconds, when that is more. */
  readonly graceMs: number;
  /** Asks the watchdog. */
  ask(question: number): void;
  /** No answer came: the process is stopped, say. */
  onNoAnswer(): void;
}

/** The question which of its tasks a worker has not begun; they come back with the answer. */
export class TakeBack {
  readonly #host: TakeBackHost;
  #question = 0;
  #isOpen = false;
  #timer: NodeJS.Timeout | undefined;
  #limitMs = Infinity;

  constructor(host: TakeBackHost) {
    this.#host = host;
  }

  /** Whether an answer is due. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Asks, unless an answer is due and it is not to be anew. @returns The number of the question. */
  ask(isAnew: boolean): number {
    if (this.#isOpen && !isAnew) return this.#question;
    this.#isOpen = true;
    this.#question += 1;
    this.#host.ask(this.#question);
    return this.#question;
  }

  /** Asks anew, and the answer must come within a limit. @returns The number of the question. */
  demand(): number {
    const question = this.ask(true);
    this.limit();
    return question;
  }

  /**
   * From now on the answer must come within a limit, unless a shorter one is set already.
   *
   * @param isBehind - Whether it is about a task behind the first one.
   */
  limit(isBehind = false): void {
    const limitMs = isBehind ? LIMIT_BEHIND_MS : LIMIT_MS;
    if (limitMs >= this.#limitMs) return;
    this.clear();
    this.#limitMs = limitMs;
    const dueMs = Math.max(limitMs, this.#host.graceMs);
    // What has come meanwhile is to be read first: it may be the answer, and another limit may be set by then.
    const timer = setTimeout(() => setImmediate(() => this.#timer === timer && this.#host.onNoAnswer()), dueMs);
    this.#timer = timer.unref();
  }

  /** An answer has come: nothing is due any more if it is the one to the last question. */
  close(question: number): void {
    if (question !== this.#question) return;
    this.#isOpen = false;
    this.clear();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#limitMs = Infinity;
  }
}
