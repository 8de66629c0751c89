import { CancelledError } from "../errors.js";
import { ExecutorPlan } from "./process-pool-executor.js";
import { ProcessPoolExecutor } from "./process-pool-executor.js";
import { ProcessTaskFactory } from "./process-task-factory.js";
import { ProcessTaskManager } from "./process-task-manager.js";
import { checkShutdownOptions } from "./options/check-options.js";
import { checkTaskOptions } from "./options/check-options.js";
import { checkTaskPoolOptions } from "./options/check-options.js";
import { coreForTask } from "./executor-core.js";
import { coreOf } from "./executor-core.js";
import { makeSubmitView } from "./process-pool-executor.js";
import { rejectedFuture } from "./outcome/process-future.js";
import type { AnyFunction } from "../values/classes/value-writer.js";
import type { AnyTaskOptions } from "./options/options.js";
import type { ExecutorStats } from "../pool/pool-stats.js";
import type { CallableFunction } from "./options/call-types.js";
import type { ContinueOptions } from "./options/options.js";
import type { ContinueSubmitView } from "./process-pool-executor.js";
import type { ExecutorCore } from "./executor-core.js";
import type { OverloadArgs } from "./options/call-types.js";
import type { OverloadResult } from "./options/call-types.js";
import type { ProcessFuture } from "./outcome/process-future.js";
import type { ProcessTask } from "../system/process/process-task.js";
import type { ProcessTaskPoolExecutorOptions } from "./options/options.js";
import type { ShutdownOptions } from "./options/options.js";
import type { SubmitView } from "./process-pool-executor.js";
import type { TaskOptions } from "./options/options.js";

/** What `ProcessTaskPoolExecutor.with(options)` gives: the executor's calls, with these options. */
export interface TaskView extends SubmitView {
  /**
   * Does what `createProcessTask` of the executor does, with the options of this view, for a function with several
   * signatures.
   */
  createProcessTask<F extends CallableFunction, A extends OverloadArgs<F>>(
    fn: F,
    ...args: A
  ): ProcessFuture<Awaited<OverloadResult<F, A>>>;
  /** Does what `createProcessTask` of the executor does, with the options of this view. */
  createProcessTask<A extends unknown[], R>(fn: (this: void, ...args: A) => R, ...args: A): ProcessFuture<Awaited<R>>;
}

/** What `ProcessTaskPoolExecutor.with({ onError: "continue" })` gives: its maps go on after calls that fail. */
export interface ContinueTaskView extends ContinueSubmitView, Pick<TaskView, "createProcessTask"> {}

/**
 * What a program may rely on, whichever executor it holds: a pool of processes, or the `InlineTaskExecutor` of
 * `asynccpu/testing`. docs/api.md says in a table where they differ.
 */
export interface TaskExecutor extends TaskView, AsyncDisposable {
  /** Gives a view of this executor whose maps go on after calls that fail. */
  with<P = unknown>(options: ContinueOptions<P>): ContinueTaskView;
  /**
   * Gives a view of this executor whose calls have these options.
   *
   * @throws InvalidOptionError for an unknown option, or one out of its range.
   */
  with<P = unknown>(options: TaskOptions<P>): TaskView;
  /** Resolves when the executor takes one more task: for those who would rather wait than have a `QueueFullError`. */
  room(): Promise<void>;
  /** Counts what the executor has done so far and does now. */
  stats(): ExecutorStats;
  /**
   * Takes no more tasks, and lets (or makes) those that were taken end. Calling it again is harmless.
   *
   * @returns Resolves when nothing of it is left; at once with `wait: false`.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/**
 * A process pool with `createProcessTask`, logs of the workers in this process, and a clean-up after signals. A
 * shutdown can cancel the tasks that run.
 */
export class ProcessTaskPoolExecutor extends ProcessPoolExecutor implements TaskExecutor {
  readonly #timeoutInEmergencyMs: number;
  readonly #cancelTasksWhenShutdown: boolean;
  #factory: ProcessTaskFactory | undefined;
  #cancellation: Promise<void> | undefined;

