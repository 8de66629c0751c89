import { types } from "node:util";

import { InvalidOptionError } from "../../errors.js";
import { MEMORY_OPTIONS } from "./option-lists.js";
import { POOL_OPTIONS } from "./option-lists.js";
import { PROGRESS_OPTIONS } from "./option-lists.js";
import { RETRY_OPTIONS } from "./option-lists.js";
import { SHUTDOWN_OPTIONS } from "./option-lists.js";
import { TASK_OPTIONS } from "./option-lists.js";
import { TASK_POOL_OPTIONS } from "./option-lists.js";
import { UNIT_BYTES } from "../../memory/native-memory.js";
import { outerGraceMs } from "../../subprocess/outer-grace.js";
import { readOptions } from "../../option-names.js";
import { usableCpuCount } from "../../system/cpu-count.js";
import type { OptionList } from "../../option-names.js";
import type { MemoryLimitOptions } from "./options.js";
import type { ProcessPoolExecutorOptions } from "./options.js";
import type { ProcessTaskPoolExecutorOptions } from "./options.js";
import type { MapProgressOptions } from "./options.js";
import type { RetryOptions } from "./options.js";
import type { ShutdownOptions } from "./options.js";
import type { AnyTaskOptions } from "./options.js";

/** The longest time that a timer of Node can wait, in milliseconds (24.8 days). */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1;

const MAX_WORKERS = 1024;

const DEFAULT_GRACE_MS = 1000;

/** Of the time that a task has to end, the part that the tasks of an executor inside it have by default. */
const INNER_SHARE = 0.5;

const DEFAULT_START_TIMEOUT_MS = 60_000;
const DEFAULT_TIMEOUT_IN_EMERGENCY_MS = 1000;
const DEFAULT_DRAIN_MS = 10_000;

function describeRange(minimum: number, maximum: number): string {
  if (minimum === Number.MIN_SAFE_INTEGER) return "an integer";
  if (maximum === Number.MAX_SAFE_INTEGER) return `an integer of at least ${minimum}`;
  return `an integer from ${minimum} to ${maximum}`;
}

/** @throws InvalidOptionError for what is there, and is no integer in this range. */
export function checkInteger(option: string, value: unknown, minimum: number, maximum: number): void {
  if (value === undefined) return;
  if (typeof value !== "number" || !Number.isInteger(value) || value < minimum || value > maximum) {
    throw new InvalidOptionError(option, describeRange(minimum, maximum), value);
  }
}

function checkNumber(option: string, value: unknown, minimum: number, maximum: number): void {
  if (value === undefined || (typeof value === "number" && value >= minimum && value <= maximum)) return;
  const range = maximum === Number.MAX_VALUE ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  throw new InvalidOptionError(option, `a number ${range}`, value);
}

/** @throws InvalidOptionError for an unknown part, and for the first one that is out of range. */
function checkProgress(given: unknown): void {
  if (given === undefined || typeof given === "boolean") return;
  if (typeof given !== "object" || given === null) {
    throw new InvalidOptionError("progress", "true, false or an object", given);
  }
  const { label, total, onUpdate } = readOptions<MapProgressOptions>(given, PROGRESS_OPTIONS);
  checkType("progress.label", label, "string");
  checkInteger("progress.total", total, 0, Number.MAX_SAFE_INTEGER);
  checkType("progress.onUpdate", onUpdate, "function");
}

/** @throws InvalidOptionError for an unknown part, and for the first one that is out of range. */
function checkRetries(given: RetryOptions | undefined): RetryOptions | undefined {
  if (given === undefined) return undefined;
  const options = readOptions(given, RETRY_OPTIONS);
  if (options.limit === undefined) {
    throw new InvalidOptionError("retries.limit", "an integer of at least 0", options.limit);
  }
  checkInteger("retries.limit", options.limit, 0, Number.MAX_SAFE_INTEGER);
  checkNumber("retries.backoffMs", options.backoffMs, 0, LONGEST_TIMER_MS);
  checkNumber("retries.factor", options.factor, 1, Number.MAX_VALUE);
  checkNumber("retries.maxBackoffMs", options.maxBackoffMs, 0, LONGEST_TIMER_MS);
  checkNumber("retries.jitter", options.jitter, 0, 1);
  const { on = "error" } = options;
  if (on !== "error" && on !== "crash" && typeof on !== "function") {
    throw new InvalidOptionError("retries.on", '"crash", "error" or a function', on);
  }
  return options;
}

