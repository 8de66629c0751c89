import type { ParentChannel } from "../wire/parent-channel.js";
import type { PoolTask } from "./pool-task.js";
import type { ProcessTask } from "../system/process-task.js";
import type { TaskOutcome } from "./pool-task.js";
import type { ToParentMessage } from "../wire/protocol.js";
import type { TreeRoot } from "../system/process-tree.js";
import type { WorkerConfig } from "./worker-config.js";

/** What the tasks need of their worker. */
export interface TasksHost {
  readonly config: WorkerConfig;
  readonly channel: ParentChannel;
  readonly processTask: ProcessTask;
  readonly root: TreeRoot;
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
