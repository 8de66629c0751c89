/** Who gets which task, and how many workers there are. */

import { CancelledError } from "../errors.js";
import { DelayedTasks } from "./queue/delayed-tasks.js";
import { ExecutorShutdownError } from "../errors.js";
import { IdleWorkers } from "./idle-workers.js";
import { InitializerError } from "../errors.js";
import { KeepAlive } from "./keep-alive.js";
import { LongTurn } from "./pace/long-turn.js";
import { MemoryWatch } from "./memory-watch.js";
import { PoolCounters } from "./pool-stats.js";
import { PriorityQueue } from "./queue/priority-queue.js";
import { QueueRoom } from "./queue/queue-room.js";
import { StallWatch } from "./pace/stall-watch.js";
import { TaskQueue } from "./queue/task-queue.js";
import { Staff } from "./staff.js";
import { WarmUps } from "./warm-ups.js";
import { WorkerCrashedError } from "../errors.js";
import { WorkerStartError } from "../errors.js";
import { endAll } from "./worker/end-by-sigterm.js";
import { giveTasks } from "./give-tasks.js";
import { nestingProblem } from "./nesting.js";
import { runningIn } from "./pool-stats.js";
import { clearTimeout } from "../system/timers.js";
import { setTimeout } from "../system/timers.js";
import { decodeThrown } from "../values/thrown.js";
import type { ExecutorStats } from "./pool-stats.js";
import type { MemoryLimit } from "./memory-watch.js";
import type { PoolTask } from "./queue/pool-task.js";
import type { ProcessTask } from "../system/process/process-task.js";
import type { Timers } from "../system/timers.js";
import type { TaskPool } from "./task-pool.js";
import type { SpawnedWorker } from "./worker/spawn-worker.js";
import type { TaskOutcome } from "./queue/pool-task.js";
import type { WaitingTasks } from "./queue/task-queue.js";
import type { WorkerConfig } from "./worker/contract.js";
import type { WorkerDeath } from "./worker/death.js";
import type { WorkerTasks } from "./tasks/worker-tasks.js";
import type { Worker } from "./worker/worker.js";
import type { WorkerEvents } from "./worker/contract.js";

/** Workers that may die with a task that had not begun before that task is taken for the cause. */
const MAX_LOST_STARTS = 3;

/**
 * Tasks that may fail so, one after the other, before the workers are taken for the cause and all waiting tasks fail.
 */
const MAX_LOST_TASKS = 3;

/** What a pool needs to be made. It is not changed afterwards. */
export interface PoolConfig {
  readonly maxWorkers: number;
  /** How many tasks may wait beside one for each worker. Default: no limit. */
  readonly maxQueue?: number | undefined;
  /** How long a worker may idle. Default: no limit. */
  readonly idleTimeoutMs?: number | undefined;
  /** How many workers stay when they idle. Default: 0. */
  readonly minWorkers?: number | undefined;
  /** How much memory a worker may have. Default: no limit. */
  readonly maxMemoryBytes?: MemoryLimit | undefined;
  readonly worker: WorkerConfig;
  /** Takes each encoded log record. */
  readonly onLog: WorkerEvents<Worker>["onLog"];
  /** Called when the first worker is started, and after the last one has died. */
  readonly onActivity: (isActive: boolean) => void;
}

