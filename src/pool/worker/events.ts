import type { PoolTask } from "../queue/pool-task.js";
import type { TaskOutcome } from "../queue/pool-task.js";
import type { WorkerDeath } from "./death.js";

/** What a worker tells its pool. `W` is its class, which this file need not know. */
export interface WorkerEvents<W> {
  /** It has become ready for its first task; `onRoom` follows. */
  onReady(worker: W): void;
  /** It may have room for tasks, more than before. */
  onRoom(worker: W): void;
  /** It takes no more tasks and will die: its place may be filled. */
  onLeaving(worker: W): void;
  onDead(worker: W, death: WorkerDeath): void;
  /** @param error - As it was encoded. */
  onInitializeFailed(which: "initializer" | "configurer", error: Uint8Array): void;
  /** @param functions - Those whose record it is, as they are in this process. */
  onLog(record: Uint8Array, functions: readonly object[]): void;
  /** Tasks that it held have not begun, and won't begin there. In their order. */
  onReturned(tasks: readonly PoolTask[]): void;
  /** A task has ended; called before the task's own event, when the worker's state is already the next one. */
  onTaskSettled(task: PoolTask, outcome: TaskOutcome): void;
}
