/** How long a worker may take at least, in milliseconds, to say which of its tasks have begun, when a task's end waits for it. */
const LIMIT_MS = 1000;

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

  constructor(host: TakeBackHost) {
    this.#host = host;
  }

  /** Whether an answer is due. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Asks, whatever was asked before. @returns The number of the question. */
  ask(): number {
    this.#isOpen = true;
    this.#question += 1;
    this.#host.ask(this.#question);
    return this.#question;
  }

  /** From now on the answer must come within a limit. */
  limit(): void {
    const limitMs = Math.max(LIMIT_MS, this.#host.graceMs);
    this.#timer ??= setTimeout(() => setImmediate(() => this.#isOpen && this.#host.onNoAnswer()), limitMs).unref();
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
  }
}
