import { AsyncCpuError } from "../../errors.js";
import { CancelledError } from "../../errors.js";
import { ImportTimeUseError } from "../../errors.js";
import { callUser } from "./call-user.js";
import { TaskProgress } from "./task-progress.js";
import type { ProcessTask } from "../../system/process/process-task.js";
import type { ReportListener } from "./task-progress.js";

/** Lets a future ask and cancel the task behind it. */
export interface FutureControl {
  /** Asks the pool to end the task; false when it has ended already. */
  cancel(reason: unknown): boolean;
  /** Starts the future, if the task has begun by now. Gives whether it has. */
  lookForStart(): boolean;
  /** Says that somebody waits for the start of the task. */
  wantStart(): void;
  /** Has what the task reports from now on go to the listener, too. */
  hear(listener: ReportListener): void;
}

/** Lets the executor start and settle futures without public methods. */
interface FutureMover {
  create<T>(control: FutureControl): ProcessFuture<T>;
  start(future: ProcessFuture<unknown>, processTask: ProcessTask): void;
  /** It is to begin once more. */
  unstart(future: ProcessFuture<unknown>): void;
  resolve<T>(future: ProcessFuture<T>, value: T): void;
  reject(future: ProcessFuture<unknown>, error: unknown): void;
}

/** The parts that only some futures need. */
interface Details {
  /** What the task failed with. */
  error?: unknown;
  started?: Promise<ProcessTask>;
  resolveStarted?: (processTask: ProcessTask) => void;
  rejectStarted?: (error: unknown) => void;
  progress?: TaskProgress;
}

function resolveNothing(): void {}

/** Where the promise that is being made leaves its end: one function for all futures, and not one for each. */
let newResolve: (value: unknown) => void = resolveNothing;

function keepResolve(resolve: (value: never) => void): void {
  newResolve = resolve as (value: unknown) => void;
}

type State = "pending" | "running" | "done" | "failed" | "cancelled";

/** Filled in by the class below, in whose body alone the private parts of futures can be named. */
let mover: FutureMover;

/**
 * The promise of a task's outcome, which can also be cancelled and asked.
 *
 * It settles when the task has really ended. A cancelled future rejects with a `CancelledError`, which never counts as
 * an unhandled rejection. Any other failure that nobody handles does, as with any promise.
 */
export class ProcessFuture<T> extends Promise<T> {
  // A hundred thousand of them may wait at a time: few fields, no closure of its own, and no function to reject it. It
  // is resolved with a rejected promise instead.
  #state: State = "pending";
  #resolve: ((value: unknown) => void) | undefined;
  #control: FutureControl | undefined;
  #processTask: ProcessTask | undefined;
  #details: Details | undefined;

  override get [Symbol.toStringTag](): string {
    return "ProcessFuture";
  }

  /** Whether the task runs now. */
  get running(): boolean {
    const hasBegun = this.#state === "pending" && this.#control?.lookForStart() === true;
    return hasBegun || this.#state === "running";
  }

  /** Whether the outcome is known: a result, an error, or a cancellation that is complete. */
  get done(): boolean {
    return this.#state === "done" || this.#state === "failed" || this.#state === "cancelled";
  }

  /** Whether the task was cancelled, and has ended. */
  get cancelled(): boolean {
    return this.#state === "cancelled";
  }

