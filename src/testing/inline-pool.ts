import { CancelledError } from "../errors.js";
import { DelayedTasks } from "../pool/queue/delayed-tasks.js";
import { ExecutorShutdownError } from "../errors.js";
import { FunctionStore } from "../subprocess/task/function-store.js";
import { InlineRun } from "./inline-run.js";
import { PoolCounters } from "../pool/pool-stats.js";
import { PriorityQueue } from "../pool/queue/priority-queue.js";
import { QueueRoom } from "../pool/queue/queue-room.js";
import { programTimers } from "./program-timers.js";
import { runOutside } from "../system/async-context.js";
import type { ExecutorStats } from "../pool/pool-stats.js";
import type { PoolTask } from "../pool/queue/pool-task.js";
import type { Timers } from "../system/timers.js";
import type { ProcessTask } from "../system/process/process-task.js";
import type { RunHost } from "./inline-run.js";
import type { TaskOutcome } from "../pool/queue/pool-task.js";
import type { TaskPool } from "../pool/task-pool.js";

/** How a pool in the program's own process is made. */
export interface InlinePoolConfig {
  readonly maxWorkers: number;
  readonly maxQueue: number | undefined;
  readonly graceMs: number;
  /** Whether tasks begin by themselves. */
  readonly autoRun: boolean;
}

const withTasks = new Set<InlinePool>();

/** The names of the tasks that have not ended, of all pools in this process. */
export function unfinishedInlineTasks(): readonly string[] {
  return [...withTasks].flatMap((pool) => pool.unfinishedNames);
}

/** Runs tasks in the program's own process, in the order that a pool of processes keeps to. */
export class InlinePool implements TaskPool, RunHost {
  readonly timers: Timers = programTimers;
  // What runs has handles of its own, and what waits has nobody who would begin it.
  readonly keepAlive: TaskPool["keepAlive"] = { hold: () => {}, release: () => {} };
  readonly stalls: TaskPool["stalls"] = { watchStart: () => {} };
  /** None that a signal could be sent to. */
  readonly runningTasks: readonly ProcessTask[] = [];
  readonly isAnyStarting = false;
  readonly functions: FunctionStore = new FunctionStore();
  readonly graceMs: number;
  readonly #config: InlinePoolConfig;
  readonly #queue = new PriorityQueue([]);
  readonly #running = new Map<PoolTask, InlineRun>();
  readonly #room: QueueRoom | undefined;
  readonly #counters = new PoolCounters();
  readonly #delayed = new DelayedTasks(programTimers, (task) => this.#retry(task));
  #lastId = 0;
  #isShutDown = false;
  #isRunPlanned = false;
  /** Called when a task has ended, or waits anew. */
  #onChange: (() => void)[] = [];

  constructor(config: InlinePoolConfig) {
    const { graceMs, maxQueue, maxWorkers } = config;
    this.#config = config;
    this.graceMs = graceMs;
    const countFree = (): number => maxWorkers + (maxQueue ?? Infinity) - this.#unfinished;
    this.#room = maxQueue === undefined ? undefined : new QueueRoom(maxQueue, countFree);
  }

