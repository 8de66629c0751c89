/**
 * Every error that asynccpu itself makes: one base class, one subclass for each thing that a user may want to catch.
 *
 * `code` is stable across versions and survives the way between processes; the text of `message` is not a contract.
 */

import { showValue } from "./show-value.js";

/** Base class of every error made by asynccpu. */
export class AsyncCpuError extends Error {
  /** Stable identifier, `ASYNCCPU_...`; listed in docs/errors.md. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    // A subclass's name must survive minified builds, so it is not taken from `new.target.name`.
    Object.defineProperty(this, "name", { value: "AsyncCpuError", configurable: true, writable: true });
  }
}

function nameError(error: AsyncCpuError, name: string): void {
  Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
}

/** The task was cancelled; `cause` is the reason given to `cancel()` or the reason of the abort signal. */
export class CancelledError extends AsyncCpuError {
  constructor(message = "The task was cancelled.", options?: ErrorOptions) {
    super("ASYNCCPU_CANCELLED", message, options);
    nameError(this, "CancelledError");
  }
}

/** The task ran for longer than its `timeoutMs` and was ended. */
export class TaskTimeoutError extends AsyncCpuError {
  /** The limit that was exceeded, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * Where the task was when its time was up: frames as in `stack`, which begins with them. Empty when it ran no
   * JavaScript (it waited, or was inside native code) or its process didn't answer (it was stopped).
   */
  readonly taskStack: string;

  constructor(taskName: string, timeoutMs: number, taskStack = "") {
    super(
      "ASYNCCPU_TIMEOUT",
      `Task "${taskName}" ran for longer than its timeout of ${timeoutMs} ms and was ended. ` +
        "Raise timeoutMs, or split the work into smaller tasks.",
    );
    nameError(this, "TaskTimeoutError");
    this.timeoutMs = timeoutMs;
    this.taskStack = taskStack;
  }
}

/** The task did not begin within its `queueTimeoutMs`, and never will. */
export class QueueTimeoutError extends AsyncCpuError {
  /** The limit that was exceeded, in milliseconds. */
  readonly queueTimeoutMs: number;

  /** @param advice - What is known of the reason, and what to do. */
  constructor(
    taskName: string,
    queueTimeoutMs: number,
    advice = "Submit less at a time, or raise queueTimeoutMs or maxWorkers.",
    options?: ErrorOptions,
  ) {
    super(
      "ASYNCCPU_QUEUE_TIMEOUT",
      `Task "${taskName}" waited for longer than its queueTimeoutMs of ${queueTimeoutMs} ms and was dropped. ${advice}`,
      options,
    );
    nameError(this, "QueueTimeoutError");
    this.queueTimeoutMs = queueTimeoutMs;
  }
}

/** Futures that were waited for with a time limit had not settled when it was over. Their tasks go on. */
export class WaitTimeoutError extends AsyncCpuError {
  /** The limit that was exceeded, in milliseconds. */
  readonly timeoutMs: number;

  constructor(pendingCount: number, count: number, timeoutMs: number) {
    super(
      "ASYNCCPU_WAIT_TIMEOUT",
      `${pendingCount} of ${count} futures had not settled after ${timeoutMs} ms. ` +
        "Their tasks go on: cancel the futures, or wait longer.",
    );
    nameError(this, "WaitTimeoutError");
    this.timeoutMs = timeoutMs;
  }
}

/** The executor has as many tasks as its `maxQueue` lets it have, and did not take this one. */
export class QueueFullError extends AsyncCpuError {
  /** The limit, in tasks. */
  readonly maxQueue: number;