function checkType(option: string, value: unknown, type: "boolean" | "string" | "function" | "object"): void {
  if (value === undefined) return;
  if (typeof value !== type || value === null) {
    throw new InvalidOptionError(option, type === "object" ? "an object" : `a ${type}`, value);
  }
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

function defaultGraceMs(): number {
  const outerMs = outerGraceMs();
  return outerMs === undefined ? DEFAULT_GRACE_MS : Math.floor(outerMs * INNER_SHARE);
}

/** The options of a pool, checked and filled in. */
export interface CheckedPoolOptions extends ProcessPoolExecutorOptions {
  readonly maxWorkers: number;
  readonly graceMs: number;
  readonly startTimeoutMs: number;
}

/** @throws InvalidOptionError for an unknown part, and for the first one that is out of range. */
function checkMemory(given: MemoryLimitOptions | undefined): void {
  if (given === undefined) return;
  const { soft, hard } = readOptions(given, MEMORY_OPTIONS);
  checkInteger("maxMemoryBytes.soft", soft, 1, Number.MAX_SAFE_INTEGER);
  checkInteger("maxMemoryBytes.hard", hard, soft ?? 1, Number.MAX_SAFE_INTEGER);
  if (soft === undefined && hard === undefined) {
    throw new InvalidOptionError("maxMemoryBytes", "an object with soft or hard", given);
  }
}

/**
 * @param list - The names that it may have.
 * @throws InvalidOptionError for an unknown option, and for the first one that is out of range.
 */
export function checkPoolOptions(
  given: ProcessPoolExecutorOptions | undefined,
  list: OptionList = POOL_OPTIONS,
): CheckedPoolOptions {
  const options = readOptions(given, list);
  checkInteger("maxWorkers", options.maxWorkers, 1, MAX_WORKERS);
  checkInteger("maxTasksPerChild", options.maxTasksPerChild, 1, Number.MAX_SAFE_INTEGER);
  checkInteger("shareAboveBytes", options.shareAboveBytes, UNIT_BYTES, Number.MAX_SAFE_INTEGER);
  checkInteger("idleTimeoutMs", options.idleTimeoutMs, 1, LONGEST_TIMER_MS);
  const maxWorkers = options.maxWorkers ?? usableCpuCount();
  checkInteger("minWorkers", options.minWorkers, 0, maxWorkers);
  checkMemory(options.maxMemoryBytes);
  checkInteger("maxQueue", options.maxQueue, 0, Number.MAX_SAFE_INTEGER);
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
    maxWorkers,
    graceMs: options.graceMs ?? defaultGraceMs(),
    startTimeoutMs: options.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS,
  };
}

/** The options that only a task pool has, checked and filled in. */
export type CheckedTaskPoolOptions = CheckedPoolOptions &
  ProcessTaskPoolExecutorOptions & {
    readonly cancelTasksWhenShutdown: boolean;
    readonly handleSignals: boolean | "drain";
    readonly drainMs: number;
    readonly timeoutInEmergencyMs: number;
  };

/** @throws InvalidOptionError for an unknown option, and for the first one that is out of range. */
export function checkTaskPoolOptions(given: ProcessTaskPoolExecutorOptions | undefined): CheckedTaskPoolOptions {
  const options: CheckedPoolOptions & ProcessTaskPoolExecutorOptions = checkPoolOptions(given, TASK_POOL_OPTIONS);
  checkType("cancelTasksWhenShutdown", options.cancelTasksWhenShutdown, "boolean");
  const { handleSignals = true } = options;
  if (typeof handleSignals !== "boolean" && handleSignals !== "drain") {
    throw new InvalidOptionError("handleSignals", 'true, false or "drain"', handleSignals);
  }
  checkInteger("drainMs", options.drainMs, 0, LONGEST_TIMER_MS);
  checkType("configurer", options.configurer, "function");
  checkInteger("timeoutInEmergencyMs", options.timeoutInEmergencyMs, 0, LONGEST_TIMER_MS);
  if (options.queue !== undefined && typeof options.queue?.put !== "function") {
    throw new InvalidOptionError("queue", "a LogQueue", options.queue);
  }
  return {
    ...options,
    cancelTasksWhenShutdown: options.cancelTasksWhenShutdown ?? false,
    handleSignals,
    drainMs: options.drainMs ?? DEFAULT_DRAIN_MS,
    timeoutInEmergencyMs: options.timeoutInEmergencyMs ?? DEFAULT_TIMEOUT_IN_EMERGENCY_MS,
  };
}

/** @throws InvalidOptionError for an unknown option, and for the first one that is out of range. */
export function checkTaskOptions(given: AnyTaskOptions | undefined): AnyTaskOptions {
  const options = readOptions(given, TASK_OPTIONS);
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new InvalidOptionError("signal", "an AbortSignal", options.signal);
  }
  checkInteger("timeoutMs", options.timeoutMs, 1, LONGEST_TIMER_MS);
  checkInteger("queueTimeoutMs", options.queueTimeoutMs, 1, LONGEST_TIMER_MS);
  checkInteger("priority", options.priority, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const retries = checkRetries(options.retries);
  checkType("name", options.name, "string");
  checkBuffers("transfer", options.transfer);
  checkType("onProgress", options.onProgress, "function");
  checkInteger("chunkSize", options.chunkSize, 1, Number.MAX_SAFE_INTEGER);
  checkInteger("maxInFlight", options.maxInFlight, 1, Number.MAX_SAFE_INTEGER);
  checkProgress(options.progress);
  if (options.onError !== undefined && options.onError !== "stop" && options.onError !== "continue") {
    throw new InvalidOptionError("onError", '"stop" or "continue"', options.onError);
  }
  if (retries === undefined) return options;
  if ((options.chunkSize ?? 1) > 1) {
    throw new InvalidOptionError("chunkSize", "1, or left out, beside retries", options.chunkSize);
  }
  return { ...options, retries };
}

/** @throws InvalidOptionError for an unknown option, and for the first one that is no boolean. */
export function checkShutdownOptions(given: ShutdownOptions | undefined): ShutdownOptions {
  const options = readOptions(given, SHUTDOWN_OPTIONS);
  checkType("wait", options.wait, "boolean");
  checkType("cancelFutures", options.cancelFutures, "boolean");
  return options;
}