/** The processes of an executor, and the tasks that wait for them. */
export class ProcessPool implements TaskPool {
  readonly timers: Timers = { setTimeout, clearTimeout };
  readonly #config: PoolConfig;
  readonly keepAlive: KeepAlive = new KeepAlive();
  #queue: WaitingTasks = new TaskQueue();
  #hasPriorities = false;
  /** Tasks that have failed, and are to be tried again. */
  #delayed: DelayedTasks | undefined;
  readonly #room: QueueRoom | undefined;
  readonly #staff: Staff;
  #idle: IdleWorkers | undefined;
  #memory: MemoryWatch | undefined;
  /** The tasks of each worker that has been ready, and has not left. */
  #ready: readonly WorkerTasks[] = [];
  /** No worker has room for the first task in the queue, as far as is known. */
  #isFull = false;
  /** Who waits until all workers are ready. */
  readonly #warmUps = new WarmUps(this.keepAlive);
  readonly stalls: StallWatch = new StallWatch(() => this.#ready);
  #unfinishedTasks = 0;
  readonly #longTurn = new LongTurn();
  readonly #counters = new PoolCounters();
  #lostTasksInARow = 0;
  #isShutDown = false;
  /** Why the pool takes no more tasks, beside a shutdown. */
  #brokenBy: Error | undefined;
  #endedResolvers: (() => void)[] = [];

  constructor(config: PoolConfig) {
    this.#config = config;
    this.#brokenBy = nestingProblem();
    const { maxQueue, maxWorkers } = config;
    this.#staff = new Staff({
      ...config,
      events: this.#workerEvents,
      isWanted: (startingCount) => this.#warmUps.isAnyWaiting || this.#queue.size > startingCount,
      onStarted: () => this.#onStarted(),
      onGivenUp: (error) => this.#failWaiting(error),
    });
    const countFree = (): number => maxWorkers + (maxQueue ?? Infinity) - this.#unfinishedTasks;
    this.#room = maxQueue === undefined ? undefined : new QueueRoom(maxQueue, countFree);
  }

  #onStarted(): void {
    this.#counters.startedWorkers += 1;
    const { idleTimeoutMs, minWorkers = 0, maxMemoryBytes } = this.#config;
    if (idleTimeoutMs !== undefined) {
      const areAllWanted = (): boolean => this.#warmUps.isAnyWaiting;
      this.#idle ??= new IdleWorkers({ idleTimeoutMs, minWorkers, areAllWanted }, this.#staff);
      this.#idle.watch();
    }
    if (maxMemoryBytes !== undefined) {
      this.#memory ??= new MemoryWatch(maxMemoryBytes, this.#staff);
      this.#memory.watch();
    }
  }

  /** Process roots of the workers that live now. */
  get workers(): readonly Worker[] {
    return [...this.#staff];
  }

  /** The processes that run a task now. */
  get runningTasks(): readonly ProcessTask[] {
    this.stalls.lookForStarts();
    return runningIn(this.#staff);
  }

  /** Whether a task is next in a worker, and is not known to have begun. */
  get isAnyStarting(): boolean {
    this.stalls.lookForStarts();
    for (const { task } of this.#staff) if (task?.state === "dispatched") return true;
    return false;
  }

  /** What has happened so far, and what is the case now. */
  stats(): ExecutorStats {
    this.stalls.lookForStarts();
    return this.#counters.describe(this.#queue.size + (this.#delayed?.size ?? 0), this.#unfinishedTasks, this.#staff);
  }

  /** Why it takes no tasks, if so. */
  #refusal(): Error | undefined {
    return this.#brokenBy ?? (this.#isShutDown ? new ExecutorShutdownError() : undefined);
  }

  /** Makes a worker of a process that was started for the first task, before this pool was made. */
  adopt(started: SpawnedWorker): void {
    this.#staff.start(started);
  }

  /** A task is about to come: starts one of the first workers, if there is none for it. */
  expectTask(): void {
    if (this.#ready.length === 0 && this.#refusal() === undefined) this.#staff.startFirst(this.#queue.size);
  }

  /** @throws QueueFullError when it would not take a task now. */
  checkRoom(): void {
    this.#room?.check();
  }

  /** Whether it would take a task now, by `maxQueue`. */
  get hasRoom(): boolean {
    return this.#room?.isFree ?? true;
  }

  /** Resolves when it may be given a task; rejects when it takes none any more. */
  room(): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#room?.wait() ?? Promise.resolve();
  }

  /** Takes a task. Never throws: a pool that takes no more tasks settles it with the reason. */
  submit(task: PoolTask): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      task.settle({ kind: "ended", error: refusal });
      return;
    }
    this.#unfinishedTasks += 1;
    this.#room?.take();
    this.keepAlive.hold();
    if (task.priority !== 0 && !this.#hasPriorities) {
      this.#hasPriorities = true;
      this.#queue = new PriorityQueue(this.#queue.drain());
    }
    this.#queue.push(task);
    if (this.#isFull && !this.#longTurn.findsRoom(this.#ready)) {
      this.#planStart();
      return;
    }
    this.#giveTasks();
    // Else more may come in this turn, and share a write.
    if (this.#isFull) this.#flush();
  }

  /** Has what was given away leave this process. */
  #flush(): void {
    for (const tasks of this.#ready) tasks.flush();
  }

  #dispatch(): void {
    this.#giveTasks();
    this.#flush();
  }

  /**
   * Starts as many workers as there may be. Resolves when all are ready; rejects when they can't be started, or the
   * pool takes no tasks.
   */
  warmUp(): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const waiting = this.#warmUps.wait();
    this.#endWarmUpIfReady();
    this.#planStart();
    return waiting;
  }

  #endWarmUpIfReady(): void {
    if (this.#ready.length >= this.#config.maxWorkers) this.#warmUps.end();
  }

  /** Ends a task: at once when it waits, after its grace period when it runs. False when it has ended already. */
  cancel(task: PoolTask, reason: Error): boolean {
    if (task.state === "settled") return false;
    if (this.#queue.remove(task) || this.#delayed?.remove(task) === true) {
      task.endReason = reason;
      this.#finish(task, reason);
      return true;
    }
    task.holder?.end(task, reason);
    // A task that has timed out stays timed out.
    return task.endReason instanceof CancelledError;
  }

  /** Ends a task that has not begun in time; it goes on if it has begun after all. */
  expire(task: PoolTask, error: Error): void {
    if (this.#queue.remove(task)) {
      task.endReason = error;
      this.#finish(task, error);
    } else if (task.holder?.lookForStart(task) === false && task.state !== "running") {
      task.expiry = error;
      task.holder.takeBack();
    }
  }

  /** Ends every task that a worker has; those that run receive SIGTERM, too (not on Windows). */
  cancelRunning(makeReason: () => Error): void {
    endAll(this.#staff, makeReason);
  }

  /** Ends every task that waits, in the queue or behind another one in its worker. */
  cancelQueued(makeReason: () => Error): void {
    for (const task of this.#drain()) {
      task.endReason = makeReason();
      this.#finish(task, task.endReason);
    }
    for (const { tasks } of this.#staff) for (const task of tasks?.waiting ?? []) tasks?.end(task, makeReason());
  }

  /** Takes no more tasks from here on. Workers end when the tasks that were taken have ended. */
  close(): void {
    if (this.#isShutDown) return;
    this.#isShutDown = true;
    this.keepAlive.hold();
    this.#warmUps.end(new ExecutorShutdownError());
    this.#room?.close(new ExecutorShutdownError());
    this.#endIfFinished();
  }

  /** Resolves when the pool was closed and its last worker is gone. */
  ended(): Promise<void> {
    return new Promise((resolve) => {
      this.#endedResolvers.push(resolve);
      this.#endIfFinished();
    });
  }

  /** Kills every worker and its descendants before it returns: for a process that is about to end. */
  killAllSync(): void {
    this.#staff.killAllSync();
  }

  /** Gives tasks away, as many as there is room for. */
  #giveTasks(): void {
    giveTasks({ queue: this.#queue, ready: this.#ready, maxWorkers: this.#config.maxWorkers });
    this.#isFull = this.#queue.size > 0;
    this.stalls.watch(this.#ready.some(({ first }) => first === undefined));
    this.#planStart();
  }

  /** Starts workers, if tasks wait for more than there are. */
  #planStart(): void {
    if (this.#ready.length < this.#config.maxWorkers) this.#staff.plan();
  }

  readonly #workerEvents: WorkerEvents<Worker> = {
    onReady: (worker) => {
      this.#staff.noteReady();
      if (worker.tasks !== undefined) this.#ready = [...this.#ready, worker.tasks];
      this.#endWarmUpIfReady();
    },
    onRoom: () => {
      this.#dispatch();
      this.#endIfFinished();
    },
    onLeaving: (worker) => {
      this.#ready = this.#ready.filter((each) => each !== worker.tasks);
      this.#planStart();
    },
    onReturned: (tasks) => {
      // Those that were first before are again; and the last one put before the others is the first.
      for (const task of tasks.toReversed()) this.#requeue(task);
      this.#isFull = false;
      this.#dispatch();
    },
    onDead: (worker, death) => this.#onDead(worker, death),
    onInitializeFailed: (which, error) => {
      this.#brokenBy ??= new InitializerError(which, { cause: decodeThrown(error, this.#config.worker.functions) });
      this.#failWaiting(this.#brokenBy);
    },
    onLog: (record, functions, task) => this.#config.onLog(record, functions, task),
    onEnded: (task, outcome) => {
      if (task.state === "running") this.#lostTasksInARow = 0;
      this.#settle(task, outcome);
    },
  };

  #onDead(worker: Worker, death: WorkerDeath): void {
    this.#staff.remove(worker);
    if (death.wasCrash) this.#counters.crashedWorkers += 1;
    if (death.unbegun !== undefined) this.#giveBack(death.unbegun, worker, death);
    this.#staff.afterDeath(death);
    this.#dispatch();
    this.#endIfFinished();
  }

  /** A task that its worker had not begun goes back to the front; it runs once, elsewhere. */
  #giveBack(task: PoolTask, worker: Worker, death: WorkerDeath): void {
    task.lostStarts += 1;
    if (task.lostStarts < MAX_LOST_STARTS) {
      this.#requeue(task);
      return;
    }
    const { exitCode, signal, stderr, what } = death;
    this.#finish(
      task,
      new WorkerCrashedError({ pid: worker.root?.pid ?? 0, exitCode, signal, stderr, taskName: task.name }),
    );
    this.#lostTasksInARow += 1;
    if (this.#lostTasksInARow < MAX_LOST_TASKS) return;
    this.#lostTasksInARow = 0;
    this.#failWaiting(new WorkerStartError(MAX_LOST_TASKS * MAX_LOST_STARTS, what, stderr));
  }

  /** Puts a task that has not begun before all others. */
  #requeue(task: PoolTask): void {
    task.state = "queued";
    task.holder = undefined;
    if (task.expiry !== undefined) {
      this.#finish(task, task.expiry);
      return;
    }
    this.#queue.unshift(task);
  }

  #failWaiting(error: Error): void {
    for (const task of this.#drain()) this.#finish(task, error);
    this.#warmUps.end(error);
    if (this.#brokenBy !== undefined) this.#room?.close(this.#brokenBy);
  }

  /** Takes out all that wait, in order. */
  #drain(): PoolTask[] {
    return [...this.#queue.drain(), ...(this.#delayed?.drain() ?? [])];
  }

  #retry(task: PoolTask): void {
    if (this.#brokenBy !== undefined) {
      this.#finish(task, this.#brokenBy);
      return;
    }
    this.#requeue(task);
    this.#dispatch();
  }

  #finish(task: PoolTask, error: Error): void {
    this.#settle(task, { kind: "ended", error });
  }

  #settle(task: PoolTask, outcome: TaskOutcome): void {
    const delayMs = task.retryDelayMs(outcome);
    if (delayMs !== undefined) {
      this.#delayed ??= new DelayedTasks(this.timers, (each) => this.#retry(each));
      this.#delayed.add(task, delayMs);
      return;
    }
    this.#counters.countOutcome(task, outcome);
    this.#unfinishedTasks -= 1;
    if (!task.isIdle) this.keepAlive.release();
    this.#endIfFinished();
    task.settle(outcome);
    this.#room?.look();
  }

  #endIfFinished(): void {
    if (!this.#isShutDown || this.#unfinishedTasks > 0) return;
    for (const worker of this.#staff) if (worker.task === undefined) worker.end();
    if (this.#staff.size > 0) return;
    this.keepAlive.dispose();
    const resolvers = this.#endedResolvers;
    this.#endedResolvers = [];
    for (const resolve of resolvers) resolve();
  }
}