  constructor(maxQueue: number) {
    super(
      "ASYNCCPU_QUEUE_FULL",
      `The executor takes no further task now: ${maxQueue} tasks wait beside those that run (maxQueue). ` +
        "Try again later, or wait with `await executor.room()`.",
    );
    nameError(this, "QueueFullError");
    this.maxQueue = maxQueue;
  }
}

/**
 * What a crash looks like: V8's heap was full (`heap-limit`), or the kernel killed the process for want of memory
 * (`oom-killer`, by the kernel's count of such kills, which is the whole machine's: a hint, no proof). Or the host of
 * another machine that ran the task is gone as a whole (`host-gone`).
 */
export type CrashCause = "heap-limit" | "oom-killer" | "host-gone";

/** What is known of a worker process that ended while it ran a task. */
export interface WorkerCrash {
  /** Process id of the worker; 0 when its host is gone. */
  readonly pid: number;
  /** Exit status; `null` when a signal ended the process. */
  readonly exitCode: number | null;
  /** Signal that ended the process; `null` when it exited by itself. */
  readonly signal: NodeJS.Signals | null;
  /** Last lines that the worker wrote to its standard error. */
  readonly stderr: string;
  /** Name of the task that it was running. */
  readonly taskName: string;
  /** What it looks like, as far as that is known. */
  readonly likelyCause?: CrashCause | undefined;
}

/** The text with a full stop, unless it ends a sentence already. */
function endSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

const CAUSE_TEXTS: Readonly<Record<CrashCause, string>> = {
  "heap-limit": " It looks as if V8's heap was full: raise --max-old-space-size in execArgv, or send smaller pieces.",
  "host-gone":
    " It was killed, stood still or lost Redis: another host has seen that the lock of the job had run out. " +
    'The task may have run in part. with({ retries: { limit: 3, on: "crash" } }) has it run again.',
  "oom-killer": " It looks as if the kernel killed it for want of memory: use fewer workers, or send smaller pieces.",
};

function describeCrash({ exitCode, likelyCause, pid, signal, taskName }: WorkerCrash): string {
  if (likelyCause === "host-gone") return `The host that ran task "${taskName}" is gone.`;
  const end = signal === null ? `exited with code ${exitCode ?? "unknown"}` : `was ended by ${signal}`;
  return `Worker process ${pid} ${end} while it ran task "${taskName}". Other tasks are not affected.`;
}

/** Says what a task may have done, when nothing else is known of the end. */
function explainEnd({ signal, stderr, likelyCause }: WorkerCrash): string {
  if (likelyCause !== undefined || signal !== null || stderr !== "") return explainCause(likelyCause);
  return " If the task called process.exit(), let it return or throw instead.";
}

function explainCause(cause: CrashCause | undefined): string {
  return cause === undefined ? "" : CAUSE_TEXTS[cause];
}

function quoteStderr(stderr: string): string {
  return stderr === "" ? "" : ` Last lines of its stderr:\n${stderr}`;
}

/** The worker process ended while it ran this task: a crash, a kill, or an exit called by the task. */
export class WorkerCrashedError extends AsyncCpuError implements WorkerCrash {
  readonly pid: number;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly taskName: string;
  readonly likelyCause: CrashCause | undefined;

  constructor(crash: WorkerCrash) {
    super("ASYNCCPU_WORKER_CRASHED", `${describeCrash(crash)}${explainEnd(crash)}${quoteStderr(crash.stderr)}`);
    nameError(this, "WorkerCrashedError");
    this.pid = crash.pid;
    this.exitCode = crash.exitCode;
    this.signal = crash.signal;
    this.stderr = crash.stderr;
    this.taskName = crash.taskName;
    this.likelyCause = crash.likelyCause;
  }
}

/** What is known of a worker that had more memory than it may. */
export interface MemoryExcess {
  /** Process id of the worker. */
  readonly pid: number;
  /** Name of the task that it was running. */
  readonly taskName: string;
  /** The limit, in bytes. */
  readonly limitBytes: number;
  /** What was measured, in bytes that were in RAM. */
  readonly measuredBytes: number;
}

const MIB = 1024 * 1024;

/** The worker had more memory than `maxMemoryBytes.hard` while it ran this task, and was killed. */
export class WorkerMemoryLimitError extends AsyncCpuError implements MemoryExcess {
  readonly pid: number;
  readonly taskName: string;
  readonly limitBytes: number;
  readonly measuredBytes: number;

