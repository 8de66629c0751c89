import type { ParentChannel } from "../../wire/parent-channel.js";
import type { PoolTask } from "../queue/pool-task.js";
import type { ProcessTask } from "../../system/process/process-task.js";
import type { TaskOutcome } from "../queue/pool-task.js";
import type { TreeRoot } from "../../system/tree/process-tree.js";
import type { WorkerJournal } from "../../wire/journal/journal-file.js";

/** The limits of the tasks of a worker. */
export interface TaskLimits {
  readonly graceMs: number;
  /** How many tasks the worker takes before it is replaced. Default: no limit. */
  readonly maxTasks: number | undefined;
  /** For tests. Default: that of `BeginLimit`. */
  readonly beginLimitMs?: number;
}

/** What the pool hears of the tasks of its workers. */
export interface TasksEvents {
  /** A worker may have room for tasks, more than before. */
  onRoom(): void;
  /** Tasks that a worker held have not begun, and won't begin there. In their order. */
  onReturned(tasks: readonly PoolTask[]): void;
  /** A task has ended, and is to be settled. The state of its worker is already the next one. */
  onEnded(task: PoolTask, outcome: TaskOutcome): void;
}

/** Why a worker is of no more use to its tasks: it may have no more of them, or it hangs. */
export type Unfit = "used up" | "hung";

/** The process that runs the tasks, as these see it. They ask it for nothing but its end. */
export interface TasksHost {
  readonly config: TaskLimits;
  readonly channel: ParentChannel;
  readonly processTask: ProcessTask;
  readonly root: TreeRoot;
  /** Where the worker keeps the starts of its tasks, and what it has not sent; absent where there is none. */
  readonly journal: Pick<WorkerJournal, "lastTask" | "readWhileWritten"> | undefined;
  /** Whether the process takes tasks, ends with its last one, or is being killed. */
  readonly life: { readonly isOpen: boolean; readonly isRetiring: boolean; readonly isKilled: boolean };
  readonly events: TasksEvents;
  /** Ends the process: at once when it hangs. */
  giveUp(why: Unfit): void;
}