  get #unfinished(): number {
    return this.#queue.size + this.#delayed.size + this.#running.size;
  }

  /** The names of the tasks that have not ended. */
  get unfinishedNames(): readonly string[] {
    const waiting = Array.from({ length: this.#queue.size + this.#delayed.size }, () => "a task that waits");
    return [...Array.from(this.#running.keys(), ({ name }) => `task "${name}", which runs`), ...waiting];
  }

  get hasRoom(): boolean {
    return this.#room?.isFree ?? true;
  }

  checkRoom(): void {
    this.#room?.check();
  }

  room(): Promise<void> {
    if (this.#isShutDown) return Promise.reject(new ExecutorShutdownError());
    return this.#room?.wait() ?? Promise.resolve();
  }

  expectTask(): void {}

  submit(task: PoolTask): void {
    if (this.#isShutDown) {
      task.settle({ kind: "ended", error: new ExecutorShutdownError() });
      return;
    }
    this.#room?.take();
    withTasks.add(this);
    this.#queue.push(task);
    this.#onQueued();
  }

  /** Puts a task back into its old place. */
  #retry(task: PoolTask): void {
    this.#queue.unshift(task);
    this.#onQueued();
  }

  #onQueued(): void {
    this.#tellChange();
    if (this.#config.autoRun) this.#planRun();
  }

  #planRun(): void {
    if (this.#isRunPlanned) return;
    this.#isRunPlanned = true;
    // Not in this turn of the code that submits, as with processes; and without a timer.
    void Promise.resolve().then(() => {
      this.#isRunPlanned = false;
      while (this.#running.size < this.#config.maxWorkers && this.#queue.size > 0) this.beginNext();
    });
  }

  /** Begins the task that is next. @returns The task, if there was one. */
  beginNext(): PoolTask | undefined {
    const task = this.#queue.shift();
    if (task === undefined) return undefined;
    this.#lastId += 1;
    const inlineRun = new InlineRun(task, this.#lastId, this);
    this.#running.set(task, inlineRun);
    // A task in a worker has nothing of the context of its submission.
    runOutside(() => inlineRun.start());
    return task;
  }

  isRunning(task: PoolTask): boolean {
    return this.#running.has(task);
  }

  /** Resolves when a task has ended, or waits anew. */
  nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange.push(resolve);
    });
  }

  /** Whether no task is left. */
  get isIdle(): boolean {
    return this.#unfinished === 0;
  }

  /** How many tasks run. */
  get runningCount(): number {
    return this.#running.size;
  }

  onOver(_run: InlineRun, task: PoolTask, outcome: TaskOutcome): void {
    this.#running.delete(task);
    this.#settle(task, outcome);
    if (this.#config.autoRun) this.#planRun();
  }

  #settle(task: PoolTask, outcome: TaskOutcome): void {
    const delayMs = task.retryDelayMs(outcome);
    if (delayMs === undefined) {
      this.#counters.countOutcome(task, outcome);
      task.settle(outcome);
      if (this.#unfinished === 0) withTasks.delete(this);
      this.#room?.look();
    } else if (delayMs > 0) this.#delayed.add(task, delayMs);
    else this.#retry(task);
    this.#tellChange();
  }

  #tellChange(): void {
    const waiting = this.#onChange;
    this.#onChange = [];
    for (const tell of waiting) tell();
  }

  cancel(task: PoolTask, reason: Error): boolean {
    if (task.state === "settled") return false;
    this.expire(task, reason);
    task.holder?.end(task, reason);
    // A task that has timed out stays timed out.
    return task.endReason instanceof CancelledError;
  }

  expire(task: PoolTask, error: Error): void {
    if (!this.#queue.remove(task) && !this.#delayed.remove(task)) return;
    task.endReason = error;
    this.#settle(task, { kind: "ended", error });
  }

  warmUp(): Promise<void> {
    return this.#isShutDown ? Promise.reject(new ExecutorShutdownError()) : Promise.resolve();
  }

  stats(): ExecutorStats {
    const runningTasks = this.#running.size;
    const waiting = this.#unfinished - runningTasks;
    return { ...this.#counters.describe(waiting, this.#unfinished, []), assignedTasks: 0, runningTasks };
  }

  close(): void {
    this.#isShutDown = true;
    this.#room?.close(new ExecutorShutdownError());
  }

  /** Runs what waits, as processes do. */
  async ended(): Promise<void> {
    while (!this.isIdle) {
      const isAnyNext = this.#running.size === 0 && this.beginNext() !== undefined;
      if (!isAnyNext) await this.nextChange();
    }
  }

  cancelQueued(makeReason: () => Error): void {
    for (const task of [...this.#queue.drain(), ...this.#delayed.drain()]) {
      task.endReason = makeReason();
      this.#settle(task, { kind: "ended", error: task.endReason });
    }
  }

  cancelRunning(makeReason: () => Error): void {
    for (const [task, inlineRun] of this.#running) inlineRun.end(task, makeReason());
  }

  /** There are no processes. */
  killAllSync(): void {}
}
