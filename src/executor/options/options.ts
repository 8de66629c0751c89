/** What users can set. */

import type { LogQueue } from "../../logging/log-queue.js";

/** A function that runs in a worker; it travels as the function of a task does. */
export type WorkerFunction = (...args: never[]) => unknown;

/** Options of a `ProcessPoolExecutor`. */
export interface ProcessPoolExecutorOptions {
  /**
   * The largest number of worker processes, 1 to 1024. Default: the CPUs that this process may really use (affinity and
   * cgroup quota counted, at least 1). Workers are started on demand.
   */
  readonly maxWorkers?: number | undefined;
  /** Runs once in each worker before its first task. When it fails, the waiting tasks and all later ones fail. */
  readonly initializer?: WorkerFunction | undefined;
  /** Arguments for `initializer`. Copied when the executor is made. */
  readonly initargs?: readonly unknown[] | undefined;
  /** Tasks that a worker runs before a new process takes its place, at least 1. Default: no limit. */
  readonly maxTasksPerChild?: number | undefined;
  /**
   * How long a task that is cancelled or timed out may take to end by itself, in milliseconds, before its process is killed
   * with all descendants. 0 kills at once. Default: 1000; inside a task, half of that of the executor that runs the task, so that the
   * task's own `finally` blocks still run when its inner tasks took all of theirs.
   */
  readonly graceMs?: number | undefined;
  /**
   * How long a worker may take to become ready, configurer and initializer included, in milliseconds, before it is killed
   * and its start counts as failed. At least 1. Default: 60,000.
   */
  readonly startTimeoutMs?: number | undefined;
  /**
   * Typed arrays, Buffers and ArrayBuffers of at least this size, in bytes, inside arguments and results are copied into shared
   * memory rather than through the pipe; at least 65536. Each process still has a copy of its own. Needs koffi on
   * Linux; elsewhere it does nothing but warn once. Default: none are.
   */
  readonly shareAboveBytes?: number | undefined;
  /** Node's flags for the workers. Default: those of this process that don't belong to its script or a debugger. */
  readonly execArgv?: readonly string[] | undefined;
  /** The workers' environment. Default: this process's, as it is when a worker starts. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** The workers' working directory. Default: this process's. */
  readonly cwd?: string | undefined;
}

/** Options of a `ProcessTaskPoolExecutor`. */
export interface ProcessTaskPoolExecutorOptions extends ProcessPoolExecutorOptions {
  /** Whether `shutdown()` cancels the tasks that wait or run, rather than wait for them. Default: false. */
  readonly cancelTasksWhenShutdown?: boolean | undefined;
  /** Receives the log records of all workers, in this process. Default: workers print to this process's streams. */
  readonly queue?: LogQueue | undefined;
  /** Runs once in each worker, before `initializer`, to set up loggers. May be async. */
  readonly configurer?: (() => unknown) | undefined;
  /**
   * Whether SIGTERM, SIGINT and SIGHUP cancel the tasks and clean up before this process ends by the signal. Default:
   * true.
   *
   * `"drain"` is for servers: no more tasks are taken, and those that run or wait go on to their end. They are cancelled when
   * `drainMs` is over, or another signal comes. A program that listens to the signal ends itself.
   */
  readonly handleSignals?: boolean | "drain" | undefined;
  /** How long `handleSignals: "drain"` lets tasks go on, in milliseconds, 0 to 2147483647. Default: 10,000. */
  readonly drainMs?: number | undefined;
  /**
   * How long a cancelling shutdown waits for tasks that are just being started, in milliseconds, before it signals anyway.
   * Default: 1000.
   */
  readonly timeoutInEmergencyMs?: number | undefined;
}

/** Options of one call, or of all calls through one view: `executor.with(options)`. */
export interface TaskOptions {
  /**
   * Cancels the task when it is aborted; its reason becomes the `cause` of the `CancelledError`. A map ends with that error,
   * also while it waits for an item.
   */
  readonly signal?: AbortSignal | undefined;
  /** How long the task may run, in milliseconds, counted from its start (not from its submission). At least 1. */
  readonly timeoutMs?: number | undefined;
  /** Name of the task in errors, logs and `currentTask()`. Default: the function's name. */
  readonly name?: string | undefined;
  /**
   * ArrayBuffers that the call gives away, as `postMessage` does: they are detached here when the arguments are encoded, and large
   * ones that are among the arguments (by themselves, or by views) are sent without having been copied. For one call,
   * since they are gone then.
   */
  readonly transfer?: readonly ArrayBuffer[] | undefined;
  /** For `map`: how many items go to a worker at a time, at least 1. Default: 1. */
  readonly chunkSize?: number | undefined;
  /** For `map`: how many chunks may be under way at a time, at least 1. Default: twice `maxWorkers`. */
  readonly maxInFlight?: number | undefined;
}

/** How an executor is shut down. */
export interface ShutdownOptions {
  /** Whether to wait until every task has ended and every process is gone. Default: true. */
  readonly wait?: boolean | undefined;
  /** Whether tasks that have not begun are cancelled. Running ones go on. Default: false. */
  readonly cancelFutures?: boolean | undefined;
}