  constructor({ pid, taskName, limitBytes, measuredBytes }: MemoryExcess) {
    const [measured, limit] = [measuredBytes, limitBytes].map((bytes) => `${(bytes / MIB).toFixed(1)} MiB`);
    super(
      "ASYNCCPU_WORKER_MEMORY_LIMIT",
      `Worker process ${pid} had ${measured} in RAM while it ran task "${taskName}", and its limit is ${limit} ` +
        "(maxMemoryBytes.hard): it was killed. Send smaller pieces, or raise the limit.",
    );
    nameError(this, "WorkerMemoryLimitError");
    this.pid = pid;
    this.taskName = taskName;
    this.limitBytes = limitBytes;
    this.measuredBytes = measuredBytes;
  }
}

const CHECK_START = "Check execArgv, env, cwd and the limits on processes and memory.";
const PORT_TAKEN =
  "A module that each worker loads opens a port that is already taken. It is probably a preload (--import, --require, NODE_OPTIONS). " +
  "Leave it out of the workers with the options execArgv and env, or open the port in the main program.";

/** Worker processes could not be started: the spawn failed, or they ended before they were ready, several times. */
export class WorkerStartError extends AsyncCpuError {
  /** Last lines that the last worker wrote to its standard error. */
  readonly stderr: string;

  constructor(attempts: number, what: string, stderr: string, options?: ErrorOptions) {
    super(
      "ASYNCCPU_WORKER_START_FAILED",
      `No worker process could be started after ${attempts} attempts in a row: ${what}. ` +
        `${stderr.includes("EADDRINUSE") ? PORT_TAKEN : CHECK_START}${quoteStderr(stderr)}`,
      options,
    );
    nameError(this, "WorkerStartError");
    this.stderr = stderr;
  }
}

/** The executor's `initializer` or `configurer` threw in a worker; `cause` is what it threw. */
export class InitializerError extends AsyncCpuError {
  constructor(which: "initializer" | "configurer", options: ErrorOptions) {
    const cause = options.cause instanceof Error ? options.cause.message : showValue(options.cause);
    super(
      "ASYNCCPU_INITIALIZER_FAILED",
      `The ${which} failed in a worker process: ${endSentence(cause)} ` +
        "The executor takes no more tasks. Mend the function, and make a new executor.",
      options,
    );
    nameError(this, "InitializerError");
  }
}

const PASS_PLAIN_DATA = "Pass plain data (what structuredClone takes), or make the object inside the task.";
const GIVE_PLAIN_DATA = "Give back plain data (what structuredClone takes).";

/** An argument, a result or a thrown value can't be sent between processes; `path` leads to the offending part. */
export class NotSerializableError extends AsyncCpuError {
  /** Where the offending part is, such as `args[0].db.socket` or `result[3]`. */
  readonly path: string;

  constructor(path: string, what: string, options?: ErrorOptions) {
    const isResult = /^(?:result|thrown)/.test(path);
    super(
      "ASYNCCPU_NOT_SERIALIZABLE",
      `${path} can't be sent between processes: ${endSentence(what)} ${isResult ? GIVE_PLAIN_DATA : PASS_PLAIN_DATA}`,
      options,
    );
    nameError(this, "NotSerializableError");
    this.path = path;
  }
}

/** One reason why a function can't be sent to a worker. */
export interface PickleProblem {
  /** The variable of the submitted function, or the path from it to the offending part, such as `config.db.socket`. */
  readonly variable: string;
  /** Where the path leads into functions and classes: the last one's own variable, with its position. */
  readonly through?: string;
  /** What stands in the way. */
  readonly problem: string;
  /** What to do instead. */
  readonly advice: string;
  /** `file:line:column` of the first use, where it is known. Lines and columns count from 1. */
  readonly position?: string;
}

/** The function can't be sent to a worker: it uses a variable whose value can't leave its process. */
export class FunctionNotPicklableError extends AsyncCpuError {
  /** Every problem found, not only the first. */
  readonly problems: readonly PickleProblem[];

