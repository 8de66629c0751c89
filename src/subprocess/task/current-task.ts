/**
 * What a task can know of itself while it runs.
 *
 * The store hangs on `globalThis` under a registered symbol, so that a second copy of the package in the same worker
 * (the task's own dependency, say) sees the same task. It follows the asynchronous context rather than "the task that
 * runs now": a timer that an ended task left behind must not see, or be blamed on, the next task.
 */

import { AsyncLocalStorage } from "node:async_hooks";

import { AsyncCpuError } from "../../errors.js";

/** The running task, seen from inside. */
export interface CurrentTask {
  /** The name from `with({ name })`, else the function's name. Empty outside a task. */
  readonly name: string;
  /**
   * Is aborted when the task is cancelled or times out. `signal.reason` is the `CancelledError` or `TaskTimeoutError`.
   * It changes when the task's event loop runs; a synchronous loop asks `aborted` instead.
   */
  readonly signal: AbortSignal;
  /** Whether the task is to end. It changes even while the task sits in a synchronous loop. */
  readonly aborted: boolean;
  /**
   * Throws the reason when the task is to end, else does nothing.
   *
   * @throws CancelledError or TaskTimeoutError, whichever ends the task.
   */
  throwIfAborted(): void;
  /**
   * Tells the program how far the task is: the value, copied now, reaches `with({ onProgress })` and
   * `future.progress` there, in order and before the result. It never waits: of what is reported faster than the
   * program takes it, the newest 100 values win. What a task has left behind reports to nobody.
   *
   * @throws NotSerializableError when the value can't be sent, also when nobody listens.
   * @throws AsyncCpuError with code `ASYNCCPU_NOT_IN_TASK` outside a task.
   */
  report(value: unknown): void;
}

const STORE_KEY = Symbol.for("asynccpu.currentTask");

type Store = AsyncLocalStorage<CurrentTask>;

const shared = globalThis as typeof globalThis & { [STORE_KEY]?: Store };

const outsideOfTasks: CurrentTask = {
  name: "",
  signal: new AbortController().signal,
  aborted: false,
  throwIfAborted: () => {},
  report: () => {
    throw new AsyncCpuError(
      "ASYNCCPU_NOT_IN_TASK",
      "report() was called outside a task, where nobody listens. Call it in the function of a task, or in what that " +
        "calls; in a unit test, run the function with the InlineTaskExecutor of asynccpu/testing.",
    );
  },
};

function store(): Store {
  return (shared[STORE_KEY] ??= new AsyncLocalStorage<CurrentTask>());
}

/** Runs a function, and everything that it starts, as the given task. */
export function runAsTask<A extends unknown[], T>(task: CurrentTask, body: (...args: A) => T, ...args: A): T {
  return store().run(task, body, ...args);
}

/** The task that the caller belongs to, or `undefined` outside a task. */
export function findCurrentTask(): CurrentTask | undefined {
  return shared[STORE_KEY]?.getStore();
}

/**
 * Gives the task that the caller belongs to.
 *
 * Outside a task (a function that is called directly, in the parent or in a test) it gives a task that is never
 * aborted. So the same function works in both places.
 */
export function currentTask(): CurrentTask {
  return findCurrentTask() ?? outsideOfTasks;
}
