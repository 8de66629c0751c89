import { CancelledError } from "../errors.js";
import type { ProcessTask } from "../system/process-task.js";

/** What a future needs of the task behind it. */
export interface FutureControl {
  /** Asks the pool to end the task; false when it has ended already. */
  cancel(reason: unknown): boolean;
}

/** The strings by which the executor moves a future. */
export interface FutureHandle<T> {
  readonly future: ProcessFuture<T>;
  start(processTask: ProcessTask): void;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** The two ends of a promise; `Promise.withResolvers` is not in Node 20. */
interface Settlers<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

type State = "pending" | "running" | "done" | "failed" | "cancelled";

/**
 * The outcome of a task: a promise that can also be cancelled and asked.
 *
 * It settles when the task has really ended. Cancelled, it rejects with a `CancelledError`, which never counts as an unhandled
 * rejection; a failure that nobody handles does, as with any promise.
 */
export class ProcessFuture<T> extends Promise<T> {
  #state: State = "pending";
  #control: FutureControl | undefined;
  #processTask: ProcessTask | undefined;
  #started: Promise<ProcessTask> | undefined;
  #settleStarted: Settlers<ProcessTask> | undefined;
  #error: unknown;

  /** `then`, `catch` and `finally` give plain promises: what they return is not the task. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  override get [Symbol.toStringTag](): string {
    return "ProcessFuture";
  }

  /** Whether the task runs now. */
  get running(): boolean {
    return this.#state === "running";
  }

  /** Whether the outcome is known: a result, an error, or a cancellation that is complete. */
  get done(): boolean {
    return this.#state === "done" || this.#state === "failed" || this.#state === "cancelled";
  }

  /** Whether the task was cancelled, and is gone. */
  get cancelled(): boolean {
    return this.#state === "cancelled";
  }

  /**
   * Resolves with the process when the task begins to run in it. Rejects when the task ends without having begun; that
   * never counts as an unhandled rejection.
   */
  get started(): Promise<ProcessTask> {
    if (this.#started !== undefined) return this.#started;
    if (this.#processTask !== undefined) {
      this.#started = Promise.resolve(this.#processTask);
    } else {
      this.#started = new Promise<ProcessTask>((resolve, reject) => {
        if (this.done) reject(this.#error);
        else this.#settleStarted = { resolve, reject };
      });
      this.#started.catch(() => {});
    }
    return this.#started;
  }

  /**
   * Cancels the task: a waiting one never starts; a running one sees its abort signal and, when the grace period has passed,
   * is killed with all its descendants. The future rejects when that is done.
   *
   * @param reason - Becomes the `cause` of the `CancelledError`; copied to the worker.
   * @returns Whether the task is, or is about to be, cancelled; false when its outcome is known already.
   */
  cancel(reason?: unknown): boolean {
    if (this.done) return this.cancelled;
    return this.#control?.cancel(reason) ?? false;
  }

  /** Resolves with the error that the task failed with (a `CancelledError` included), or `undefined` for a result. */
  async exception(): Promise<unknown> {
    try {
      await this;
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /**
   * Calls a function in this process when the outcome is known, at once in the next turn when it is already. What the
   * function throws becomes a process warning.
   */
  addDoneCallback(callback: (future: this) => void): void {
    const call = (): void => {
      try {
        callback(this);
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error), "AsyncCpuCallbackWarning");
      }
    };
    this.then(call, call);
  }

  /** Makes a future with the strings that move it. */
  static create<T>(control: FutureControl): FutureHandle<T> {
    let settlers: Settlers<T> | undefined;
    const future = new ProcessFuture<T>((resolve, reject) => {
      settlers = { resolve, reject };
    });
    future.#control = control;
    return {
      future,
      start: (processTask) => future.#start(processTask),
      resolve: (value) => {
        future.#end("done", undefined);
        settlers?.resolve(value);
      },
      reject: (error) => {
        const isCancelled = error instanceof CancelledError;
        // Handled beforehand: nobody has to await what he has cancelled.
        if (isCancelled) future.catch(() => {});
        future.#end(isCancelled ? "cancelled" : "failed", error);
        settlers?.reject(error);
      },
    };
  }

  #start(processTask: ProcessTask): void {
    this.#state = "running";
    this.#processTask = processTask;
    this.#settleStarted?.resolve(processTask);
    this.#settleStarted = undefined;
  }

  #end(state: State, error: unknown): void {
    this.#state = state;
    this.#control = undefined;
    this.#error = error;
    this.#settleStarted?.reject(error ?? new CancelledError("The task ended before it began."));
    this.#settleStarted = undefined;
  }
}
