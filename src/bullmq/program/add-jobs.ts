import { ValueStoreError } from "../contract/errors.js";
import { isPassing } from "../contract/errors.js";
import { isRefusal } from "../contract/errors.js";
import { pause } from "../../system/timers.js";
import { refusalOf } from "../contract/errors.js";
import type { JobTable } from "./job-table.js";
import type { QueueLink } from "./queue-link.js";
import type { SentJob } from "./sent-job.js";

/** When Redis is asked again that has refused for the time being, in milliseconds. */
export const AGAIN_AFTER_MS = 500;

/** How many jobs that go each by itself are on their way at a time. */
const ALONE_AT_ONCE = 16;

/**
 * Sends jobs of a table to the queue. Those with chosen ids go each by itself, and so do those with large arguments:
 * that these can't be stored is no matter of the others.
 *
 * @param onFailed - Is told of each that could not be added.
 */
export async function sendJobs(
  link: QueueLink,
  table: JobTable,
  jobs: readonly SentJob[],
  onFailed: (job: SentJob, error: Error) => void,
): Promise<void> {
  const isAlone = ({ hasChosenId, frame }: SentJob): boolean => hasChosenId || link.values.isLarge(frame);
  const add = (some: readonly SentJob[]): Promise<void> => addJobs(link, table, some, onFailed);
  const addAlone = (job: SentJob): Promise<void> =>
    job.hasChosenId ? addChosen(link, job, () => add([job]), onFailed) : add([job]);
  await add(jobs.filter((job) => !isAlone(job)));
  const alone = jobs.filter(isAlone);
  while (alone.length > 0) await Promise.all(alone.splice(0, ALONE_AT_ONCE).map(addAlone));
}

/**
 * Adds jobs of a table to the queue, all at once.
 *
 * @param onFailed - Is told of each that could not be added.
 */
export async function addJobs(
  link: QueueLink,
  table: JobTable,
  jobs: readonly SentJob[],
  onFailed: (job: SentJob, error: Error) => void,
): Promise<void> {
  try {
    await link.add(jobs, (job) => table.has(job));
    for (const job of jobs) job.isAdded = true;
  } catch (error) {
    if (error instanceof ValueStoreError) {
      for (const job of jobs) onFailed(job, error);
      return;
    }
    for (const job of jobs) Object.assign(job, { isAdded: true, addError: error as Error });
    await askForUnsure(link, jobs, onFailed);
  }
}

/** A pipeline that breaks off has added some: Redis tells which, as soon as it answers. */
async function askForUnsure(
  link: QueueLink,
  unsure: readonly SentJob[],
  onFailed: (job: SentJob, error: Error) => void,
): Promise<void> {
  const refusal = await refusalToAnswer(() => link.ask(unsure));
  if (refusal === undefined) return;
  for (const job of unsure) onFailed(job, refusalOf(job.addError ?? refusal));
}

/** @returns Why Redis does not answer; `undefined` when it does, or is away and is asked again when it is back. */
async function refusalToAnswer(ask: () => Promise<void>): Promise<Error | undefined> {
  for (;;) {
    try {
      await ask();
      return undefined;
    } catch (error) {
      if (!isRefusal(error as Error)) return undefined;
      if (!isPassing(error as Error)) return error as Error;
      await pause(AGAIN_AFTER_MS);
    }
  }
}

/** Adds one with a chosen id. BullMQ takes no second job with an id: whose job it is then, is asked for. */
async function addChosen(
  link: QueueLink,
  job: SentJob,
  add: () => Promise<void>,
  onFailed: (job: SentJob, error: Error) => void,
): Promise<void> {
  try {
    await link.listen(job.data.producer);
    await add();
    await link.ask([job]);
  } catch (error) {
    onFailed(job, refusalOf(error as Error));
  }
}
