/** The tasks of one worker: which it has, which has begun, which it is asked to give back or to end. */

import { BeginLimit } from "./begin-limit.js";
import { HeldTasks } from "../pace/held-tasks.js";
import { Progress } from "../pace/stall-watch.js";
import { ProtocolError } from "../../errors.js";
import { SentFunctions } from "./send-task.js";
import { TakeBack } from "./take-back.js";
import { TaskClock } from "./task-clock.js";
import { TaskTimeout } from "./task-timeout.js";
import { abortTask } from "./send-task.js";
import { hearTask } from "./send-task.js";
import { isAnnounced } from "./send-task.js";
import { patienceMs } from "../pace/stall-watch.js";
import { urgentPatienceMs } from "../pace/stall-watch.js";
import { releaseOthers } from "./release-tasks.js";
import { releaseTasks } from "./release-tasks.js";
import { killDescendants } from "../../system/tree/terminator.js";
import { sendTask } from "./send-task.js";
import { toldOfTasks } from "./told-of-tasks.js";
import type { ToldOfTask } from "./told-of-tasks.js";
import type { Doubt } from "./release-tasks.js";
import type { FromWatchdogMessage } from "../../wire/messages/protocol.js";
import type { ParentChannel } from "../../wire/parent-channel.js";
import type { PoolTask } from "../queue/pool-task.js";
import type { PooledFunction } from "../queue/function-table.js";
import type { TaskHolder } from "../queue/pool-task.js";
import type { TaskOutcome } from "../queue/pool-task.js";
import type { TaskNews } from "../../wire/messages/protocol.js";
import type { TaskReceiver } from "../../wire/parent-channel.js";
import type { TasksEvents } from "./tasks-host.js";
import type { TasksHost } from "./tasks-host.js";
import type { ToParentMessage } from "../../wire/messages/protocol.js";

/** A worker whose tasks have no more numbers is replaced. */
const LAST_TASK_NUMBER = 0x7fff_fff0;

/**
 * How far the first task has come, beside its own state:
 *
 *     on time ──▶ stalled: it takes longer than expected, and holds up others
 *        └──┬────────┘
 *           ▼
 *     asked to end ──▶ out of time: it has had its grace period, and it isn't known yet whether others have begun
 *           └──┬────────────┘
 *              ▼
 *            over: its outcome is there, and it isn't known yet whether others have begun
 *              ▼
 *           cleaning: what it has left behind is being ended
 *
 * From each of them follows the next task, which is on time.
 */
type FirstState =
  | { readonly kind: "on time" | "stalled" | "asked to end" | "out of time" }
  | { readonly kind: "over" | "cleaning"; readonly outcome: TaskOutcome };

const ON_TIME: FirstState = { kind: "on time" };
const STALLED: FirstState = { kind: "stalled" };
const ASKED_TO_END: FirstState = { kind: "asked to end" };
const OUT_OF_TIME: FirstState = { kind: "out of time" };

/** The tasks of one worker. Calls go down to here; what comes of them goes up to the pool, by `TasksEvents`. */
export class WorkerTasks implements TaskHolder, TaskReceiver {
  readonly #host: TasksHost;
  readonly #events: TasksEvents;
  readonly #channel: ParentChannel;
  readonly #held = new HeldTasks();
  readonly #sent = new SentFunctions();
  /** Of the first task that it holds. */
  readonly #clock = new TaskClock();
  readonly #timeout: TaskTimeout;
  readonly #beginLimit: BeginLimit;
  readonly #takeBack: TakeBack;
  #firstState: FirstState = ON_TIME;
  /** The start of its last task is not announced. */
  #isSilent = false;
  readonly #progress = new Progress();
  /** Outcomes that came after the process had been marked for death; they count when that is over. */
  readonly #lateOutcomes: { readonly task: PoolTask; readonly outcome: TaskOutcome }[] = [];
  #givenCount = 0;

