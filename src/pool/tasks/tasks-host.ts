import type { ParentChannel } from "../../wire/parent-channel.js";
import type { PoolTask } from "../queue/pool-task.js";
import type { ProcessTask } from "../../system/process/process-task.js";
import type { TaskOutcome } from "../queue/pool-task.js";
import type { ToParentMessage } from "../../wire/messages/protocol.js";
import type { TreeRoot } from "../../system/tree/process-tree.js";

/** The limits of the tasks of a worker. */
export interface TaskLimits {
  readonly graceMs: number;
  /** How many tasks the worker takes before it is replaced. Default: no limit. */
  readonly maxTasks: number | undefined;
  /** For tests. Default: that of `BeginLimit`. */
  readonly beginLimitMs?: number;
}

/** What the tasks need of their worker. */
export interface TasksHost {
  readonly config: TaskLimits;
  readonly channel: ParentChannel;
  readonly processTask: ProcessTask;
  readonly root: TreeRoot;
  /** Whether it keeps the starts of its tasks. */
  readonly hasJournal: boolean;
  /** The number of the last task of which it has kept anything; 0 for none. */
  lastKeptTask(): number;
  /** What the worker has kept that may not have come yet; it still runs, and may be writing. */
  readKept(): readonly ToParentMessage[];
  /** Whether it takes tasks: it is ready, and has not left. */
  isOpen(): boolean;
  /** Whether it ends when it has no task any more. */
  isRetiring(): boolean;
  isKilled(): boolean;
  kill(): void;
  onNonsense(error: Error): void;
  /** It has no task any more, and is to end. */
  onUsedUp(): void;
  /** It may have room for more tasks. */
  onRoom(): void;
  onReturned(tasks: readonly PoolTask[]): void;
  onSettled(task: PoolTask, outcome: TaskOutcome): void;
}
