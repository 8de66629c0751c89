import { CancelledError } from "../errors.js";
import { ImportTimeUseError } from "../errors.js";
import { checkMapArguments } from "./options/check-map.js";
import { checkPoolOptions } from "./options/check-options.js";
import { checkShutdownOptions } from "./options/check-options.js";
import { captureStack } from "./outcome/submission-stack.js";
import { checkTaskOptions } from "./options/check-options.js";
import { findCurrentTask } from "../subprocess/task/current-task.js";
import { isImporting } from "../system/worker-state.js";
import { MapProgress } from "./map/map-progress.js";
import { totalOf } from "./map/map-progress.js";
import { mapResults } from "./map/map-results.js";
import { coreForTask } from "./executor-core.js";
import { coreOf } from "./executor-core.js";
import { enterExecutor } from "./executor-core.js";
import type { AnyFunction } from "../values/classes/value-writer.js";
import type { AnyIterable } from "./options/map-types.js";
import type { AnyTaskOptions } from "./options/options.js";
import type { BuiltPool } from "./build-pool.js";
import type { CallableFunction } from "./options/call-types.js";
import type { CheckedTaskPoolOptions } from "./options/check-options.js";
import type { ContinueOptions } from "./options/options.js";
import type { ExecutorCore } from "./executor-core.js";
import type { ExecutorStats } from "../pool/pool-stats.js";
import type { IterablesOf } from "./options/map-types.js";
import type { MapOutcome } from "./options/map-types.js";
import type { MappedItem } from "./options/map-types.js";
import type { OverloadArgs } from "./options/call-types.js";
import type { OverloadResult } from "./options/call-types.js";
import type { ProcessFuture } from "./outcome/process-future.js";
import type { ProcessPoolExecutorOptions } from "./options/options.js";
import type { ShutdownOptions } from "./options/options.js";
import type { TaskOptions } from "./options/options.js";
import { rejectedFuture } from "./outcome/process-future.js";
import { staysInProcess } from "../values/classes/process-bound.js";

/** What `ProcessPoolExecutor.with(options)` gives: the executor's calls, with these options. */
export interface SubmitView {
  /**
   * Does what `ProcessPoolExecutor.submit` does, with the options of this view, for a function with several
   * signatures.
   */
  submit<F extends CallableFunction, A extends OverloadArgs<F>>(
    fn: F,
    ...args: A
  ): ProcessFuture<Awaited<OverloadResult<F, A>>>;
  /** Does what `ProcessPoolExecutor.submit` does, with the options of this view. */
  submit<A extends unknown[], R>(fn: (this: void, ...args: A) => R, ...args: A): ProcessFuture<Awaited<R>>;
  /** Does what `ProcessPoolExecutor.map` does, with the options of this view. */
  map<A extends unknown[], R>(
    fn: (this: void, ...args: A) => R,
    ...iterables: IterablesOf<A>
  ): AsyncGenerator<Awaited<R>, void, undefined>;
  /** Does what `ProcessPoolExecutor.mapUnordered` does, with the options of this view. */
  mapUnordered<A extends unknown[], R>(
    fn: (this: void, ...args: A) => R,
    ...iterables: IterablesOf<A>
  ): AsyncGenerator<Awaited<R>, void, undefined>;
}

/** What `ProcessPoolExecutor.with({ onError: "continue" })` gives: its maps go on after calls that fail. */
export interface ContinueSubmitView extends Pick<SubmitView, "submit"> {
  /** Does what `ProcessPoolExecutor.map` does, and tells of each item what came of it. */
  map<A extends unknown[], R>(
    fn: (this: void, ...args: A) => R,
    ...iterables: IterablesOf<A>
  ): AsyncGenerator<MapOutcome<MappedItem<A>, Awaited<R>>, void, undefined>;
  /** Does what `ProcessPoolExecutor.mapUnordered` does, and tells of each item what came of it. */
  mapUnordered<A extends unknown[], R>(
    fn: (this: void, ...args: A) => R,
    ...iterables: IterablesOf<A>
  ): AsyncGenerator<MapOutcome<MappedItem<A>, Awaited<R>>, void, undefined>;
}

/** What an executor is made of: for the classes of executors alone. @internal */
export class ExecutorPlan {
  readonly #options: CheckedTaskPoolOptions;
  /** The pool, when it is another than of processes. */
  readonly built: BuiltPool | undefined;

  constructor(options: CheckedTaskPoolOptions, built?: BuiltPool) {
    this.#options = options;
    this.built = built;
  }

  get options(): CheckedTaskPoolOptions {
    return this.#options;
  }

  /** Whether it is a plan. Runs no traps of what isn't. */
  static is(given: unknown): given is ExecutorPlan {
    return typeof given === "object" && given !== null && #options in given;
  }
}

/** A plain executor has no log queue, and leaves signals alone. */
function planPlainly(options: ProcessPoolExecutorOptions): ExecutorPlan {
  const checked = checkPoolOptions(options);
  const ofTaskPool = { handleSignals: false, drainMs: 0, cancelTasksWhenShutdown: false, timeoutInEmergencyMs: 0 };
  return new ExecutorPlan({ ...checked, ...ofTaskPool });
}

