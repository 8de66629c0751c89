/** The options of an executor and of a host, and their check. */

import { InvalidOptionError } from "../errors.js";
import { checkInteger } from "../executor/options/check-options.js";
import { namesOf } from "../option-names.js";
import { readOptions } from "../option-names.js";
import { taskModuleUrl } from "./task-module.js";
import type { OptionList } from "../option-names.js";
import type { ProcessTaskPoolExecutorOptions } from "../executor/options/options.js";
import type { RedisConnection } from "./redis.js";
import type { TaskOptions } from "../executor/options/options.js";

/** What an executor and its hosts have in common. */
interface SharedOptions {
  /** Where Redis is: `{ url }`, options of ioredis, or a client of ioredis, which is duplicated. */
  readonly connection: RedisConnection;
  /** The name of the queue. Default: "asynccpu". */
  readonly queue?: string | undefined;
  /** The module whose exports are the tasks: a URL, or a path. */
  readonly tasks: string | URL;
  /** Which version of the tasks this is; each has a queue of its own. Default: a hash of the module's file. */
  readonly version?: string | undefined;
  /** How long outcomes are kept in Redis, in seconds. Default: 3600. */
  readonly resultTtlSeconds?: number | undefined;
}

/** Options of a `BullMQTaskExecutor`. */
export interface BullMQTaskExecutorOptions
  extends SharedOptions, Pick<ProcessTaskPoolExecutorOptions, "maxQueue" | "cancelTasksWhenShutdown"> {
  /**
   * What happens to a task of which Redis knows nothing any more: its future rejects with `JobLostError` ("fail"), or
   * it is submitted again under the same id, so that it may run twice ("resubmit"). Default: "fail".
   */
  readonly onLost?: "fail" | "resubmit" | undefined;
  /**
   * How often Redis is asked for tasks of which nothing was heard since it was asked last, in milliseconds: a host may
   * die before it tells of an outcome. Default: 30000.
   */
  readonly askIntervalMs?: number | undefined;
}

/** Options of a call of a `BullMQTaskExecutor`. */
export interface BullMQTaskOptions<P = never> extends TaskOptions<P> {
  /**
   * The id of the task, by which any program finds its outcome: no integer, and without colons. A second task with
   * the id of one whose outcome is kept doesn't run: it has the outcome of the first. Default: the executor gives it.
   */
  readonly taskId?: string | undefined;
}

/** Options of a `BullMQTaskHost`. */
export interface BullMQTaskHostOptions
  extends SharedOptions, Pick<ProcessTaskPoolExecutorOptions, "graceMs" | "maxMemoryBytes" | "maxTasksPerChild"> {
  /** How many tasks run at a time, each in a process. Default: the number of CPUs. */
  readonly jobs?: number | undefined;
  /** How long the lock of a job lasts that its host doesn't renew, in milliseconds. Default: 30000. */
  readonly lockDurationMs?: number | undefined;
  /** How often hosts look for jobs whose host is gone, in milliseconds. Default: 30000. */
  readonly stalledIntervalMs?: number | undefined;
}

const DEFAULT_QUEUE = "asynccpu";
const DEFAULT_TTL_SECONDS = 3600;
const DEFAULT_LOCK_MS = 30_000;
const DEFAULT_ASK_MS = 30_000;

/** Node's timers take no more. */
const MOST_TIMER_MS = 2 ** 31 - 1;

const SHARED = { connection: true, queue: true, tasks: true, version: true, resultTtlSeconds: true } as const;

const EXECUTOR_OPTIONS: OptionList = {
  call: "new BullMQTaskExecutor()",
  names: namesOf<BullMQTaskExecutorOptions>({
    ...SHARED,
    askIntervalMs: true,
    cancelTasksWhenShutdown: true,
    maxQueue: true,
    onLost: true,
  }),
  example: '{ connection: { url: "redis://localhost:6379" }, tasks: new URL("./tasks.js", import.meta.url) }',
};

