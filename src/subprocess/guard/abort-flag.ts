/**
 * The word of memory that main thread and watchdog thread share: the id of the task that is to be aborted.
 *
 * An id rather than a bit: a notice that comes late, when the next task already runs, then means nothing.
 */
export class AbortFlag {
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

  isRaisedFor(taskId: number): boolean {
    return Atomics.load(this.#word, 0) === (taskId | 0);
  }
}
