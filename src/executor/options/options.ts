/** The options that users can set. */

import type { LogQueue } from "../../logging/log-queue.js";

/** Any function that runs in a worker, such as `initializer`. It travels as the function of a task does. */
export type WorkerFunction = (...args: never[]) => unknown;

/**
 * How much of a worker's memory may be in RAM, Buffers and shared memory included, in bytes. At least one is given.
 */
export interface MemoryLimitOptions {
  /** With more than this, an integer of at least 1, a worker is replaced as soon as its task has ended. */
  readonly soft?: number | undefined;
  /**
   * With more than this, an integer of at least `soft`, a worker is killed, and its task fails with a
   * `WorkerMemoryLimitError`.
   */
  readonly hard?: number | undefined;
}

/** Options of a `ProcessPoolExecutor`. */
export interface ProcessPoolExecutorOptions {
  /**
   * The largest number of worker processes, 1 to 1024. Default: `usableCpuCount()`, the CPUs that this process may
   * use. Workers are started on demand.
   */
  readonly maxWorkers?: number | undefined;
  /** Runs once in each worker before its first task. When it fails, the waiting tasks and all later ones fail. */
  readonly initializer?: WorkerFunction | undefined;
  /** The arguments of `initializer`, copied when the executor is made. Default: none. */
  readonly initargs?: readonly unknown[] | undefined;
  /** How many tasks a worker runs before a new process takes its place, at least 1. Default: no limit. */
  readonly maxTasksPerChild?: number | undefined;
  /**
   * How long a task that is cancelled or timed out may take to end by itself, in milliseconds. Then its process is
   * killed with all descendants. 0 kills at once. Default: 1000; inside a task, half of the outer executor's, so that
   * the outer task's `finally` blocks have time to run, too.
   */
  readonly graceMs?: number | undefined;
  /**
   * How long a worker may take to become ready, in milliseconds, at least 1; `configurer` and `initializer` count.
   * Then it is killed, and its start counts as failed. Default: 60,000.
   */
  readonly startTimeoutMs?: number | undefined;
  /**
   * The size in bytes, at least 65,536, from which binary data in arguments and results is copied into shared memory,
   * not through the pipe. Each process still has a copy of its own. It needs Linux and koffi; elsewhere it does
   * nothing but warn once. Default: never.
   */
  readonly shareAboveBytes?: number | undefined;
  /**
   * How long a worker may have nothing to do, in milliseconds, at least 1, before its process ends. Tasks that come
   * later start another one. Default: no limit.
   */
  readonly idleTimeoutMs?: number | undefined;
  /** How many workers `idleTimeoutMs` leaves, 0 to `maxWorkers`. They too are started on demand. Default: 0. */
  readonly minWorkers?: number | undefined;
  /** How much memory a worker may have. It is measured twenty times a second, on Linux only. Default: no limit. */
  readonly maxMemoryBytes?: MemoryLimitOptions | undefined;
  /**
   * How many tasks may wait beside one for each of the `maxWorkers`, 0 or more. A submission beyond fails with a
   * `QueueFullError`; `executor.room()` waits. Default: no limit.
   */
  readonly maxQueue?: number | undefined;
  /** Node's flags for the workers. Default: those of this process, without those for its script and a debugger. */
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
   * true. A program that has a handler of the signal ends itself.
   *
   * `"drain"` is for servers: the executor takes no more tasks, and the others go on to their end. They are cancelled
   * when `drainMs` is over, or another signal comes.
   */
  readonly handleSignals?: boolean | "drain" | undefined;
  /** How long `handleSignals: "drain"` lets tasks go on, in milliseconds, 0 to 2147483647. Default: 10,000. */
  readonly drainMs?: number | undefined;
  /**
   * How long a cancelling shutdown waits for tasks that are just being started, in milliseconds, 0 or more. Then it
   * sends the signal anyway. Default: 1000.
   */
  readonly timeoutInEmergencyMs?: number | undefined;
}

/** What is known of a value that a task has reported. */
export interface ProgressDetails {
  /** How many values just before this one were left out, since they came faster than they were taken. */
  readonly skipped: number;
}

/** Takes what a task reports. */
export type ProgressHandler<P> = (value: P, details: ProgressDetails) => unknown;

/** Which failures of a task are worth another attempt; a function is asked in this process, and answers at once. */
export type RetryOn = "crash" | "error" | ((error: unknown) => boolean);

/** How often, and when, a task that has failed is tried again. A cancelled one never is. */
export interface RetryOptions {
  /** How many times it is tried again at most, an integer of at least 0. */
  readonly limit: number;
  /** How long to wait before the first retry, in milliseconds, at least 0. Default: 0. */
  readonly backoffMs?: number | undefined;
  /** What the wait is multiplied with for each further retry, at least 1. Default: 2. */
  readonly factor?: number | undefined;
  /** The longest wait, in milliseconds, at least 0. Default: 30,000. */
  readonly maxBackoffMs?: number | undefined;
  /** The part of each wait, from 0 to 1, that is left to chance: 0.5 waits from a half to the whole. Default: 0. */
  readonly jitter?: number | undefined;
  /**
   * What is tried again. `"crash"`: its worker died. `"error"`: that, what the task throws, and its time-out. A
   * function is given the error. Default: `"error"`.
   */
  readonly on?: RetryOn | undefined;
}