/**
 * Runs functions in a pool of worker processes.
 *
 * A function travels by reference when it is an export of a module other than the program's main one. Any other
 * function travels by value, with the variables that it captures as they are at the moment of the call. Arguments and
 * results are copied; arrays of `createSharedArray` are shared.
 *
 * Make it with `await using`, or call `shutdown()` at the end. A program that forgets this ends when its tasks are
 * done.
 */
export class ProcessPoolExecutor implements AsyncDisposable {
  /**
   * Makes an executor; no process is started before the first task.
   *
   * @throws InvalidOptionError for an unknown option, or one out of its range.
   * @throws FunctionNotPicklableError when `initializer` can't be sent to a worker.
   * @throws NotSerializableError when one of `initargs` can't.
   */
  constructor(options?: ProcessPoolExecutorOptions);
  /** @internal */
  constructor(plan: ExecutorPlan);
  constructor(given: ProcessPoolExecutorOptions | ExecutorPlan = {}) {
    const { options: checked, built } = ExecutorPlan.is(given) ? given : planPlainly(given);
    enterExecutor(this, checked, new.target as unknown as AnyFunction, built);
  }

  /**
   * Runs `fn(...args)` in a worker process; of a function with several signatures, the first that takes the arguments
   * counts.
   *
   * Returns at once: the function is called when a worker is free.
   *
   * @param fn - A sync or async function. It runs in the worker, without this process's memory.
   * @param args - The arguments, which are copied at the moment of the call.
   * @returns The future of the result. It rejects with what `fn` throws, or with an `AsyncCpuError`: docs/errors.md
   * lists all.
   */
  submit<F extends CallableFunction, A extends OverloadArgs<F>>(
    fn: F,
    ...args: A
  ): ProcessFuture<Awaited<OverloadResult<F, A>>>;
  /**
   * Runs `fn(...args)` in a worker process. Returns at once: the function is called when a worker is free.
   *
   * @param fn - A sync or async function. It runs in the worker, without this process's memory.
   * @param args - The arguments, which are copied at the moment of the call.
   * @returns The future of the result. It rejects with what `fn` throws, or with an `AsyncCpuError`: docs/errors.md
   * lists all.
   */
  submit<A extends unknown[], R>(fn: (this: void, ...args: A) => R, ...args: A): ProcessFuture<Awaited<R>>;
  submit(fn: AnyFunction, ...args: unknown[]): ProcessFuture<never> {
    return submitWith(this, {}, this.submit, fn, args);
  }

  /**
   * Calls `fn` with the items of the iterables, one of each at a time, until the shortest ends.
   *
   * It takes items as results are asked for, with at most `maxInFlight` chunks of `chunkSize` calls under way
   * (`with({ chunkSize, maxInFlight })`). Without `chunkSize`, a chunk is what a worker does in some milliseconds.
   * Leaving the loop early, or `return()` at any time, cancels what is under way.
   *
   * @param iterables - Sync or async.
   * @returns The results, in the order of the items. The first failure ends the iteration. When an iterable fails, the
   * results of the items before it come first.
   * @throws InvalidOptionError at once when `fn` is not a function, or one of `iterables` is not iterable.
   */
  map<A extends unknown[], R>(
    fn: (this: void, ...args: A) => R,
    ...iterables: IterablesOf<A>
  ): AsyncGenerator<Awaited<R>, void, undefined> {
    return mapWith(this, {}, "map", this.map, fn, iterables);
  }

  /**
   * Does what `map` does, but gives the results as they are there: a slow call holds up no others.
   *
   * @param iterables - Sync or async.
   * @returns The results. The first failure ends the iteration. When an iterable fails, the results of the items
   * before it come first.
   * @throws InvalidOptionError at once when `fn` is not a function, or one of `iterables` is not iterable.
   */
  mapUnordered<A extends unknown[], R>(
    fn: (this: void, ...args: A) => R,
    ...iterables: IterablesOf<A>
  ): AsyncGenerator<Awaited<R>, void, undefined> {
    return mapWith(this, {}, "mapUnordered", this.mapUnordered, fn, iterables);
  }

  /**
   * Gives a view of this executor whose calls have these options, and whose maps go on after calls that fail.
   *
   * @throws InvalidOptionError for an unknown option, or one out of its range.
   */
  with<P = unknown>(options: ContinueOptions<P>): ContinueSubmitView;
  /**
   * Gives a view of this executor whose calls have these options.
   *
   * @throws InvalidOptionError for an unknown option, or one out of its range.
   */
  with<P = unknown>(options: TaskOptions<P>): SubmitView;
  with<P = unknown>(options: AnyTaskOptions<P>): SubmitView | ContinueSubmitView {
    return makeSubmitView(this, checkTaskOptions(options));
  }

