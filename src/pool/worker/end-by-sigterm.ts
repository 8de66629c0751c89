/**
 * SIGTERM for tasks. The signal alone does nothing to a synchronous loop: Node calls handlers on the event loop. So
 * the task is ended as well, as cancelling does: flag, grace period, kill. The signal is for whatever listens to it in
 * the worker: handlers of the task's own, nested executors.
 */

import { CancelledError } from "../../errors.js";
import { hostPlatform } from "../../system/platform.js";
import { onSigtermTo } from "../../system/process/process-task.js";
import { signalProcess } from "../../system/process/identity.js";
import type { Platform } from "../../system/platform.js";
import type { Worker } from "./worker.js";

/** The part of a worker that is needed. */
type SignalledWorker = Pick<Worker, "processTask" | "task" | "tasks">;

/**
 * Sends SIGTERM to the process of a running task, and ends that task. Not on Windows, where the signal would end the
 * process without a grace period: there the task is only ended.
 *
 * @returns False when no task runs there, or it is being ended already.
 */
export function endBySigterm(worker: SignalledWorker, reason: Error, platform: Platform = hostPlatform): boolean {
  const { processTask, tasks } = worker;
  tasks?.lookForStart();
  const { task } = worker;
  if (processTask === undefined || task?.state !== "running" || task.endReason !== undefined) return false;
  // First: a handler of the task's own is to be asked before its abort listeners.
  if (platform.name !== "win32") signalProcess(processTask.id, processTask.startTime, "SIGTERM", platform);
  tasks?.end(task, reason);
  return true;
}

/** Has `ProcessTask.sendSignal("SIGTERM")` end the task of this worker, until `endNoLonger`. */
export function endWhenSignalled(worker: SignalledWorker): void {
  if (worker.processTask === undefined) return;
  onSigtermTo(worker.processTask, (reason) =>
    endBySigterm(worker, reason ?? new CancelledError("The task was ended by SIGTERM.", { cause: "SIGTERM" })),
  );
}

/** The worker is dead, and need not be held by whoever holds its `ProcessTask`. */
export function endNoLonger({ processTask }: SignalledWorker): void {
  if (processTask !== undefined) onSigtermTo(processTask, undefined);
}

/** Ends every task that these workers have. */
export function endAll(workers: Iterable<SignalledWorker>, makeReason: () => Error): void {
  for (const worker of workers) {
    endBySigterm(worker, makeReason());
    for (const task of worker.tasks?.all ?? []) worker.tasks?.end(task, makeReason());
  }
}
