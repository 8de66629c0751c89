import { pause } from "../../system/timers.js";
import type { SentJob } from "./sent-job.js";

/** After which time a host is told again to end a task; twice as long each time, up to the second. */
const FIRST_REPEAT_MS = 250;
const MAX_REPEAT_MS = 4000;

/** What to do about a job that is to end. */
interface Withdrawal {
  /** Whether its outcome is still waited for; of a task that is to end only if it waits, whether it may wait. */
  isOpen(): boolean;
  /** It was in the queue, and is no more. */
  onRemoved(): void;
  /** Asks Redis what it knows of it. */
  ask(): Promise<void>;
}

/**
 * Takes a job out of the queue. When a host has it and is to end it, the host is told so until the outcome is there: a
 * host that is about to begin, or that Redis can't reach just now, does not hear the first call.
 *
 * @param reason - Of a task that is to end also if it runs; else `undefined`.
 */
export async function withdrawJob(job: SentJob, reason: Error | undefined, withdrawal: Withdrawal): Promise<void> {
  for (let waitMs = FIRST_REPEAT_MS; withdrawal.isOpen(); waitMs = Math.min(2 * waitMs, MAX_REPEAT_MS)) {
    const { isAdded } = job;
    // Redis may refuse it, a replica for one.
    const isRemoved = await job.remove().catch(() => undefined);
    if (isRemoved === true) {
      withdrawal.onRemoved();
      return;
    }
    if (reason !== undefined) {
      job.end(job.task, reason);
      // Somebody else who waited for it may have taken it out.
      await withdrawal.ask();
    } else if (isRemoved === false && isAdded) return;
    if (withdrawal.isOpen()) await pause(waitMs);
  }
}
