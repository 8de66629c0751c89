/** The options of an executor and of a host, and their check. */

import { InvalidOptionError } from "../../errors.js";
import { LargeValues } from "./large-values.js";
import { MAX_REDIS_BYTES } from "./large-values.js";
import { checkInteger } from "../../executor/options/check-options.js";
import { checkPassedToQueue } from "./passed-options.js";
import { checkPassedToWorker } from "./passed-options.js";
import { namesOf } from "../../option-names.js";
import { readOptions } from "../../option-names.js";
import { taskModuleUrl } from "./task-module.js";
import type { LogQueue } from "../../logging/log-queue.js";
import type { OptionList } from "../../option-names.js";
import type { PassedJobOptions } from "./passed-options.js";
import type { PassedQueueOptions } from "./passed-options.js";
import type { PassedWorkerOptions } from "./passed-options.js";
import type { ProcessTaskPoolExecutorOptions } from "../../executor/options/options.js";
import type { RedisConnection } from "./redis.js";
import type { TaskOptions } from "../../executor/options/options.js";
import type { ValueStore } from "./value-store.js";

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
  /**
   * Keeps large arguments and outcomes, of which Redis then has only references: the same one for the executor and
   * all hosts. Without it they go through Redis, up to 16 MiB. Default: none.
   */
  readonly store?: ValueStore | undefined;
  /** From which size on the store has them, in bytes. Default: 262144. */
  readonly largeAboveBytes?: number | undefined;
}

/** Options of a `BullMQTaskExecutor`. */
export interface BullMQTaskExecutorOptions
  extends SharedOptions, Pick<ProcessTaskPoolExecutorOptions, "maxQueue" | "cancelTasksWhenShutdown"> {
  /**
   * What happens to a task of which Redis knows nothing any more: its future rejects with `JobLostError` ("fail"), or
   * it is submitted again under the same id, so that it may run twice ("resubmit"). Default: "fail".
   */
  readonly onLost?: "fail" | "resubmit" | undefined;
  /** How long outcomes are kept at least, in seconds: 1 to 315,360,000 (ten years). Default: 3600. */
  readonly resultTtlSeconds?: number | undefined;
  /**
   * How often Redis is asked for tasks of which nothing was heard since it was asked last, in milliseconds: a host may
   * die before it tells of an outcome. Default: 30000.
   */
  readonly askIntervalMs?: number | undefined;
  /**
   * What happens to a task when hosts serve the queue, and none of them this version: it waits, and when its
   * `queueTimeoutMs` ends that, the `cause` of the error names the versions ("wait"); or it rejects at once with a
   * `VersionMismatchError` ("fail"). Default: "wait".
   */
  readonly onVersionMismatch?: "wait" | "fail" | undefined;
  /**
   * What happens to the tasks of this program when it ends, however it does: they go on ("continue"), or hosts cancel
   * them within 30 seconds ("cancel"). Default: "continue".
   */
  readonly onProducerEnd?: "continue" | "cancel" | undefined;
  /** Receives what the tasks of this executor log, on whichever host. Default: none; hosts print it. */
  readonly logQueue?: LogQueue | undefined;
  /** Options of BullMQ's `Queue`, but for those that the executor sets itself. */
  readonly queueOptions?: PassedQueueOptions | undefined;
  /** Options of BullMQ for each job, but for those that the executor sets itself. */
  readonly jobOptions?: PassedJobOptions | undefined;
}

/** Options of a call of a `BullMQTaskExecutor`. */
export interface BullMQTaskOptions<P = never> extends TaskOptions<P> {
  /**
   * The id of the task, by which any program finds its outcome: no integer, and without colons. A second task with
   * the id of one whose outcome is kept doesn't run: it has the outcome of the first. Default: the executor gives it.
   */
  readonly taskId?: string | undefined;
}

/** Options of the processes of a host. */
type PoolOptions = Pick<
  ProcessTaskPoolExecutorOptions,
  "configurer" | "graceMs" | "initargs" | "initializer" | "maxMemoryBytes" | "maxTasksPerChild"
>;

/** Options of a `BullMQTaskHost`. */
export interface BullMQTaskHostOptions extends SharedOptions, PoolOptions {
  /** How many tasks run at a time, each in a process. Default: the number of CPUs. */
  readonly jobs?: number | undefined;
  /** How long the lock of a job lasts that its host doesn't renew, in milliseconds. Default: 30000. */
  readonly lockDurationMs?: number | undefined;
  /** How often hosts look for jobs whose host is gone, in milliseconds. Default: 30000. */
  readonly stalledIntervalMs?: number | undefined;
  /** Options of BullMQ's `Worker`, but for those that the host sets itself. */
  readonly workerOptions?: PassedWorkerOptions | undefined;
}

