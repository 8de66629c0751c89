/** Options that go through to BullMQ, and those that don't: the library sets these itself. */

import type { DefaultJobOptions } from "bullmq";
import type { QueueOptions } from "bullmq";
import type { WorkerOptions } from "bullmq";

import { InvalidOptionError } from "../../errors.js";

const NO_COUNTERPART = "the executor sees to that itself";

type OwnedOfQueue = "connection" | "prefix" | "defaultJobOptions" | "skipWaitingForReady" | "blockingConnection";

/** What to use in place of each. */
const OWNED_OF_QUEUE: Readonly<Record<OwnedOfQueue & keyof QueueOptions, string>> = {
  connection: "use the option connection",
  prefix: "use the option queue",
  defaultJobOptions: "use the option jobOptions",
  skipWaitingForReady: NO_COUNTERPART,
  blockingConnection: NO_COUNTERPART,
};

type OwnedOfWorker =
  | "connection"
  | "name"
  | "prefix"
  | "skipWaitingForReady"
  | "blockingConnection"
  | "autorun"
  | "concurrency"
  | "lockDuration"
  | "lockRenewTime"
  | "skipLockRenewal"
  | "stalledInterval"
  | "skipStalledCheck"
  | "maxStalledCount"
  | "maxStartedAttempts"
  | "removeOnComplete"
  | "removeOnFail"
  | "useWorkerThreads"
  | "workerForkOptions"
  | "workerThreadsOptions";

const OWNED_OF_WORKER: Readonly<Record<OwnedOfWorker & keyof WorkerOptions, string>> = {
  connection: "use the option connection",
  name: NO_COUNTERPART,
  prefix: "use the option queue",
  skipWaitingForReady: NO_COUNTERPART,
  blockingConnection: NO_COUNTERPART,
  autorun: "call start()",
  concurrency: "use the option jobs",
  lockDuration: "use the option lockDurationMs",
  lockRenewTime: "use the option lockDurationMs",
  skipLockRenewal: "use the option lockDurationMs",
  stalledInterval: "use the option stalledIntervalMs",
  skipStalledCheck: "use the option stalledIntervalMs",
  maxStalledCount: 'have tasks run again by with({ retries: { limit, on: "crash" } })',
  maxStartedAttempts: 'have tasks run again by with({ retries: { limit, on: "crash" } })',
  removeOnComplete: "use the option resultTtlSeconds",
  removeOnFail: "use the option resultTtlSeconds",
  useWorkerThreads: NO_COUNTERPART,
  workerForkOptions: NO_COUNTERPART,
  workerThreadsOptions: NO_COUNTERPART,
};

type OwnedOfJob = "priority" | "attempts" | "backoff" | "lifo" | "removeOnComplete" | "removeOnFail" | "timestamp";

const OWNED_OF_JOB: Readonly<Record<OwnedOfJob & keyof DefaultJobOptions, string>> = {
  priority: "use with({ priority })",
  attempts: "use with({ retries })",
  backoff: "use with({ retries: { limit, backoffMs } })",
  lifo: "use with({ priority })",
  removeOnComplete: "use the option resultTtlSeconds",
  removeOnFail: "use the option resultTtlSeconds",
  timestamp: NO_COUNTERPART,
};

/** What a single job may have in BullMQ, and the jobs of an executor must not. */
const OWNED_OF_ONE_JOB: Readonly<Record<string, string>> = {
  ...OWNED_OF_JOB,
  jobId: "use with({ taskId })",
  deduplication: "use with({ taskId })",
  repeat: "submit the task each time",
  parent: "await one task before you submit the next one",
};

/** Options of BullMQ's `Queue` that an executor passes on. */
export type PassedQueueOptions = Omit<QueueOptions, OwnedOfQueue>;

/** Options of BullMQ's `Worker` that a host passes on. */
export type PassedWorkerOptions = Omit<WorkerOptions, OwnedOfWorker>;

/** Options of BullMQ's jobs that an executor passes on. */
export type PassedJobOptions = Omit<DefaultJobOptions, OwnedOfJob>;

function refuse(option: string, given: unknown, owned: Readonly<Record<string, string>>): void {
  if (given === undefined) return;
  if (typeof given !== "object" || given === null) throw new InvalidOptionError(option, "an object", given);
  for (const [name, value] of Object.entries(given)) {
    const advice = Object.hasOwn(owned, name) ? owned[name] : undefined;
    if (value === undefined || advice === undefined) continue;
    throw new InvalidOptionError(`${option}.${name}`, `${option} can't have "${name}": ${advice}.`);
  }
}

/** @throws InvalidOptionError for what the executor sets itself. */
export function checkPassedToQueue(queueOptions: unknown, jobOptions: unknown): void {
  refuse("queueOptions", queueOptions, OWNED_OF_QUEUE);
  refuse("jobOptions", jobOptions, OWNED_OF_ONE_JOB);
}

/** @throws InvalidOptionError for what the host sets itself. */
export function checkPassedToWorker(workerOptions: unknown): void {
  refuse("workerOptions", workerOptions, OWNED_OF_WORKER);
}
