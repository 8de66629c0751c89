import { CancelledError } from "../errors.js";
import type { ProcessTask } from "../system/process-task.js";

/** What a future needs of the task behind it. */
export interface FutureControl {
  /** Asks the pool to end the task; false when it has ended already. */
  cancel(reason: unknown): boolean;
}

/** The strings by which the executor moves futures. */
interface FutureMover {
  create<T>(control: FutureControl): ProcessFuture<T>;
  start(future: ProcessFuture<unknown>, processTask: ProcessTask): void;
  resolve<T>(future: ProcessFuture<T>, value: T): void;
  reject(future: ProcessFuture<unknown>, error: unknown): void;
}

/** The two ends of a promise; `Promise.withResolvers` is not in Node 20. */
interface Settlers<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

type State = "pending" | "running" | "done" | "failed" | "cancelled";

/** Makes and moves futures; the class below fills it in. */
// Reason: a `const` would have to be filled here, where the class is not known.
// oxlint-disable-next-line import/no-mutable-exports
export let futures: FutureMover;

/**
 * The outcome of a task: a promise that can also be cancelled and asked.
 *
 * It settles when the task has really ended. Cancelled, it rejects with a `CancelledError`, which never counts as an unhandled
 * rejection; a failure that nobody handles does, as with any promise.
 */
export class ProcessFuture<T> extends Promise<T> {
  #state: State = "pending";
  // Of unknown, so that a future of a narrow type is one of a wider type, too, as any promise is.
  #resolve: ((value: unknown) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
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
   * Resolves with the process when the task begins to run in it; for a task that is expected to be over in less than 0.2 ms,
   * maybe with its outcome only. Rejects when the task ends without having begun; that never counts as an unhandled rejection.
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

  #start(processTask: ProcessTask): void {
    this.#state = "running";
    this.#processTask = processTask;
    this.#settleStarted?.resolve(processTask);
    this.#settleStarted = undefined;
  }

  #end(state: State, error: unknown): void {
    this.#state = state;
    this.#control = undefined;
    this.#resolve = undefined;
    this.#reject = undefined;
    this.#error = error;
    this.#settleStarted?.reject(error ?? new CancelledError("The task ended before it began."));
    this.#settleStarted = undefined;
  }

  // Functions rather than methods: what moves a future is no business of those who hold it. And they are no closures,
  // of which each of a hundred thousand waiting futures would need some of its own.
  static {
    futures = {
      create: <V>(control: FutureControl) => {
        let resolve: ((value: V) => void) | undefined;
        let reject: ((error: unknown) => void) | undefined;
        const future = new ProcessFuture<V>((onResolve, onReject) => {
          resolve = onResolve;
          reject = onReject;
        });
        future.#resolve = resolve as (value: unknown) => void;
        future.#reject = reject;
        future.#control = control;
        return future;
      },
      start: (future, processTask) => future.#start(processTask),
      resolve: (future, value) => {
        const resolve = future.#resolve;
        future.#end("done", undefined);
        resolve?.(value);
      },
      reject: (future, error) => {
        const reject = future.#reject;
        const isCancelled = error instanceof CancelledError;
        // Handled beforehand: nobody has to await what he has cancelled.
        if (isCancelled) future.catch(() => {});
        future.#end(isCancelled ? "cancelled" : "failed", error);
        reject?.(error);
      },
    };
  }
}