/** The highest priority of a task, and the lowest below 0: BullMQ has numbers from 1 to 2^21. */
export const MOST_PRIORITY = 1_000_000;

/** The queue of an executor and a host that name none. */
export const DEFAULT_QUEUE = "asynccpu";
/** How long outcomes are kept, in seconds, unless the program says otherwise. */
export const DEFAULT_TTL_SECONDS = 3600;

/** How long they can be kept, in seconds: ten years. */
export const LONGEST_TTL_SECONDS: number = 10 * 365 * 24 * 3600;
const DEFAULT_LOCK_MS = 30_000;
const DEFAULT_ASK_MS = 30_000;

/** Node's timers take no more. */
const MOST_TIMER_MS = 2 ** 31 - 1;

const DEFAULT_LARGE_BYTES = 262_144;

const SHARED = {
  connection: true,
  largeAboveBytes: true,
  queue: true,
  store: true,
  tasks: true,
  version: true,
} as const;

const EXECUTOR_OPTIONS: OptionList = {
  call: "new BullMQTaskExecutor()",
  names: namesOf<BullMQTaskExecutorOptions>({
    ...SHARED,
    askIntervalMs: true,
    cancelTasksWhenShutdown: true,
    jobOptions: true,
    logQueue: true,
    maxQueue: true,
    onLost: true,
    onProducerEnd: true,
    onVersionMismatch: true,
    queueOptions: true,
    resultTtlSeconds: true,
  }),
  example: '{ connection: { url: "redis://localhost:6379" }, tasks: new URL("./tasks.js", import.meta.url) }',
};

const HOST_OPTIONS: OptionList = {
  call: "new BullMQTaskHost()",
  names: namesOf<BullMQTaskHostOptions>({
    ...SHARED,
    configurer: true,
    graceMs: true,
    initargs: true,
    initializer: true,
    jobs: true,
    lockDurationMs: true,
    maxMemoryBytes: true,
    maxTasksPerChild: true,
    stalledIntervalMs: true,
    workerOptions: true,
  }),
  example: EXECUTOR_OPTIONS.example,
};

interface CheckedShared {
  readonly connection: RedisConnection;
  readonly queue: string;
  readonly tasksUrl: string;
  readonly version: string | undefined;
  readonly values: LargeValues;
}

/** The options of an executor, checked and filled in. */
export interface CheckedExecutorOptions extends CheckedShared {
  readonly resultTtlSeconds: number;
  readonly onLost: "fail" | "resubmit";
  readonly askIntervalMs: number;
  readonly onVersionMismatch: "wait" | "fail";
  readonly onProducerEnd: "continue" | "cancel";
  readonly logQueue: LogQueue | undefined;
  readonly queueOptions: PassedQueueOptions | undefined;
  readonly jobOptions: PassedJobOptions | undefined;
  readonly maxQueue: number | undefined;
  readonly cancelTasksWhenShutdown: boolean | undefined;
}

/** The options of a host, checked and filled in. */
export interface CheckedHostOptions extends CheckedShared {
  readonly jobs: number | undefined;
  readonly lockDurationMs: number;
  readonly stalledIntervalMs: number;
  readonly workerOptions: PassedWorkerOptions | undefined;
  readonly pool: PoolOptions;
}

function isText(value: unknown, pattern: RegExp): boolean {
  return value === undefined || (typeof value === "string" && pattern.test(value));
}

/** Of what is wrong only the scheme is told: a URL may hold a password. ioredis takes paths and hosts without one. */
function checkUrl(url: unknown): void {
  const [scheme] = /^[a-z][a-z\d+.-]*:\/\//i.exec(typeof url === "string" ? url : "") ?? [];
  if (scheme === undefined || /^rediss?:/i.test(scheme)) return;
  throw new InvalidOptionError("connection.url", "a URL that begins with redis:// or rediss://", scheme);
}

function isStore(given: unknown): given is ValueStore {
  const { put, get, delete: remove } = (given ?? {}) as Partial<Record<keyof ValueStore, unknown>>;
  return [put, get, remove].every((method) => typeof method === "function");
}

function checkValues({ store, largeAboveBytes }: SharedOptions): LargeValues {
  if (store !== undefined && !isStore(store)) {
    throw new InvalidOptionError("store", "an object with put, get and delete, such as new FolderStore(path)", store);
  }
  checkInteger("largeAboveBytes", largeAboveBytes, 1, MAX_REDIS_BYTES);
  return new LargeValues(store, largeAboveBytes ?? DEFAULT_LARGE_BYTES);
}