const HOST_OPTIONS: OptionList = {
  call: "new BullMQTaskHost()",
  names: namesOf<BullMQTaskHostOptions>({
    ...SHARED,
    graceMs: true,
    jobs: true,
    lockDurationMs: true,
    maxMemoryBytes: true,
    maxTasksPerChild: true,
    stalledIntervalMs: true,
  }),
  example: EXECUTOR_OPTIONS.example,
};

interface CheckedShared {
  readonly connection: RedisConnection;
  readonly queue: string;
  readonly tasksUrl: string;
  readonly version: string | undefined;
  readonly resultTtlSeconds: number;
}

/** The options of an executor, checked and filled in. */
export interface CheckedExecutorOptions extends CheckedShared {
  readonly onLost: "fail" | "resubmit";
  readonly askIntervalMs: number;
  readonly maxQueue: number | undefined;
  readonly cancelTasksWhenShutdown: boolean | undefined;
}

/** The options of a host, checked and filled in. */
export interface CheckedHostOptions extends CheckedShared {
  readonly jobs: number | undefined;
  readonly lockDurationMs: number;
  readonly stalledIntervalMs: number;
  readonly pool: Pick<ProcessTaskPoolExecutorOptions, "graceMs" | "maxMemoryBytes" | "maxTasksPerChild">;
}

/** BullMQ allows no colon; a brace would be taken for a hash tag. */
function checkName(option: string, value: unknown): void {
  if (value === undefined || (typeof value === "string" && /^[^:{}]+$/.test(value))) return;
  throw new InvalidOptionError(option, "a text without colons and braces", value);
}

function checkShared(options: SharedOptions): CheckedShared {
  const { connection, queue = DEFAULT_QUEUE, tasks, version, resultTtlSeconds } = options;
  if (typeof connection !== "object" || connection === null) {
    throw new InvalidOptionError("connection", "an object such as { url } or a client of ioredis", connection);
  }
  checkName("queue", queue);
  checkName("version", version);
  checkInteger("resultTtlSeconds", resultTtlSeconds, 1, Number.MAX_SAFE_INTEGER);
  const tasksUrl = taskModuleUrl(tasks);
  return { connection, queue, tasksUrl, version, resultTtlSeconds: resultTtlSeconds ?? DEFAULT_TTL_SECONDS };
}

/** @throws InvalidOptionError for an unknown option, and for the first one that is out of range. */
export function checkExecutorOptions(given: BullMQTaskExecutorOptions): CheckedExecutorOptions {
  const options = readOptions(given, EXECUTOR_OPTIONS);
  const { onLost = "fail", askIntervalMs = DEFAULT_ASK_MS, maxQueue, cancelTasksWhenShutdown } = options;
  checkInteger("askIntervalMs", askIntervalMs, 100, MOST_TIMER_MS);
  if (onLost !== "fail" && onLost !== "resubmit") {
    throw new InvalidOptionError("onLost", '"fail" or "resubmit"', onLost);
  }
  return { ...checkShared(options), onLost, askIntervalMs, maxQueue, cancelTasksWhenShutdown };
}

/** @throws InvalidOptionError for an unknown option, and for the first one that is out of range. */
export function checkHostOptions(given: BullMQTaskHostOptions): CheckedHostOptions {
  const options = readOptions(given, HOST_OPTIONS);
  const { jobs, lockDurationMs = DEFAULT_LOCK_MS, stalledIntervalMs = DEFAULT_LOCK_MS } = options;
  const { graceMs, maxMemoryBytes, maxTasksPerChild } = options;
  checkInteger("jobs", jobs, 1, Number.MAX_SAFE_INTEGER);
  checkInteger("lockDurationMs", lockDurationMs, 1000, MOST_TIMER_MS);
  checkInteger("stalledIntervalMs", stalledIntervalMs, 1000, MOST_TIMER_MS);
  const pool = { graceMs, maxMemoryBytes, maxTasksPerChild };
  return { ...checkShared(options), jobs, lockDurationMs, stalledIntervalMs, pool };
}
