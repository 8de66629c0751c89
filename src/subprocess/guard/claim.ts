/** The words of memory that a worker's main thread and its watchdog thread share. */

/**
 * The word of memory that decides whether a task begins here or goes back to the parent.
 *
 * Tasks have numbers, in the order in which this worker was given them. The word holds
 *
 *     n, positive    the next task to begin; all before it have begun
 *     -f, negative   the parent has taken back all that had not begun, and those from f on are new
 *
 * The main thread begins tasks, the watchdog thread takes them back while the main thread may be busy; each by one
 * compare-and-exchange, so that every task goes one way and never both.
 */
export class Claim {
  readonly #word: Int32Array;

  constructor(buffer?: SharedArrayBuffer) {
    this.#word = new Int32Array(buffer ?? new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    if (buffer === undefined) this.#word[0] = 1;
  }

  /** The memory, to be handed to the other thread. */
  get buffer(): SharedArrayBuffer {
    return this.#word.buffer as SharedArrayBuffer;
  }

  /** Begins a task; false when it was taken back. */
  begin(task: number): boolean {
    for (;;) {
      const word = Atomics.load(this.#word, 0);
      if (task < Math.abs(word)) return false;
      if (Atomics.compareExchange(this.#word, 0, word, task + 1) === word) return true;
    }
  }

  /**
   * Takes back all tasks that have not begun.
   *
   * @param firstNew - The number of the next task that the parent will send.
   * @returns The number of the first task that was taken back; `firstNew` when there was none.
   */
  takeBack(firstNew: number): number {
    for (;;) {
      const word = Atomics.load(this.#word, 0);
      const first = Math.abs(word);
      if (first > firstNew) return firstNew;
      if (Atomics.compareExchange(this.#word, 0, word, -firstNew) === word) return first;
    }
  }
}

/**
 * A word of memory that main thread and watchdog thread share: the id of the task that is to be aborted, or that may
 * report more.
 *
 * An id rather than a bit: a notice that comes late, when the next task already runs, then means nothing.
 */
export class TaskFlag {
  readonly #word: Int32Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.#word = new Int32Array(buffer);
  }

  /** The memory, to be handed to the other thread. */
  get buffer(): SharedArrayBuffer {
    return this.#word.buffer as SharedArrayBuffer;
  }

  raise(taskId: number): void {
    Atomics.store(this.#word, 0, taskId | 0);
  }

  lower(): void {
    Atomics.store(this.#word, 0, 0);
  }

  isRaisedFor(taskId: number): boolean {
    return Atomics.load(this.#word, 0) === (taskId | 0);
  }
}

/** All words that a worker's two threads share. */
export class GuardWords {
  /** The task that is to be aborted. */
  readonly abortFlag: TaskFlag = new TaskFlag();
  /** The task whose last reports were taken: it may send more. */
  readonly hearFlag: TaskFlag = new TaskFlag();
  readonly claim: Claim = new Claim();
}