/**
 * BullMQ allows no colon; a brace would be taken for a hash tag; the version follows the first @.
 *
 * @throws InvalidOptionError for names that BullMQ doesn't take, or that would mean another queue.
 */
export function checkQueueNames(queue: string, version: string | undefined): void {
  if (!isText(queue, /^[^:{}@]+$/)) {
    throw new InvalidOptionError("queue", "a text that is not empty, without colons, braces and @", queue);
  }
  if (!isText(version, /^[^:{}]+$/)) {
    throw new InvalidOptionError("version", "a text that is not empty, without colons and braces", version);
  }
}

function checkShared(options: SharedOptions): CheckedShared {
  const { connection, queue = DEFAULT_QUEUE, tasks, version } = options;
  if (typeof connection !== "object" || connection === null) {
    throw new InvalidOptionError("connection", "an object such as { url } or a client of ioredis", connection);
  }
  checkUrl((connection as { url?: unknown }).url);
  const { keyPrefix, options: ofClient } = connection as { keyPrefix?: unknown; options?: { keyPrefix?: unknown } };
  if ((keyPrefix ?? ofClient?.keyPrefix ?? "") !== "") {
    throw new InvalidOptionError("connection.keyPrefix", "BullMQ takes no keyPrefix: tell queues apart by queue.");
  }
  checkQueueNames(queue, version);
  return { connection, queue, tasksUrl: taskModuleUrl(tasks), version, values: checkValues(options) };
}

/** @returns What was given, or the first of the values. */
function checkChoice<T extends string>(option: string, value: T | undefined, values: readonly [T, T]): T {
  const [first, second] = values;
  if (value === undefined || value === first) return first;
  if (value !== second) throw new InvalidOptionError(option, `"${first}" or "${second}"`, value);
  return second;
}

function checkLogQueue(logQueue: Partial<LogQueue> | undefined, queue: unknown): void {
  if (typeof (queue as Partial<LogQueue> | undefined)?.put === "function") {
    throw new InvalidOptionError("queue", "queue is the name of the queue in Redis: pass a LogQueue as logQueue.");
  }
  if (logQueue === undefined || typeof logQueue?.put === "function") return;
  throw new InvalidOptionError("logQueue", "a LogQueue", logQueue);
}

/** @throws InvalidOptionError for an unknown option, and for the first one that is out of range. */
export function checkExecutorOptions(given: BullMQTaskExecutorOptions): CheckedExecutorOptions {
  const options = readOptions(given, EXECUTOR_OPTIONS);
  const { askIntervalMs = DEFAULT_ASK_MS, logQueue, maxQueue, cancelTasksWhenShutdown } = options;
  const { queueOptions, jobOptions, resultTtlSeconds = DEFAULT_TTL_SECONDS } = options;
  checkInteger("askIntervalMs", askIntervalMs, 100, MOST_TIMER_MS);
  checkInteger("resultTtlSeconds", resultTtlSeconds, 1, LONGEST_TTL_SECONDS);
  checkLogQueue(logQueue, options.queue);
  checkPassedToQueue(queueOptions, jobOptions);
  return {
    ...checkShared(options),
    onLost: checkChoice("onLost", options.onLost, ["fail", "resubmit"]),
    onVersionMismatch: checkChoice("onVersionMismatch", options.onVersionMismatch, ["wait", "fail"]),
    onProducerEnd: checkChoice("onProducerEnd", options.onProducerEnd, ["continue", "cancel"]),
    askIntervalMs,
    cancelTasksWhenShutdown,
    jobOptions,
    logQueue,
    maxQueue,
    queueOptions,
    resultTtlSeconds,
  };
}

/** @throws InvalidOptionError for an unknown option, and for the first one that is out of range. */
export function checkHostOptions(given: BullMQTaskHostOptions): CheckedHostOptions {
  const options = readOptions(given, HOST_OPTIONS);
  const { jobs, lockDurationMs = DEFAULT_LOCK_MS, stalledIntervalMs = DEFAULT_LOCK_MS, workerOptions } = options;
  const { configurer, graceMs, initargs, initializer, maxMemoryBytes, maxTasksPerChild } = options;
  checkInteger("jobs", jobs, 1, Number.MAX_SAFE_INTEGER);
  checkInteger("lockDurationMs", lockDurationMs, 1000, MOST_TIMER_MS);
  checkInteger("stalledIntervalMs", stalledIntervalMs, 1000, MOST_TIMER_MS);
  checkPassedToWorker(workerOptions);
  const pool = { configurer, graceMs, initargs, initializer, maxMemoryBytes, maxTasksPerChild };
  return { ...checkShared(options), jobs, lockDurationMs, stalledIntervalMs, workerOptions, pool };
}