  /**
   * Starts all `maxWorkers` processes now, so that no task has to wait for one. Without it they start on demand.
   *
   * @returns Resolves when all are ready; rejects with `WorkerStartError`, `InitializerError`, `ExecutorShutdownError`
   * or `NestingTooDeepError`, as a task would.
   */
  warmUp(): Promise<void> {
    if (!isImporting()) return coreOf(this).pool.warmUp();
    const refused = Promise.reject(new ImportTimeUseError("warmUp() was called"));
    refused.catch(() => {});
    return refused;
  }

  /**
   * Waits until the executor takes one more task, where `maxQueue` limits how many it has. Who waits first is told
   * first; submit at once then.
   *
   * @returns Resolves when there is room; at once without `maxQueue`. Rejects with `ExecutorShutdownError`, or with
   * what else the executor takes no more tasks for.
   */
  room(): Promise<void> {
    return coreOf(this).pool.room();
  }

  /**
   * Counts what the executor has done so far and does now: tasks by outcome, and each worker with its memory.
   *
   * It asks the system for each worker (on Linux some 20 µs each), so call it in a monitor, not for every task.
   */
  stats(): ExecutorStats {
    return coreOf(this).pool.stats();
  }

  /**
   * Takes no more tasks, and ends the workers when the tasks that were taken have ended. Calling it again is harmless.
   *
   * @returns Resolves when every process is gone; at once with `wait: false`. Rejects for wrong options alone.
   */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    const { cancelFutures, wait } = checkShutdownOptions(options);
    const { pool, submitter } = coreOf(this);
    pool.close();
    submitter.abandonUnusedStreams();
    if (cancelFutures === true) pool.cancelQueued(() => new CancelledError("The executor was shut down."));
    if (wait !== false) await pool.ended();
  }

  /** `shutdown()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}

/** Submits one call. */
function submitWith(
  executor: ProcessPoolExecutor,
  options: AnyTaskOptions,
  calledFrom: AnyFunction,
  fn: AnyFunction,
  args: readonly unknown[],
): ProcessFuture<never> {
  let core: ExecutorCore;
  try {
    core = coreForTask(executor, fn, options);
  } catch (error) {
    return rejectedFuture(error);
  }
  return core.submitter.submit({ fn, args, options, calledFrom });
}

/** Unless it is said: one call, where chunks were meant to be calls; else it is measured. */
function chunkSizeOf({ chunkSize, maxInFlight, retries, timeoutMs }: AnyTaskOptions): number | undefined {
  if (chunkSize !== undefined) return chunkSize;
  return (maxInFlight ?? retries ?? timeoutMs) === undefined ? undefined : 1;
}

/** The progress of a map, unless nobody wants it. */
function progressOf(
  { name, progress }: AnyTaskOptions,
  fn: AnyFunction,
  iterables: readonly AnyIterable<unknown>[],
): MapProgress | undefined {
  if (progress === undefined || progress === false) return undefined;
  const defaults = { label: name ?? (fn.name || "anonymous"), total: totalOf(iterables) };
  return new MapProgress(progress === true ? {} : progress, defaults);
}

function mapWith<A extends unknown[], T>(
  executor: ProcessPoolExecutor,
  options: AnyTaskOptions,
  kind: "map" | "mapUnordered",
  calledFrom: AnyFunction,
  fn: (...args: A) => unknown,
  iterables: IterablesOf<A>,
): AsyncGenerator<T, void, undefined> {
  checkMapArguments(kind, fn, iterables);
  // The tasks are submitted later, as results are asked for; what the reader of an error looks for is the call of the
  // map.
  const stack = captureStack(calledFrom);
  const outer = findCurrentTask();
  return mapResults<T>({
    iterables,
    isOrdered: kind === "map",
    goesOn: options.onError === "continue",
    chunkSize: chunkSizeOf(options),
    maxInFlight: options.maxInFlight ?? coreOf(executor).maxWorkers * 2,
    signal: options.signal,
    startProgress: () => progressOf(options, fn, iterables),
    isEnding: () => options.signal?.aborted === true || outer?.aborted === true,
    hasRoom: () => coreOf(executor).pool.hasRoom,
    room: () => coreOf(executor).pool.room(),
    // By way of the executor, which the map holds so: collected in its midst, it would close the pool.
    callUs: () => coreOf(executor).submitter.callUs(fn),
    takeArguments: () => coreOf(executor).submitter.takeArguments(options),
    submit: (taken) => coreOf(executor).submitter.submit({ fn, args: [], taken, options, calledFrom, stack }),
    stack,
  });
}

/** The part of a view that every executor has. @internal */
export function makeSubmitView(executor: ProcessPoolExecutor, options: AnyTaskOptions): SubmitView {
  const view: SubmitView = {
    submit: (fn: AnyFunction, ...args: unknown[]) => submitWith(executor, options, view.submit, fn, args),
    map: (fn, ...iterables) => mapWith(executor, options, "map", view.map, fn, iterables),
    mapUnordered: (fn, ...iterables) => mapWith(executor, options, "mapUnordered", view.mapUnordered, fn, iterables),
  };
  return view;
}

staysInProcess(ProcessPoolExecutor, "Submit tasks where they are awaited, or make an executor in the task.");