  /**
   * Makes an executor; no process is started before the first task.
   *
   * @throws InvalidOptionError for an unknown option, or one out of its range.
   * @throws FunctionNotPicklableError when `initializer` or `configurer` can't be sent to a worker.
   * @throws NotSerializableError when one of `initargs` can't.
   */
  constructor(options?: ProcessTaskPoolExecutorOptions);
  /** @internal */
  constructor(plan: ExecutorPlan);
  constructor(given: ProcessTaskPoolExecutorOptions | ExecutorPlan = {}) {
    const plan = ExecutorPlan.is(given) ? given : new ExecutorPlan(checkTaskPoolOptions(given));
    super(plan);
    this.#cancelTasksWhenShutdown = plan.options.cancelTasksWhenShutdown;
    this.#timeoutInEmergencyMs = plan.options.timeoutInEmergencyMs;
  }

  /**
   * The processes that run a task now: one for each task that has begun and not ended, whichever call submitted it.
   */
  get runningTasks(): readonly ProcessTask[] {
    return coreOf(this).pool.runningTasks;
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
  createProcessTask<F extends CallableFunction, A extends OverloadArgs<F>>(
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
  createProcessTask<A extends unknown[], R>(fn: (this: void, ...args: A) => R, ...args: A): ProcessFuture<Awaited<R>>;
  createProcessTask(fn: AnyFunction, ...args: unknown[]): ProcessFuture<never> {
    return this.#create({}, this.createProcessTask, fn, args);
  }

  /**
   * Gives a view of this executor whose calls have these options, and whose maps go on after calls that fail.
   *
   * @throws InvalidOptionError for an unknown option, or one out of its range.
   */
  override with<P = unknown>(options: ContinueOptions<P>): ContinueTaskView;
  /**
   * Gives a view of this executor whose calls have these options.
   *
   * @throws InvalidOptionError for an unknown option, or one out of its range.
   */
  override with<P = unknown>(options: TaskOptions<P>): TaskView;
  override with<P = unknown>(options: AnyTaskOptions<P>): TaskView | ContinueTaskView {
    const checked = checkTaskOptions(options);
    const view: TaskView = {
      ...makeSubmitView(this, checked),
      createProcessTask: (fn: AnyFunction, ...args: unknown[]) =>
        this.#create(checked, view.createProcessTask, fn, args),
    };
    return view;
  }

  /**
   * Takes no more tasks, and ends the workers when the tasks that were taken have ended; with
   * `cancelTasksWhenShutdown`, cancels them first. Calling it again is harmless.
   *
   * @returns Resolves when every process is gone; at once with `wait: false`. Rejects for wrong options alone.
   */
  override async shutdown(given: ShutdownOptions = {}): Promise<void> {
    const options = checkShutdownOptions(given);
    if (this.#cancelTasksWhenShutdown) {
      this.#cancellation ??= this.#cancelTasks();
      if (options.wait !== false) await this.#cancellation;
    }
    await super.shutdown(options);
  }

  async #cancelTasks(): Promise<void> {
    const core = coreOf(this);
    const { pool } = core;
    const factory = this.#factory ?? this.#makeFactory(core);
    const manager = new ProcessTaskManager(factory, this.#timeoutInEmergencyMs);
    const makeReason = (): Error => new CancelledError("The executor was shut down.");
    const makeReasonOfRunning = (): Error => new CancelledError("The executor was shut down.", { cause: "SIGTERM" });
    pool.close();
    pool.cancelQueued(makeReason);
    await manager.lockAndSendSignal("SIGTERM", makeReasonOfRunning);
    pool.cancelQueued(makeReason);
    pool.cancelRunning(makeReasonOfRunning);
  }

  #create(
    options: AnyTaskOptions,
    calledFrom: AnyFunction,
    fn: AnyFunction,
    args: readonly unknown[],
  ): ProcessFuture<never> {
    let factory: ProcessTaskFactory;
    try {
      factory = this.#factory ?? this.#makeFactory(coreForTask(this, fn, options));
    } catch (error) {
      return rejectedFuture(error);
    }
    return factory.create({ fn, args, options, calledFrom });
  }

  #makeFactory({ pool, submitter }: ExecutorCore): ProcessTaskFactory {
    return (this.#factory = new ProcessTaskFactory(submitter, pool));
  }
}
