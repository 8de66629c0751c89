import type { PoolTask } from "./pool-task.js";
import type { TaskOutcome } from "./pool-task.js";
import type { Worker } from "./worker.js";
import type { WorkerDeath } from "./worker-death.js";

export type WorkerState = "starting" | "idle" | "busy" | "cleaning" | "ending" | "dead";

/** What a worker tells its pool. */
export interface WorkerEvents {
  /** It has become ready for its first task; `onRoom` follows. */
  onReady(worker: Worker): void;
  /** It may have room for tasks, more than before. */
  onRoom(worker: Worker): void;
  /** It takes no more tasks and will die: its place may be filled. */
  onLeaving(worker: Worker): void;
  onDead(worker: Worker, death: WorkerDeath): void;
  onInitializeFailed(which: "initializer" | "configurer", cause: unknown): void;
  onLog(record: Uint8Array): void;
  /** Tasks that it held have not begun, and won't begin there. In their order. */
  onReturned(tasks: readonly PoolTask[]): void;
  /** A task has ended; called before the task's own event, when the worker's state is already the next one. */
  onTaskSettled(task: PoolTask, outcome: TaskOutcome): void;
}