  /**
   * Resolves with the process of the task when the task begins. Ask early: when the task is with a worker already, the
   * answer may come some milliseconds later, or with the outcome.
   *
   * Rejects when the task ends without having begun, which never counts as an unhandled rejection.
   */
  get started(): Promise<ProcessTask> {
    const details = (this.#details ??= {});
    details.started ??= this.#makeStarted(details);
    return details.started;
  }

  #makeStarted(details: Details): Promise<ProcessTask> {
    this.#control?.lookForStart();
    if (this.#processTask !== undefined) return Promise.resolve(this.#processTask);
    const started = new Promise<ProcessTask>((resolve, reject) => {
      if (this.done) {
        reject(details.error ?? unknownStart());
        return;
      }
      details.resolveStarted = resolve;
      details.rejectStarted = reject;
    });
    this.#control?.wantStart();
    started.catch(() => {});
    return started;
  }

  /**
   * What the task reports by `currentTask().report(value)`, for `for await`: in order, to its end. Ask for it right
   * after you have submitted the task: a task that nobody listens to keeps its newest 100 values only, until its end.
   */
  get progress(): TaskProgress {
    const details = (this.#details ??= {});
    details.progress ??= this.#makeProgress();
    return details.progress;
  }

  #makeProgress(): TaskProgress {
    const progress = new TaskProgress();
    if (this.#control === undefined) progress.end();
    else this.#control.hear(progress);
    return progress;
  }

  /**
   * Cancels the task. A task that waits never starts. A task that runs sees its abort signal, and is killed with all
   * its descendants when the grace period is over. The future rejects when that is done.
   *
   * @param reason - Becomes the `cause` of the `CancelledError`. It is copied to the worker.
   * @returns Whether the task is cancelled, or about to be. False when its outcome is known already.
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
   * Calls a function in this process when the outcome is known, and in the next turn when it is known already. What
   * the function throws becomes a process warning.
   */
  addDoneCallback(callback: (future: this) => void): void {
    const call = (): void => callUser(() => callback(this));
    this.then(call, call);
  }

  #start(processTask: ProcessTask): void {
    this.#state = "running";
    this.#processTask = processTask;
    this.#details?.resolveStarted?.(processTask);
  }

  #end(state: State, error: unknown): void {
    this.#state = state;
    this.#control = undefined;
    this.#resolve = undefined;
    if (error !== undefined) (this.#details ??= {}).error = error;
    // Without an effect when it has begun.
    this.#details?.progress?.end();
    this.#details?.rejectStarted?.(error ?? unknownStart());
  }

  // Functions rather than methods: what moves a future is no business of those who hold it.
  static {
    mover = {
      create: <V>(control: FutureControl) => {
        const future = new ProcessFuture<V>(keepResolve);
        future.#resolve = newResolve;
        // It holds the future, with its result and the context in which it was made.
        newResolve = resolveNothing;
        future.#control = control;
        return future;
      },
      start: (future, processTask) => future.#start(processTask),
      unstart: (future) => {
        future.#state = "pending";
        // Whoever waits for the start of an attempt that never began waits for that of the next one.
        if (future.#processTask !== undefined) delete future.#details?.started;
        future.#processTask = undefined;
      },
      resolve: (future, value) => {
        const resolve = future.#resolve;
        future.#end("done", undefined);
        resolve?.(value);
      },
      reject: (future, error) => {
        const resolve = future.#resolve;
        const isCancelled = error instanceof CancelledError;
        // Handled beforehand: nobody has to await what he has cancelled.
        if (isCancelled) future.catch(() => {});
        future.#end(isCancelled ? "cancelled" : "failed", error);
        resolve?.(Promise.reject(error));
      },
    };
    // `await` and `Promise.all` take a promise as it is, if this says `Promise`; else each makes another one around
    // it, which costs as much as all else of a small task. `instanceof` goes by the prototype and is not affected.
    void Object.defineProperty(this.prototype, "constructor", { value: Promise, writable: true, configurable: true });
  }
}

/** Makes and moves futures. */
export const futures: FutureMover = mover;

/** On another machine it may begin without this program hearing of it. */
function unknownStart(): AsyncCpuError {
  return new AsyncCpuError(
    "ASYNCCPU_UNKNOWN_START",
    "The task has ended, and this program was not told where it ran.",
  );
}

const nothingToCancel: FutureControl = {
  cancel: () => false,
  lookForStart: () => false,
  wantStart: () => {},
  hear: () => {},
};

/** The future of a task that could not be made. */
export function rejectedFuture<T>(error: unknown): ProcessFuture<T> {
  const future = futures.create<T>(nothingToCancel);
  // A module that is imported by a worker may submit what nobody awaits there.
  if (error instanceof ImportTimeUseError) future.catch(() => {});
  futures.reject(future, error);
  return future;
}
