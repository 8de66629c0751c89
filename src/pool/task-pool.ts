/** What an executor needs of the pool behind it, whether that has processes or not. */

import type { ExecutorStats } from "./pool-stats.js";
import type { PoolTask } from "./queue/pool-task.js";
import type { ProcessTask } from "../system/process/process-task.js";
import type { Timers } from "../system/timers.js";

/** Runs tasks. */
export interface TaskPool {
  /** What limits and delays of tasks go by. */
  readonly timers: Timers;
  /** Keeps the program running while it is held. */
  readonly keepAlive: { hold(): void; release(): void };
  readonly stalls: {
    /** Somebody waits for the start of a task. */
    watchStart(): void;
  };
  /** The processes that run a task now. */
  readonly runningTasks: readonly ProcessTask[];
  /** Whether a task is on its way to a process, and is not known to have begun there. */
  readonly isAnyStarting: boolean;
  /** All that the module of its tasks exports, by name, where there is one. */
  readonly taskExports?: object | undefined;
  /** Whether it would take a task now, by `maxQueue`. */
  readonly hasRoom: boolean;
  /** @throws QueueFullError when it would not take a task now. */
  checkRoom(): void;
  /** Resolves when it may be given a task; rejects when it takes none any more. */
  room(): Promise<void>;
  /** A task is about to come. */
  expectTask(): void;
  /** Takes a task. Never throws: a pool that takes no more tasks settles it with the reason. */
  submit(task: PoolTask): void;
  /** Ends a task: at once when it waits, after its grace period when it runs. False when it has ended already. */
  cancel(task: PoolTask, reason: Error): boolean;
  /** Ends a task that has not begun in time; it goes on if it has begun after all. */
  expire(task: PoolTask, error: Error): void;
  /** Gets ready for as many tasks as may run at a time. */
  warmUp(): Promise<void>;
  stats(): ExecutorStats;
  /** Takes no more tasks from here on. */
  close(): void;
  /** Resolves when the pool was closed and nothing of it is left. */
  ended(): Promise<void>;
  /** Ends every task that waits. */
  cancelQueued(makeReason: () => Error): void;
  /** Ends every task that has begun. */
  cancelRunning(makeReason: () => Error): void;
  /** Kills every process before it returns: this one is about to end. */
  killAllSync(): void;
}
