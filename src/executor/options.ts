import { types } from "node:util";

import { InvalidOptionError } from "../errors.js";
import { UNIT_BYTES } from "../memory/native-memory.js";
import { usableCpuCount } from "../system/cpu-count.js";
import type { LogQueue } from "../logging/log-queue.js";

/** The longest time that a timer of Node can wait, in milliseconds (24.8 days). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const MAX_WORKERS = 1024;

const DEFAULT_GRACE_MS = 1000;
const DEFAULT_START_TIMEOUT_MS = 60_000;
const DEFAULT_TIMEOUT_IN_EMERGENCY_MS = 1000;

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
   * with all descendants. 0 kills at once. Default: 1000.
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
   */
  readonly handleSignals?: boolean | undefined;
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

function describeRange(minimum: number, maximum: number): string {
  return `an integer from ${minimum} to ${maximum}`;
}

function checkInteger(option: string, value: unknown, minimum: number, maximum: number): void {
  if (value === undefined) return;
  if (typeof value !== "number" || !Number.isInteger(value) || value < minimum || value > maximum) {
    throw new InvalidOptionError(option, describeRange(minimum, maximum), value);
  }
}

function checkType(option: string, value: unknown, type: "boolean" | "string" | "function" | "object"): void {
  if (value === undefined) return;
  if (typeof value !== type || value === null) throw new InvalidOptionError(option, `a ${type}`, value);
}

function checkStrings(option: string, value: unknown): void {
  if (value === undefined) return;
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    throw new InvalidOptionError(option, "an array of strings", value);
  }
}

function checkBuffers(option: string, value: unknown): void {
  if (value === undefined) return;
  if (!Array.isArray(value) || !value.every((item) => types.isArrayBuffer(item))) {
    throw new InvalidOptionError(option, "an array of ArrayBuffers", value);
  }
}

/** The options of a pool, checked and filled in. */
export interface CheckedPoolOptions extends ProcessPoolExecutorOptions {
  readonly maxWorkers: number;
  readonly graceMs: number;
  readonly startTimeoutMs: number;
}

/** @throws InvalidOptionError for the first option that is out of range. */
export function checkPoolOptions(options: ProcessPoolExecutorOptions): CheckedPoolOptions {
  checkInteger("maxWorkers", options.maxWorkers, 1, MAX_WORKERS);
  checkInteger("maxTasksPerChild", options.maxTasksPerChild, 1, Number.MAX_SAFE_INTEGER);
  checkInteger("shareAboveBytes", options.shareAboveBytes, UNIT_BYTES, Number.MAX_SAFE_INTEGER);
  checkInteger("graceMs", options.graceMs, 0, LONGEST_TIMER_MS);
  checkInteger("startTimeoutMs", options.startTimeoutMs, 1, LONGEST_TIMER_MS);
  checkType("initializer", options.initializer, "function");
  if (options.initargs !== undefined && !Array.isArray(options.initargs)) {
    throw new InvalidOptionError("initargs", "an array", options.initargs);
  }
  checkStrings("execArgv", options.execArgv);
  checkType("env", options.env, "object");
  checkType("cwd", options.cwd, "string");
  return {
    ...options,
    maxWorkers: options.maxWorkers ?? usableCpuCount(),
    graceMs: options.graceMs ?? DEFAULT_GRACE_MS,
    startTimeoutMs: options.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS,
  };
}

/** The options that only a task pool has, checked and filled in. */
export interface CheckedTaskPoolOptions extends ProcessTaskPoolExecutorOptions {
  readonly cancelTasksWhenShutdown: boolean;
  readonly handleSignals: boolean;
  readonly timeoutInEmergencyMs: number;
}

/** @throws InvalidOptionError for the first option that is out of range. */
export function checkTaskPoolOptions(options: ProcessTaskPoolExecutorOptions): CheckedTaskPoolOptions {
  checkType("cancelTasksWhenShutdown", options.cancelTasksWhenShutdown, "boolean");
  checkType("handleSignals", options.handleSignals, "boolean");
  checkType("configurer", options.configurer, "function");
  checkInteger("timeoutInEmergencyMs", options.timeoutInEmergencyMs, 0, LONGEST_TIMER_MS);
  if (options.queue !== undefined && typeof options.queue?.put !== "function") {
    throw new InvalidOptionError("queue", "a LogQueue", options.queue);
  }
  return {
    ...options,
    cancelTasksWhenShutdown: options.cancelTasksWhenShutdown ?? false,
    handleSignals: options.handleSignals ?? true,
    timeoutInEmergencyMs: options.timeoutInEmergencyMs ?? DEFAULT_TIMEOUT_IN_EMERGENCY_MS,
  };
}

/** @throws InvalidOptionError for the first option that is out of range. */
export function checkTaskOptions(options: TaskOptions): TaskOptions {
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new InvalidOptionError("signal", "an AbortSignal", options.signal);
  }
  checkInteger("timeoutMs", options.timeoutMs, 1, LONGEST_TIMER_MS);
  checkType("name", options.name, "string");
  checkBuffers("transfer", options.transfer);
  checkInteger("chunkSize", options.chunkSize, 1, Number.MAX_SAFE_INTEGER);
  checkInteger("maxInFlight", options.maxInFlight, 1, Number.MAX_SAFE_INTEGER);
  return options;
}