  constructor(functionName: string, problems: readonly PickleProblem[]) {
    const lines = problems.map(
      ({ variable, through, problem, advice, position }) =>
        `  - ${variable}${through === undefined ? "" : `, through ${through}`}: ${problem}. ` +
        `${advice}${position === undefined ? "" : ` (${position})`}`,
    );
    super(
      "ASYNCCPU_NOT_PICKLABLE",
      `Function "${functionName}" can't be sent to a worker process:\n${lines.join("\n")}\n` +
        "Whatever it uses, a function can be sent by its name: export it from a module of its own, or write " +
        'moduleTask(new URL("./tasks.js", import.meta.url), "name").',
    );
    nameError(this, "FunctionNotPicklableError");
    this.problems = problems;
  }
}

/** What was passed as the function of a task is not a function. */
export class NotAFunctionError extends AsyncCpuError {
  constructor(what: string, options?: ErrorOptions) {
    super(
      "ASYNCCPU_NOT_A_FUNCTION",
      `A task needs a function, but was given ${what}. Pass the function and its arguments: createProcessTask(fn, ...args).`,
      options,
    );
    nameError(this, "NotAFunctionError");
  }
}

/** A promise (a call that already runs in this process) was passed in place of a function. */
export class PromisePassedError extends AsyncCpuError {
  constructor() {
    super(
      "ASYNCCPU_PROMISE_PASSED",
      "A task needs a function, but was given a promise: the call already runs in this process. " +
        "Write createProcessTask(fn, arg), not createProcessTask(fn(arg)).",
    );
    nameError(this, "PromisePassedError");
  }
}

/**
 * An option is unknown, or has a value outside its range or of the wrong type; so may be an argument of a call such as
 * `map`.
 */
export class InvalidOptionError extends AsyncCpuError {
  /** Name of the option or argument. */
  readonly option: string;

  /**
   * @param expected - Completes "must be"; without a value, it is the whole message.
   * @param value - What it is in place of that.
   */
  constructor(option: string, expected: string, ...value: [] | [value: unknown]) {
    const message =
      value.length === 0 ? expected : `Option "${option}" must be ${expected}, but is ${showValue(value[0])}.`;
    super("ASYNCCPU_INVALID_OPTION", message);
    nameError(this, "InvalidOptionError");
    this.option = option;
  }
}

/** A module that the function needs can't be found or has no such export in the worker. */
export class ModuleNotFoundError extends AsyncCpuError {
  constructor(message: string, options?: ErrorOptions) {
    super("ASYNCCPU_MODULE_NOT_FOUND", message, options);
    nameError(this, "ModuleNotFoundError");
  }
}

/** A task of a task of a task ... made a pool, and theirs would be one pool too deep: it takes no tasks. */
export class NestingTooDeepError extends AsyncCpuError {
  /** How many pools stand above this process. */
  readonly depth: number;

  constructor(depth: number, maxDepth: number) {
    super(
      "ASYNCCPU_NESTING_TOO_DEEP",
      `This process is already ${depth} pools deep, and the limit is ${maxDepth}. Pools that start pools without end would fill the ` +
        "machine with processes. Do the work here, or set the environment variable ASYNCCPU_MAX_DEPTH.",
    );
    nameError(this, "NestingTooDeepError");
    this.depth = depth;
  }
}

/**
 * A module submitted a task (or called `warmUp()`) while a worker imported it for a task of its own: each such worker
 * would make workers of its own. Its future never counts as an unhandled rejection, since the module may do without.
 */
export class ImportTimeUseError extends AsyncCpuError {
  constructor(what: string) {
    super(
      "ASYNCCPU_IMPORT_TIME_USE",
      `${what} while a worker process was importing the modules of a task's function. One of these modules does that at its top level, ` +
        "so each worker that imports it would start workers of its own. Guard the call: " +
        'import { isWorker } from "asynccpu"; if (!isWorker) { ... }. Or move it into a function.',
    );
    nameError(this, "ImportTimeUseError");
  }
}

/** The executor was shut down before this task was submitted. */
export class ExecutorShutdownError extends AsyncCpuError {
  constructor(
    message = "The executor has been shut down and takes no more tasks. Submit before shutdown(), or make a new executor.",
  ) {
    super("ASYNCCPU_EXECUTOR_SHUT_DOWN", message);
    nameError(this, "ExecutorShutdownError");
  }
}

/**
 * Shared memory can't be had or can't be reached: there is not enough of it, the process that sent it has ended, or it
 * was disposed.
 */
export class SharedMemoryError extends AsyncCpuError {
  constructor(message: string, options?: ErrorOptions) {
    super("ASYNCCPU_SHARED_MEMORY", message, options);
    nameError(this, "SharedMemoryError");
  }
}

/** A frame on the private pipe broke the protocol; the process that sent it is ended. */
export class ProtocolError extends AsyncCpuError {
  constructor(message: string, options?: ErrorOptions) {
    super("ASYNCCPU_PROTOCOL", message, options);
    nameError(this, "ProtocolError");
  }
}
