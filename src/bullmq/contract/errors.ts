import { AsyncCpuError } from "../../errors.js";

function nameError(error: AsyncCpuError, name: string): void {
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

/** Redis does not know a job any more, and nobody knows what came of it. */
export class JobLostError extends AsyncCpuError {
  /** The id of the job. */
  readonly jobId: string;

  constructor(taskName: string, jobId: string) {
    super(
      "ASYNCCPU_JOB_LOST",
      `Redis has no job ${jobId} of task "${taskName}" any more, and no outcome of it: it may have run or not. ` +
        'Let Redis keep its data (appendonly yes), or have lost jobs submitted again with onLost: "resubmit".',
    );
    nameError(this, "JobLostError");
    this.jobId = jobId;
  }
}