  constructor(host: TasksHost) {
    this.#host = host;
    this.#events = host.events;
    this.#channel = host.channel;
    this.#takeBack = new TakeBack({
      graceMs: host.config.graceMs,
      ask: (question) => this.#channel.sendToWatchdog({ kind: "takeBack", taskId: this.#held.nextNumber, question }),
      onNoAnswer: () => host.giveUp("hung"),
    });
    this.#beginLimit = new BeginLimit(host, this.#takeBack, this);
    this.#timeout = new TaskTimeout(this.#clock, {
      readKept: () => this.receiveKept(),
      outcomeBytesSoFar: (task) => this.#channel.outcomeBytesSoFar(task.number),
      askStack: (task) => {
        if (this.#held.size > 1) this.takeBack();
        this.#channel.sendToWatchdog({ kind: "askStack", taskId: task.number });
      },
      onTimedOut: (task, error) => this.#askToEnd(task, error),
    });
  }

  /** The task that runs or is about to. */
  get first(): PoolTask | undefined {
    return this.#held.first;
  }

  /** All tasks that it holds, in order. */
  get all(): readonly PoolTask[] {
    return [...this.#held];
  }

  /** Those behind the first one that have not begun, by what the worker has kept. */
  get waiting(): readonly PoolTask[] {
    const lastBegun = this.#lastKeptTask();
    return this.all.filter(({ state, number }) => state === "held" && number > lastBegun);
  }

  /** Tasks that it was given so far, without those that it gave back. */
  get givenCount(): number {
    return this.#givenCount;
  }

  /** Whether what its first task has left behind is being ended. */
  get isCleaning(): boolean {
    return this.#firstState.kind === "cleaning";
  }

  /** The number of the last task of which the worker has kept anything; 0 for none. */
  #lastKeptTask(): number {
    return this.#host.journal?.lastTask() ?? 0;
  }

  /**
   * Whether it can take a task of this function: one always when it is idle, more by what is known of those that it
   * has.
   */
  hasRoomFor(fn: PooledFunction, callCount: number, isBacklog: boolean): boolean {
    const { life } = this.#host;
    if (this.#takeBack.isOpen || !life.isOpen) return false;
    const { first } = this.#held;
    if (first === undefined) return true;
    if (first.endReason !== undefined || this.#firstState === STALLED || life.isRetiring) return false;
    return !this.#isUsedUp() && this.#held.hasRoomFor(fn, callCount, isBacklog);
  }

  /** Looks how far the worker has come, while no outcomes are read; false when it has no room for more. */
  lookAhead(): boolean {
    return this.#held.isWorthALook && this.#held.noteBegun(this.#lastKeptTask());
  }

  /** How much it has to do, to compare workers by for a task; `Infinity` when it needs no more. */
  loadFor(task: PoolTask): number {
    return this.#held.loadFor(task);
  }

  #isUsedUp(): boolean {
    const { maxTasks = LAST_TASK_NUMBER } = this.#host.config;
    return this.#givenCount >= maxTasks || this.#held.nextNumber >= LAST_TASK_NUMBER;
  }

  /** Gives it a task, for which it has room. */
  give(task: PoolTask): void {
    this.#givenCount += 1;
    task.holder = this;
    this.#held.push(task);
    this.#isSilent = !isAnnounced(task, this.#host.journal !== undefined);
    const sentBytes = sendTask(task, !this.#isSilent, this.#held, this.#sent, this.#channel);
    this.#held.noteSize(task, sentBytes);
    if (this.#held.first === task) this.#makeNext(task, sentBytes);
    else task.state = "held";
  }

  /** Sends now what it was given. */
  flush(): void {
    this.#channel.flush();
  }

  #makeNext(task: PoolTask, sentBytes = 0): void {
    this.#beginLimit.watch(task, sentBytes);
    task.state = "dispatched";
  }

  /**
   * Ends a task that it holds. One that has begun is asked to end by itself, and its process is killed with all
   * descendants when the grace period has passed; one that has not is taken back. The task settles with `reason` when
   * that is done.
   */
  end(task: PoolTask, reason: Error): void {
    if (task.state === "dispatched") this.lookForStart();
    if (task.holder !== this || task.endReason !== undefined) return;
    task.endReason = reason;
    if (task.state === "running") this.#askToEnd(task, reason);
    else {
      this.takeBack();
      this.#takeBack.limit(task.state === "held");
    }
  }

  #askToEnd(task: PoolTask, reason: Error): void {
    this.#firstState = ASKED_TO_END;
    // No other task may begin there: what it starts would be ended with what this one leaves behind.
    if (this.#held.size > 1) this.takeBack();
    const { graceMs } = this.#host.config;
    if (graceMs > 0) {
      this.#clock.after(graceMs, () => this.#onGraceOver());
      abortTask(task, reason, this.#channel);
    } else this.#onGraceOver();
  }

  /**
   * Kills the process, unless another task has begun there: then this one is over, and its outcome is on its way.
   * While that is being asked the answer is waited for: it takes long only in a process that is stopped, or has no CPU
   * time.
   */
  #onGraceOver(): void {
    if (this.#takeBack.isOpen) {
      this.#firstState = OUT_OF_TIME;
      this.#takeBack.limit();
    } else if (this.#held.size === 1) this.#host.giveUp("hung");
  }

  /** Takes what the watchdog thread answers. */
  receiveFromWatchdog(message: FromWatchdogMessage): void {
    if (message.kind === "stack") {
      if (this.first?.number === message.taskId) this.#timeout.answer(this.first, message.frames);
      return;
    }
    this.#takeBack.close(message.question);
    if (this.#beginLimit.answer(message.question, message.taskId)) return;
    this.giveBack(message.taskId);
    this.#finishOver();
    // If it did not come back it has begun, which may not have been told.
    if (this.#held.first?.endReason !== undefined) this.lookForStart();
    if (this.#firstState === OUT_OF_TIME) this.#onGraceOver();
  }

  /**
   * Asks which of its tasks have not begun, and has them back; the answer comes also while a task keeps it busy.
   *
   * @param isAnew - Whether to ask also when an answer is due: this one tells that the process was alive at this
   * moment.
   * @returns The number of the question.
   */
  takeBack(isAnew = false): number {
    return this.#takeBack.ask(isAnew);
  }

  /** Whether its first task may hold up others, or what has not been sent, or has begun without a notice. */
  get canStall(): boolean {
    return this.#held.size > 1 || (this.#held.size === 1 && this.#isSilent && this.first?.state === "dispatched");
  }

  /** How long its first task may take before it is looked at, in milliseconds; a single one holds up none. */
  patienceMs(isUrgent: boolean): number {
    return isUrgent && this.#held.size > 1 ? urgentPatienceMs(this.#takeBack.isOpen) : patienceMs(this.#held.first);
  }

  lookForStart(task: PoolTask | undefined = this.#held.first): boolean {
    const isOpen = task?.state === "held" || task?.state === "dispatched";
    if (!isOpen || this.#lastKeptTask() < task.number) return false;
    // An outcome that is kept is on its way, behind what it comes with; so is that of the task before one that is
    // held.
    if (task === this.#held.first) this.#onStarted(task.number);
    return true;
  }

  /**
   * If no task has ended since the last call: reads what the worker has kept, and has the tasks back that its first
   * one holds up.
   *
   * @param isUrgent - Whether another worker has nothing to do.
   */
  checkStall(isUrgent: boolean): void {
    if (this.#held.size === 1) this.lookForStart();
    if (this.#progress.look() === undefined || this.#held.size === 0) return;
    this.receiveKept();
    const stillMs = this.#progress.look();
    if (stillMs === undefined || this.#held.size < 2) return;
    // Taken back on its way, a large one would have to be sent once more, and again.
    // Timers are early by up to a millisecond.
    if (stillMs < Math.max(isUrgent ? 0 : this.patienceMs(false), this.#held.deliveryMs) - 1) return;
    if (this.#firstState === ON_TIME) this.#firstState = STALLED;
    this.takeBack();
  }

  /**
   * The tasks from this number on have not begun, and won't begin here.
   *
   * @throws ProtocolError when one of them has.
   */
  giveBack(firstUnbegun: number): void {
    if (this.first?.state === "running" && this.first.number >= firstUnbegun) {
      throw new ProtocolError("The worker gives back a task that it has begun.");
    }
    const tasks = this.#held.takeFrom(firstUnbegun);
    this.#givenCount -= tasks.length;
    if (this.#held.size === 0 && tasks.length > 0) this.#goOn();
    releaseTasks(tasks, this.#events);
    if (this.#held.size === 0) this.#events.onRoom();
  }

  /**
   * Takes what was kept and follows on what has come; unless the pipe was read to its end, what was before may be in
   * it.
   */
  receiveKept(
    messages: readonly ToParentMessage[] = this.#host.journal?.readWhileWritten() ?? [],
    isPipeRead = false,
  ): void {
    try {
      this.#receiveTold(toldOfTasks(messages, isPipeRead ? undefined : (id) => this.#held.isOver(id)), isPipeRead);
    } catch (error) {
      this.#channel.distrust(error);
    }
  }

  #receiveTold(told: readonly ToldOfTask[], isPipeRead: boolean): void {
    for (const news of told) {
      const { taskId } = news;
      if (this.#held.isOver(taskId) || this.#isFirstOver(taskId)) continue;
      this.#finishOver();
      const first = this.first;
      // More may be in the pipe that comes before its outcome.
      if (first?.number !== taskId || (first.hasMessages && !isPipeRead && news.kind !== "started")) return;
      this.receive(news);
    }
  }

  /** Takes what the worker says of a task. @throws ProtocolError for what can't be. */
  receive(news: TaskNews): void {
    const { taskId } = news;
    if (news.kind === "started") this.#onStarted(taskId);
    else if (news.kind !== "live" && news.kind !== "report") this.#onOutcome(taskId, news.durationUs, news);
    else if (!this.#held.isOver(taskId)) {
      this.#onStarted(taskId);
      const task = this.#held.first;
      if (task?.number !== taskId || task.state !== "running") {
        throw new ProtocolError(`The worker tells of task ${taskId}, which it was not running.`);
      }
      task.receiveMessage(news, this.#channel);
    }
  }

  hear(task: PoolTask): void {
    hearTask(task, task === this.first, this.#channel);
  }

  /** Takes the result of a task that is a small plain value. */
  receiveValue(taskId: number, durationUs: number, value: unknown): void {
    this.#onOutcome(taskId, durationUs, { kind: "value", value });
  }

  /** All that had come together has been taken. */
  onPause(): void {
    if (this.#host.life.isOpen) this.#events.onRoom();
  }

  /** Whether this is the first task, and its outcome is there. */
  #isFirstOver(taskId: number): boolean {
    return this.#firstState.kind === "over" && this.#held.first?.number === taskId;
  }

  #onStarted(taskId: number): void {
    const task = this.#held.first;
    if (this.#held.isOver(taskId) || (task?.number === taskId && task.state === "running")) return;
    if (this.#firstState.kind === "over") {
      this.#finishOver();
      this.#onStarted(taskId);
      return;
    }
    if (task?.number !== taskId || task.state !== "dispatched") {
      throw new ProtocolError(`The worker began task ${taskId}, which it was not given.`);
    }
    task.begin(this.#host.processTask);
    if (task.endReason !== undefined) this.#askToEnd(task, task.endReason);
    else if (task.timeoutMs !== undefined) this.#timeout.watch(task, task.timeoutMs);
  }

  #onOutcome(taskId: number, durationUs: number, outcome: TaskOutcome): void {
    if (this.#held.isOver(taskId)) return;
    if (!this.#isFirstOver(taskId)) this.#finishOver();
    const task = this.#held.first;
    if (task?.number !== taskId || (task.state !== "running" && task.state !== "dispatched")) {
      throw new ProtocolError(`The worker ended task ${taskId}, which it was not running.`);
    }
    if (task.state === "dispatched") task.begin(this.#host.processTask);
    // Being killed: the outcome waits for the process's end, so that the task settles when nothing of it is left.
    if (this.#host.life.isKilled) {
      this.#held.shift();
      this.#lateOutcomes.push({ task, outcome });
      if (this.#held.first !== undefined) this.#held.first.state = "dispatched";
      return;
    }
    if (task.endReason !== undefined || task.timeoutMs !== undefined) {
      this.#clock.clear();
      this.#timeout.forget();
    }
    if (task.endReason !== undefined) {
      this.#firstState = { kind: "over", outcome };
      if (this.#takeBack.isOpen) this.#takeBack.limit();
      else this.#finishOver();
      return;
    }
    task.fn.learn(task.callCount, durationUs);
    this.#progress.note();
    this.#settleFirst(task, outcome);
  }

  /**
   * Settles a task that ended when, or just before, it was asked to. It may have left processes behind; they end
   * before it settles. If another task has begun since, this one was over before the cancellation reached it, and what
   * the two have started can't be told apart: nothing is ended.
   */
  #finishOver(): void {
    const { first } = this.#held;
    if (first === undefined || this.#firstState.kind !== "over") return;
    if (this.#held.size > 1) this.#settleFirst(first, this.#firstState.outcome);
    else void this.#clean(first, this.#firstState.outcome);
  }

  async #clean(task: PoolTask, outcome: TaskOutcome): Promise<void> {
    this.#firstState = { kind: "cleaning", outcome };
    await killDescendants(this.#host.root);
    if (this.#held.first !== task || this.#host.life.isKilled) return;
    this.#settleFirst(task, outcome);
    if (this.#held.size === 0) this.#events.onRoom();
  }

  #settleFirst(task: PoolTask, outcome: TaskOutcome): void {
    this.#held.shift();
    this.#goOn();
    this.#events.onEnded(task, outcome);
    if (this.#held.first?.endReason !== undefined) this.lookForStart();
    // By now its shared memory is mapped here, or not wanted.
    if (outcome.kind === "value" || outcome.kind === "ended" || outcome.isPinned !== true) return;
    this.#channel.send({ kind: "release", taskId: task.number });
  }

  /** The first task is gone: the next one is first now, or there is none. */
  #goOn(): void {
    const next = this.#held.first;
    this.#firstState = ON_TIME;
    if (next !== undefined) this.#makeNext(next);
    else if (this.#host.life.isRetiring || this.#isUsedUp()) this.#host.giveUp("used up");
    // It gets no other task before it has answered; without a watchdog it never does, and nothing else would tell.
    else if (this.#takeBack.isOpen) this.#takeBack.limit();
  }

  /** The process has ended: the first task can't come to more than it has. */
  stopClocks(): void {
    this.#clock.clear();
    this.#beginLimit.clear();
    this.#takeBack.clear();
  }

  /**
   * The process is gone, and all that it wrote has been read. Those that had not begun behind the first one run
   * elsewhere.
   *
   * @param doubt - What is done with those that may have begun without a notice.
   * @returns The first one; it may have begun or not.
   */
  leaveBehind(doubt: Doubt | undefined): PoolTask | undefined {
    this.stopClocks();
    const [first, ...others] = this.#held.clear();
    releaseOthers(others, doubt, this.#events);
    return first;
  }

  /** Settles what ended while the process was being killed. */
  settleLate(): void {
    for (const { task, outcome } of this.#lateOutcomes) this.#events.onEnded(task, outcome);
  }
}
