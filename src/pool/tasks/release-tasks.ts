/** Tasks that leave a worker without having run there. */

import type { PoolTask } from "../queue/pool-task.js";
import type { TaskOutcome } from "../queue/pool-task.js";
import type { TasksEvents } from "./tasks-host.js";

/** Tasks that have not begun in a worker are cancelled, or run elsewhere. */
export function releaseTasks(tasks: readonly PoolTask[], events: TasksEvents): void {
  for (const task of tasks) {
    if (task.endReason !== undefined) events.onEnded(task, { kind: "ended", error: task.endReason });
  }
  const returned = tasks.filter(({ state }) => state !== "settled");
  if (returned.length > 0) events.onReturned(returned);
}

/**
 * The tasks that a process, which is gone, had behind its first one: those that have not begun run elsewhere.
 *
 * @param doubt - What is done with those that may have begun without a notice.
 */
export function releaseOthers(others: readonly PoolTask[], doubt: Doubt | undefined, events: TasksEvents): void {
  const isDoubtful = ({ number }: PoolTask): boolean => doubt !== undefined && !(number > doubt.lastBegun);
  // Asked once: those that are released may have a number elsewhere in a moment.
  const doubtful = others.filter(isDoubtful);
  releaseTasks(others.slice(doubtful.length), events);
  for (const task of doubtful) events.onEnded(task, doubt?.outcomeOf(task) as TaskOutcome);
}

/** Notices of a process that can't be trusted, or were lost. */
export interface Doubt {
  /** The last task of which it is known, by the journal, that it has begun; `NaN` when that isn't known. */
  readonly lastBegun: number;
  /** How a task ends that may have begun. */
  outcomeOf(task: PoolTask): TaskOutcome;
}
