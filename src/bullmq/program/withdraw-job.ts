import { nextTurn } from "../../system/timers.js";
import { pause } from "../../system/timers.js";
import type { SentJob } from "./sent-job.js";

/** After which time a host is told again to end a task; twice as long each time, up to the second. */
const FIRST_REPEAT_MS = 250;
const MAX_REPEAT_MS = 4000;

/** How long an end waits for an answer of Redis, in milliseconds. */
export const REDIS_WAIT_MS = 5000;

/** What to do about a job that is to end. */
interface Withdrawal {
  /** Takes it out of the queue. @returns Why, where it was there, and no host had it. */
  remove(): Promise<Error | undefined>;
  /** Whether its outcome is still waited for; of a task that is to end only if it waits, whether it may wait. */
  isOpen(): boolean;
  /** Whether the program ends, and waits for no Redis that refuses. */
  isHurried(): boolean;
  /** It was in the queue, and is no more; or nobody can tell whether it is, and `remove` has given no error. */
  onRemoved(error?: Error): void;
  /** Asks Redis what it knows of it. */
  ask(): Promise<void>;
}

/**
 * Takes a job out of the queue. When a host has it and is to end it, the host is told so until the outcome is there: a
 * host that is about to begin, or that Redis can't reach just now, does not hear the first call.
 *
 * While Redis does not answer, a task counts as ended after some seconds, unless it is known to run and is to end only
 * if it waits. The commands go to Redis when it is back, if the program is there.
 *
 * @param reason - Of a task that is to end also if it runs; else `undefined`.
 */
export async function withdrawJob(job: SentJob, reason: Error | undefined, withdrawal: Withdrawal): Promise<void> {
  for (let waitMs = FIRST_REPEAT_MS; withdrawal.isOpen(); waitMs = Math.min(2 * waitMs, MAX_REPEAT_MS)) {
    const { isAdded } = job;
    const answer = await answerOf(withdrawal.remove());
    const removed = answer instanceof Error ? answer : undefined;
    if (reason !== undefined && removed === undefined) job.end(job.task, reason);
    const isGivenUp = answer === "none" || (answer === "refused" && withdrawal.isHurried());
    // It may have begun while Redis was silent.
    if (removed !== undefined || (isGivenUp && withdrawal.isOpen())) {
      withdrawal.onRemoved(removed);
      return;
    }
    // Somebody else who waited for it may have taken it out.
    if (reason !== undefined) await Promise.race([withdrawal.ask(), pause(REDIS_WAIT_MS)]);
    else if (answer === "not there" && isAdded) return;
    if (withdrawal.isOpen()) await pause(waitMs);
  }
}

/** What Redis says of the removal; it may refuse it, a replica for one. */
async function answerOf(removing: Promise<Error | undefined>): Promise<Error | "not there" | "refused" | "none"> {
  const removal = removing.then(
    (removed) => removed ?? "not there",
    () => "refused" as const,
  );
  // After a turn that took so long, an answer that has come is still to be read.
  const silence = pause(REDIS_WAIT_MS).then(nextTurn).then(nextTurn);
  return Promise.race([removal, silence.then(() => "none" as const)]);
}