/**
 * Options of one call, or of all calls through one view: `executor.with(options)`. `P` is what the tasks report, by
 * the parameter of `onProgress` alone; nothing checks it.
 */
export interface TaskOptions<P = never> {
  /**
   * Cancels the task when the signal is aborted. The signal's reason becomes the `cause` of the `CancelledError`. A
   * map ends with that error, also while it waits for an item.
   */
  readonly signal?: AbortSignal | undefined;
  /** How long the task may run, in milliseconds, at least 1, counted from its start. Default: no limit. */
  readonly timeoutMs?: number | undefined;
  /**
   * How long the task may wait for its start, in milliseconds, at least 1, counted from its submission. Then it fails
   * with a `QueueTimeoutError`. Default: no limit.
   */
  readonly queueTimeoutMs?: number | undefined;
  /**
   * An integer: of the tasks that wait, those with the highest begin first. Of 16 tasks that begin, one is the one
   * that has waited longest, whatever its priority. Default: 0.
   */
  readonly priority?: number | undefined;
  /**
   * Tries a task that has failed again, in its old place in the queue. The error of the last attempt has those of the
   * others in `attempts`. A map runs each item by itself then. Default: never.
   */
  readonly retries?: RetryOptions | undefined;
  /** The name of the task in errors, logs and `currentTask()`. Default: the function's name. */
  readonly name?: string | undefined;
  /**
   * ArrayBuffers that the call gives away, as `postMessage` does: they are detached here, and sent without a copy
   * where they are among the arguments. Use a new view for each call, since the buffers are gone then.
   */
  readonly transfer?: readonly ArrayBuffer[] | undefined;
  /**
   * Is called in this process with each value that the task reports by `currentTask().report(value)`: in order, before
   * the result, in the asynchronous context of the submission. Of a `map` it takes the reports of all calls. What it
   * throws becomes a process warning.
   */
  readonly onProgress?: ProgressHandler<P> | undefined;
  /**
   * For `map` and `mapUnordered`: how many items go to a worker at a time, at least 1. Default: as many as a worker
   * does in some milliseconds, by how long calls have taken; 1 with `timeoutMs`, `retries` or `maxInFlight`.
   */
  readonly chunkSize?: number | undefined;
  /**
   * For `map` and `mapUnordered`: how many chunks may be under way at a time, at least 1. Default: twice `maxWorkers`.
   */
  readonly maxInFlight?: number | undefined;
  /**
   * For `map` and `mapUnordered`: tells how far the map is, by a bar on the terminal of stderr (it needs the package
   * cli-progress), else in a line at most every 5 seconds and at the end; or to `onUpdate`. Default: false.
   */
  readonly progress?: boolean | MapProgressOptions | undefined;
  /** For `map` and `mapUnordered`: what follows on a failed call. `"stop"` ends the iteration with its error. */
  readonly onError?: "stop" | undefined;
}

/** How far a map is. */
export interface MapProgressState {
  readonly label: string;
  /** How many items have given a result, or failed. */
  readonly done: number;
  /** How many of these have failed. */
  readonly failed: number;
  /** How many items there are, where that is known. */
  readonly total: number | undefined;
  /** The time since the first result was asked for, in milliseconds. */
  readonly elapsedMs: number;
  /** How many items a second are done, on average. */
  readonly perSecond: number;
  /** How long the rest takes at that rate, in milliseconds; `undefined` while that isn't known, and at the end. */
  readonly remainingMs: number | undefined;
  /** Whether the map has ended: well, by a failure, or as it was left. */
  readonly isOver: boolean;
}

/** What `progress` may say of a map. */
export interface MapProgressOptions {
  /** Default: the name of the task. */
  readonly label?: string | undefined;
  /** How many items there are, 0 and more. Default: what arrays, Sets and Maps say. */
  readonly total?: number | undefined;
  /**
   * Is called in place of a line on stderr, when items are done, at most every 100 ms, and once when the map is over.
   * What it throws becomes a process warning.
   */
  readonly onUpdate?: ((state: MapProgressState) => unknown) | undefined;
}

/** Options with which a map goes on after calls that fail. */
export interface ContinueOptions<P = never> extends Omit<TaskOptions<P>, "onError"> {
  /** The iteration goes on, and each item gives a `MapOutcome`. */
  readonly onError: "continue";
}

/** Options of a call. */
export type AnyTaskOptions<P = never> = TaskOptions<P> | ContinueOptions<P>;

/** Options of `executor.shutdown()`. */
export interface ShutdownOptions {
  /** Whether to wait until every task has ended and every process is gone. Default: true. */
  readonly wait?: boolean | undefined;
  /** Whether tasks that have not begun are cancelled. Running ones go on. Default: false. */
  readonly cancelFutures?: boolean | undefined;
}
