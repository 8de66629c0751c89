import { CancelledError } from "../errors.js";
import { residentBytesOf } from "../system/process/memory.js";
import type { PoolTask } from "./queue/pool-task.js";
import type { ProcessTask } from "../system/process/process-task.js";
import type { TaskOutcome } from "./queue/pool-task.js";
import type { Worker } from "./worker/worker.js";
import type { WorkerState } from "./worker/worker.js";

/** A worker process, as it is now. */
export interface WorkerStats {
  readonly pid: number;
  /** The state of the worker. `ending`: it takes no more tasks, and ends by itself or is being killed. */
  readonly state: "starting" | "idle" | "busy" | "ending";
  /** The name of the task that it has, or `undefined`. */
  readonly taskName: string | undefined;
  /** How many tasks it was given since it was started. */
  readonly taskCount: number;
  /** How long ago it was started, in milliseconds. */
  readonly ageMs: number;
  /**
   * How much of its memory is in RAM now, in bytes. It grows from task to task when tasks leak. `undefined` on macOS
   * and Windows, where it can't be asked cheaply.
   */
  readonly residentBytes: number | undefined;
}

/** Counts of what an executor has done so far and does now. */
export interface ExecutorStats {
  /** Tasks that wait for a worker, or for their next attempt. */
  readonly queuedTasks: number;
  /** Tasks that were given to a worker ahead of need, and have not begun there. */
  readonly assignedTasks: number;
  /** Tasks that have begun, as many as `executor.runningTasks` has. */
  readonly runningTasks: number;
  /** Tasks that ended with a result. */
  readonly completedTasks: number;
  /** Tasks that ended with an error other than their cancellation. */
  readonly failedTasks: number;
  /** Tasks that were cancelled. */
  readonly cancelledTasks: number;
  /** Processes that were started so far. */
  readonly startedWorkers: number;
  /** Processes that ended although the pool had neither told them to end nor killed them. */
  readonly crashedWorkers: number;
  /** The processes that live now. */
  readonly workers: readonly WorkerStats[];
}

/** Counts what has happened in a pool. */
export class PoolCounters {
  completedTasks = 0;
  failedTasks = 0;
  cancelledTasks = 0;
  startedWorkers = 0;
  crashedWorkers = 0;

  countOutcome(task: PoolTask, outcome: TaskOutcome): void {
    const error = task.endReason ?? (outcome.kind === "ended" ? outcome.error : undefined);
    if (error instanceof CancelledError) this.cancelledTasks += 1;
    else if (error !== undefined || outcome.kind === "failure") this.failedTasks += 1;
    else this.completedTasks += 1;
  }

  /** What there is to say of a pool with so many tasks, those in its queue among them. */
  describe(queuedTasks: number, unfinishedTasks: number, workers: Iterable<Worker>): ExecutorStats {
    const { completedTasks, failedTasks, cancelledTasks, startedWorkers, crashedWorkers } = this;
    const runningTasks = runningIn(workers).length;
    return {
      queuedTasks,
      assignedTasks: unfinishedTasks - queuedTasks - runningTasks,
      runningTasks,
      completedTasks,
      failedTasks,
      cancelledTasks,
      startedWorkers,
      crashedWorkers,
      workers: describeWorkers(workers),
    };
  }
}

/** The processes that run a task now, as far as that is known. */
export function runningIn(workers: Iterable<Worker>): ProcessTask[] {
  const running: ProcessTask[] = [];
  for (const { task, processTask } of workers) {
    if (task?.state === "running" && processTask !== undefined) running.push(processTask);
  }
  return running;
}

/** States that only the pool tells apart. */
const PUBLIC_STATES: Readonly<Record<WorkerState, WorkerStats["state"]>> = {
  starting: "starting",
  idle: "idle",
  busy: "busy",
  cleaning: "busy",
  ending: "ending",
  dead: "ending",
};

/** Asks the system for the memory of each. */
function describeWorkers(workers: Iterable<Worker>): WorkerStats[] {
  const described: WorkerStats[] = [];
  for (const worker of workers) {
    if (worker.root === undefined) continue;
    const { pid } = worker.root;
    described.push({
      pid,
      state: PUBLIC_STATES[worker.state],
      taskName: worker.task?.name,
      taskCount: worker.taskCount,
      ageMs: worker.ageMs,
      residentBytes: residentBytesOf(pid),
    });
  }
  return described;
}
