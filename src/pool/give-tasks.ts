/** Which worker gets which task. */

import type { PoolTask } from "./queue/pool-task.js";
import type { WaitingTasks } from "./queue/task-queue.js";
import type { WorkerTasks } from "./tasks/worker-tasks.js";

/** Who has tasks, and who takes them. */
export interface Giving {
  readonly queue: WaitingTasks;
  /** The tasks of each worker that is there. */
  readonly ready: readonly WorkerTasks[];
  readonly maxWorkers: number;
}

/** Gives tasks away, as many as there is room for. */
export function giveTasks(giving: Giving): void {
  if (giving.queue.size <= giving.ready.length) giveFew(giving);
  else giveMany(giving);
}

/** First one to each idle worker, then their share to all that will soon have ended theirs. */
function giveMany(giving: Giving): void {
  const { queue, ready } = giving;
  for (const worker of ready) if (worker.first === undefined) giveTo(worker, 1, giving);
  const task = queue.peek();
  if (task === undefined || ready.length === 0) return;
  const share = Math.ceil(queue.size / ready.length);
  for (const worker of ready) if (worker.loadFor(task) < Infinity) giveTo(worker, share, giving);
}

/** Each to the worker that has least to do. */
function giveFew(giving: Giving): void {
  const { queue, ready } = giving;
  for (let task = queue.peek(); task !== undefined; task = queue.peek()) {
    let least: WorkerTasks | undefined;
    let leastLoad = Infinity;
    for (const worker of ready) {
      const load = worker.loadFor(task);
      if (load >= leastLoad || !hasRoomFor(worker, task, giving)) continue;
      least = worker;
      leastLoad = load;
    }
    if (least === undefined) return;
    giveTo(least, 1, giving);
  }
}

/** Gives a worker so many tasks, or as many as it has room for. */
function giveTo(worker: WorkerTasks, count: number, giving: Giving): void {
  const { queue } = giving;
  for (let given = 0; given < count; given += 1) {
    const task = queue.peek();
    if (task === undefined || !hasRoomFor(worker, task, giving)) return;
    queue.shift();
    worker.give(task);
  }
}

function hasRoomFor(worker: WorkerTasks, task: PoolTask, { queue, ready, maxWorkers }: Giving): boolean {
  // What aborts a signal of a task that waits is to be known when it begins; a worker that is busy would not look for
  // it.
  if (worker.first !== undefined && task.extras?.live?.hasSignals === true) return false;
  // Whether all workers are there, and each will get another task.
  const isBacklog = queue.size > ready.length && ready.length >= maxWorkers;
  return worker.hasRoomFor(task.fn, task.callCount, isBacklog);
}
