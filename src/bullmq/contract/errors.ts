import { AsyncCpuError } from "../../errors.js";

function nameError(error: Error, name: string): void {
  Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
}

/** A package that `asynccpu/bullmq` needs, and that can't be loaded. */
export class MissingPackageError extends AsyncCpuError {
  /** Its name in the npm registry. */
  readonly packageName: string;

  constructor(packageName: string, options?: ErrorOptions) {
    super(
      "ASYNCCPU_MISSING_PACKAGE",
      `asynccpu/bullmq needs the package ${packageName}, which can't be loaded here: npm install ${packageName}.`,
      options,
    );
    nameError(this, "MissingPackageError");
    this.packageName = packageName;
  }
}

/** A program and the hosts of its queue, as far as they differ. */
export interface VersionMismatch {
  readonly queue: string;
  readonly version: string;
  readonly served: readonly string[];
}

/** Hosts serve the queue, but other versions of its tasks than this program has. */
export class VersionMismatchError extends AsyncCpuError {
  /** The version of this program. */
  readonly version: string;
  /** The versions that hosts serve. */
  readonly served: readonly string[];

  constructor({ queue, version, served }: VersionMismatch) {
    super(
      "ASYNCCPU_VERSION_MISMATCH",
      `This program has version ${version} of the tasks of queue "${queue}", and its hosts serve ${served.join(", ")}. ` +
        "Give program and hosts the same task module, or the same option version.",
    );
    nameError(this, "VersionMismatchError");
    this.version = version;
    this.served = served;
  }
}

/** A value that is too large for Redis could not be put into the store, or not be had again. */
export class ValueStoreError extends AsyncCpuError {
  constructor(message: string, options?: ErrorOptions) {
    super("ASYNCCPU_VALUE_STORE", message, options);
    nameError(this, "ValueStoreError");
  }
}

/** What a server says to a wrong password or none, to a user without the right, or to a wrong database. */
const ABOUT_LOGIN = /^(?:NOAUTH|NOPERM|WRONGPASS)\b|\bpassword\b|\bDB index\b/;

/** Redis answers, and refuses: by a wrong password or none, by the rights of the user, or for want of memory. */
export class RedisRefusedError extends AsyncCpuError {
  constructor(cause: Error) {
    const advice = ABOUT_LOGIN.test(cause.message)
      ? " Look at the option connection, or --redis (user, password, database), and at what this user may do there."
      : "";
    const message = `Redis refuses what is asked of it: ${cause.message.replace(/\.?$/, ".")}${advice}`;
    super("ASYNCCPU_REDIS_REFUSED", message, { cause });
    nameError(this, "RedisRefusedError");
  }
}

/** Of errors of ioredis: whether Redis itself has answered with it. */
export function isRefusal(error: Error): boolean {
  return error.name === "ReplyError";
}

/** What a server says that has not run a command, and will, or another one: in a failover, or while slots move. */
const PASSING = /^(?:ASK|CLUSTERDOWN|LOADING|MASTERDOWN|MOVED|NOSCRIPT|READONLY|TRYAGAIN)\b/;

/** Whether Redis has refused it for the time being. */
export function isPassing(error: Error): boolean {
  return isRefusal(error) && PASSING.test(error.message);
}

/**
 * The error for users. What Redis has refused is an error of ioredis, which holds the command: with its password, for
 * one.
 */
export function refusalOf(error: Error): Error {
  if (!isRefusal(error)) return error;
  const cause = new Error(error.message);
  nameError(cause, error.name);
  return new RedisRefusedError(cause);
}

/** Redis does not know a job any more, and nobody knows what came of it. */
export class JobLostError extends AsyncCpuError {
  /** The id of the job. */
  readonly jobId: string;

  /** @param taskName - None for a job that `find` looks for. */
  constructor(taskName: string | undefined, jobId: string) {
    const message =
      taskName === undefined
        ? `Redis has no job ${jobId}, and no outcome of it. ` +
          "Look at the id, and whether tasks (or version) and queue are those of the program that has submitted it. " +
          "That program's resultTtlSeconds says how long an outcome is kept."
        : `Redis has no job ${jobId} of task "${taskName}" any more, and no outcome of it: it may have run or not. ` +
          'Let Redis keep its data (appendonly yes), or have lost jobs submitted again with onLost: "resubmit".';
    super("ASYNCCPU_JOB_LOST", message);
    nameError(this, "JobLostError");
    this.jobId = jobId;
  }
}
