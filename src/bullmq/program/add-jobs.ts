import { ValueStoreError } from "../contract/errors.js";
import type { JobTable } from "./job-table.js";
import type { QueueLink } from "./queue-link.js";
import type { SentJob } from "./sent-job.js";

/** How many large arguments are on their way to the store at a time. */
const STORED_AT_ONCE = 16;

/**
 * Adds jobs of a table to the queue. Those with large arguments go one by one: that these can't be stored is no
 * matter of the others.
 *
 * @param onFailed - Is told of each that could not be added.
 */
export async function addJobs(
  link: QueueLink,
  table: JobTable,
  jobs: readonly SentJob[],
  onFailed: (job: SentJob, error: Error) => void,
): Promise<void> {
  const unsure: SentJob[] = [];
  const addTogether = async (some: readonly SentJob[]): Promise<void> => {
    try {
      await link.add(some, (job) => table.has(job));
      for (const job of some) job.isAdded = true;
    } catch (error) {
      for (const job of some) {
        if (error instanceof ValueStoreError) onFailed(job, error);
        else {
          Object.assign(job, { isAdded: true, addError: error });
          unsure.push(job);
        }
      }
    }
  };
  const small = jobs.filter(({ frame }) => !link.values.isLarge(frame));
  if (small.length > 0) await addTogether(small);
  const large = jobs.filter(({ frame }) => link.values.isLarge(frame));
  while (large.length > 0) await Promise.all(large.splice(0, STORED_AT_ONCE).map((job) => addTogether([job])));
  await askForUnsure(link, unsure, onFailed);
}

/** A pipeline that breaks off has added some: Redis tells which. */
async function askForUnsure(
  link: QueueLink,
  unsure: readonly SentJob[],
  onFailed: (job: SentJob, error: Error) => void,
): Promise<void> {
  try {
    await link.ask(unsure);
  } catch (error) {
    // Redis is away, and asked again when it is back; or it refuses this as well.
    if ((error as Error).name !== "ReplyError") return;
    for (const job of unsure) onFailed(job, job.addError ?? (error as Error));
  }
}

/** Adds one with a chosen id. BullMQ takes no second job with an id: whose job it is then, is asked for. */
export async function addChosen(
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
    onFailed(job, error as Error);
  }
}
