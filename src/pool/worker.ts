/** One worker's life as one state machine; README.md in this folder draws it. */

import type { ChildProcess } from "node:child_process";

import { CrashJudge } from "./crash-cause.js";
import { HeldTasks } from "./held-tasks.js";
import { OutputForwarder } from "./output-forwarder.js";
import { PROTOCOL_VERSION } from "../wire/protocol.js";
import { ParentChannel } from "../wire/parent-channel.js";
import { ProcessTask } from "../system/process-task.js";
import { ProtocolError } from "../errors.js";
import { SentFunctions } from "./function-table.js";
import { TaskClock } from "./task-clock.js";
import { TaskTimeout } from "./task-timeout.js";
import { WorkerCrashedError } from "../errors.js";
import { decodeThrown } from "../wire/error-codec.js";
import { describeProcessEnd } from "./worker-death.js";
import { encodeThrown } from "../wire/error-codec.js";
import { killDescendants } from "../system/process-terminator.js";
import { killProcessTree } from "../system/process-terminator.js";
import { sendTask } from "./send-task.js";
import { spawnWorker } from "./spawn-worker.js";
import { startTimeOf } from "../system/process-task.js";
import { waitForLastWords } from "./last-words.js";
import type { FromWatchdogMessage } from "../wire/protocol.js";
import type { PoolTask } from "./pool-task.js";
import type { PooledFunction } from "./function-table.js";
import type { ProcessEnd } from "./worker-death.js";
import type { TaskOutcome } from "./pool-task.js";
import type { ToParentMessage } from "../wire/protocol.js";
import type { TreeRoot } from "../system/process-tree.js";
import type { WorkerConfig } from "./worker-config.js";
import type { WorkerEvents } from "./worker-events.js";
import type { WorkerState } from "./worker-events.js";

/** How long a worker that was told to end may take, in milliseconds, before it is killed. */
const END_GRACE_MS = 2000;

/**
 * How long a worker may take, in milliseconds, to begin the task that is next: it may be stopped, or busy for ever with
 * what an ended task left behind. Then it is killed, and the task runs elsewhere.
 */
const BEGIN_LIMIT_MS = 10_000;

/** So many bytes of a task at least can be sent in a millisecond; a large one has more time to begin. */
const SLOWEST_BYTES_PER_MS = 1000;

/** How long a worker may take at least, in milliseconds, to say whether a task that is to be cancelled has begun. */
const TAKE_BACK_LIMIT_MS = 1000;

/** How often at most to look whether the next task has begun, in milliseconds. */
const BEGIN_CHECK_MS = 1000;

/** A worker holds as many tasks as are expected to take so long, in microseconds: enough never to wait for this process. */
const HELD_US = 1000;

/** And never more than so many. */
const MAX_HELD = 512;

/** A worker whose tasks have no more numbers is replaced. */
const LAST_TASK_NUMBER = 0x7fff_fff0;

export class Worker {
  readonly #config: WorkerConfig;
  readonly #events: WorkerEvents;
  readonly #child: ChildProcess;
  readonly #streams: readonly { destroy(): void }[];
  readonly #channel: ParentChannel | undefined;
  readonly #resultsEnded: Promise<void>;
  readonly #stdout: OutputForwarder | undefined;
  readonly #stderr: OutputForwarder | undefined;
  readonly #sent = new SentFunctions();
  readonly #crashJudge = new CrashJudge();
  readonly #startedMs = performance.now();
  /** The process; `undefined` when it could not be started. */
  readonly processTask: ProcessTask | undefined;
  readonly root: TreeRoot | undefined;
  #state: WorkerState = "starting";
  #wasReady = false;
  #isKilled = false;
  /** What to say of a process that was killed because it took too long to start. */
  #tooSlow: string | undefined;
  #hasLeft = false;
  #wasToldToEnd = false;
  #wasCrash = false;
  /** Takes no more tasks: it ends when the one that it has is over. */
  #isRetiring = false;
  /** One of the private pipes is closed: it can't be told anything any more. */
  #isCutOff = false;
  readonly #held = new HeldTasks();
  /** Of the first task that it holds. */
  readonly #taskClock = new TaskClock();
  readonly #timeout = new TaskTimeout(this.#taskClock, {
    outcomeBytesSoFar: (task) => this.#channel?.outcomeBytesSoFar(task.number) ?? 0,
    askStack: (task) => this.#channel?.sendToWatchdog({ kind: "askStack", taskId: task.number }),
    onTimedOut: (task, error) => this.#askToEnd(task, error),
  });
  /** When the first task came to be the first one, and how long it may take to begin. */
  #beginLimitAtMs = 0;
  #beginTimer: NodeJS.Timeout | undefined;
  /** While it is asked which of its tasks have not begun. */
  #isTakingBack = false;
  /** Runs while a task is to be cancelled of which it isn't known whether it has begun. */
  #doubtTimer: NodeJS.Timeout | undefined;
  /** Its first task takes longer than expected. */
  #isStalled = false;
  #outcomeCount = 0;
  #outcomeCountSeen = -1;
  /** Outcomes that came after the process had been marked for death; they count when that is over. */
  readonly #lateOutcomes: { readonly task: PoolTask; readonly outcome: TaskOutcome }[] = [];
  #tasksRun = 0;
  #killTimer: NodeJS.Timeout | undefined;
  #nonsense: unknown;

  /** Starts a process. @throws What `spawn` throws. */
  constructor(config: WorkerConfig, events: WorkerEvents) {
    this.#config = config;
    this.#events = events;
    const { child, streams, cookie, pipes } = spawnWorker(config.start);
    this.#child = child;
    this.#streams = streams;
    if (pipes === undefined || child.pid === undefined) {
      this.#resultsEnded = Promise.resolve();
      child.on("error", (error) => this.#die(`the spawn failed (${error.message})`));
      return;
    }
    this.processTask = ProcessTask.for(child.pid, startTimeOf(child.pid));
    this.root = { pid: child.pid, startTime: this.processTask.startTime, cookie };
    let endResults = (): void => {};
    this.#resultsEnded = new Promise((resolve) => {
      endResults = resolve;
    });
    this.#channel = new ParentChannel(pipes, {
      onMessage: (message) => this.#receive(message),
      onPause: () => {
        if (!this.#hasLeft && this.#wasReady) this.#events.onRoom(this);
      },
      onWatchdogMessage: (message) => this.#receiveFromWatchdog(message),
      onNonsense: (error) => this.#onNonsense(error),
      onEnd: () => {
        endResults();
        // Only an exit or a task closes this descriptor; in both cases nothing can come from this process any more. An exit
        // that has come so far keeps its status.
        this.#noteEnd();
        this.kill();
      },
      // Node closes these two while it exits by itself: give it the time for that.
      onOtherEnd: () => {
        this.#isCutOff = true;
        this.#retire();
        this.#killUnlessGoneSoon();
      },
    });
    this.#stdout = child.stdout === null ? undefined : new OutputForwarder(child.stdout, process.stdout);
    this.#stderr = child.stderr === null ? undefined : new OutputForwarder(child.stderr, process.stderr);
    // Closed by the task, if not by the end of the process: what the next one prints would be lost, or go to a file that got
    // the number of the descriptor.
    for (const output of [this.#stdout, this.#stderr]) void output?.ended.then(() => this.#retire());
    child.on("error", () => {});
    child.on("exit", (exitCode, signal) => void this.#onExit(exitCode, signal));
    this.#channel.send({ kind: "initialize", settings: config.settings });
    this.#taskClock.after(config.startTimeoutMs, () => this.#onStartTooSlow(), false);
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Whether it has ever been ready for a task. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** How long ago its process was started, in milliseconds. */
  get ageMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** Tasks that it was given so far. */
  get taskCount(): number {
    return this.#tasksRun;
  }

  /** The task that runs there or is about to. */
  get task(): PoolTask | undefined {
    return this.#held.first;
  }

  /** Tasks that it holds behind the first one. */
  get tasksAhead(): number {
    return Math.max(0, this.#held.size - 1);
  }

  /** All tasks that it holds, in order. */
  get tasks(): readonly PoolTask[] {
    return [...this.#held];
  }

  /** Whether it can take a task of this function: one always when it is idle, more only when all will be over soon. */
  hasRoomFor(fn: PooledFunction, isChunk: boolean): boolean {
    if (this.#isTakingBack) return false;
    if (this.#state === "idle") return true;
    if (this.#state !== "busy" || this.#isRetiring || this.#isStalled) return false;
    if (this.#held.first?.endReason !== undefined || this.#held.size >= MAX_HELD || this.#isUsedUp) return false;
    return this.#held.expectedUs + (fn.expectedUs(isChunk) ?? HELD_US) <= HELD_US;
  }

  get #isUsedUp(): boolean {
    return this.#tasksRun >= (this.#config.maxTasks ?? LAST_TASK_NUMBER) || this.#held.nextNumber >= LAST_TASK_NUMBER;
  }

  /** Gives it a task, for which it has room. */
  give(task: PoolTask): void {
    this.#tasksRun += 1;
    task.worker = this;
    this.#held.push(task, task.fn.expectedUs(task.isChunk) ?? HELD_US);
    const sentBytes = this.#channel === undefined ? 0 : sendTask(task, this.#sent, this.#channel);
    if (this.#held.first === task) {
      this.#state = "busy";
      this.#makeNext(task, sentBytes);
    } else {
      task.state = "held";
    }
  }

  #makeNext(task: PoolTask, sentBytes = 0): void {
    const { beginLimitMs = BEGIN_LIMIT_MS } = this.#config;
    this.#beginLimitAtMs = performance.now() + beginLimitMs + sentBytes / SLOWEST_BYTES_PER_MS;
    this.#beginTimer ??= setTimeout(() => this.#checkBegin(), this.#beginLimitAtMs - performance.now()).unref();
    task.dispatch();
  }

  /**
   * Ends a task that it holds. One that has begun is asked to end by itself, and its process is killed with all descendants
   * when the grace period has passed; one that has not is taken back. The task settles with `reason` when that is done.
   */
  endTask(task: PoolTask, reason: Error): void {
    if (task.worker !== this || task.endReason !== undefined) return;
    task.endReason = reason;
    if (task.state === "running") {
      this.#askToEnd(task, reason);
      return;
    }
    this.#takeBack();
    const limitMs = Math.max(TAKE_BACK_LIMIT_MS, this.#config.graceMs);
    this.#doubtTimer ??= setTimeout(() => setImmediate(() => this.#onDoubtful()), limitMs).unref();
  }

  /** The answer doesn't come: the process is stopped, say. */
  #onDoubtful(): void {
    if (this.#isTakingBack) this.kill();
  }

  #askToEnd(task: PoolTask, reason: Error): void {
    // No other task may begin there: what it starts would be ended with what this one leaves behind.
    if (this.#held.size > 1) this.#takeBack();
    if (this.#config.graceMs === 0) {
      this.kill();
      return;
    }
    this.#taskClock.after(this.#config.graceMs, () => this.kill());
    this.#channel?.sendToWatchdog({ kind: "abort", taskId: task.number });
    this.#channel?.send({ kind: "cancel", taskId: task.number, reason: encodeThrown(reason) });
  }

  /** Lets the process end by itself; it is killed when it takes too long. Only for a worker without a task. */
  end(): void {
    if (this.#hasLeft) return;
    this.#wasToldToEnd = true;
    this.#sendAway();
  }

  #sendAway(): void {
    if (this.#isCutOff) {
      this.kill();
      return;
    }
    this.#leave();
    this.#channel?.send({ kind: "shutdown" });
    this.#killUnlessGoneSoon();
  }

  /** Kills the process and its descendants, whatever it does. */
  kill(): void {
    if (this.#state === "dead" || this.#isKilled) return;
    this.#isKilled = true;
    this.#leave();
    if (this.root !== undefined) void killProcessTree(this.root);
  }

  #onStartTooSlow(): void {
    this.#tooSlow = `the process was not ready for a task after ${this.#config.startTimeoutMs} ms (startTimeoutMs)`;
    this.kill();
  }

  #killUnlessGoneSoon(): void {
    if (this.#state === "dead" || this.#killTimer !== undefined) return;
    // A program that has nothing left to do need not wait: its end takes the worker along.
    this.#killTimer = setTimeout(() => this.kill(), END_GRACE_MS).unref();
  }

  /** The process is in doubt. It goes on with the task that it has, and keeps its place as long; then it goes. */
  #retire(): void {
    if (this.#isRetiring || this.#hasLeft) return;
    this.#isRetiring = true;
    if (this.#held.size > 0) {
      this.#takeBack();
      return;
    }
    // It may be about to exit by itself (that is why a pipe was closed), and its exit status be worth knowing: no kill yet.
    if (this.#isCutOff) this.#leave();
    else this.#sendAway();
  }

  /** The process ends: of its own accord, unless it was told to or killed before. */
  #noteEnd(): void {
    if (!this.#hasLeft) this.#wasCrash = true;
  }

  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#state = "ending";
    this.#events.onLeaving(this);
  }

  #receive(message: ToParentMessage): void {
    switch (message.kind) {
      case "ready":
        if (message.protocolVersion !== PROTOCOL_VERSION || this.#wasReady) {
          this.#onNonsense(new ProtocolError("The worker is of another version of asynccpu."));
        } else {
          this.#wasReady = true;
          this.#taskClock.clear();
          this.#state = "idle";
          this.#events.onReady(this);
        }
        break;
      case "initializeFailed":
        this.#events.onInitializeFailed(
          message.isConfigurer ? "configurer" : "initializer",
          decodeThrown(message.error),
        );
        this.#taskClock.clear();
        this.end();
        break;
      case "started":
        this.#onStarted(message.taskId);
        break;
      case "result":
        this.#onOutcome(message.taskId, message.durationUs, { kind: "result", value: message.value });
        break;
      case "failure":
        this.#onOutcome(message.taskId, message.durationUs, { kind: "failure", error: message.error });
        break;
      case "log":
        this.#events.onLog(message.record);
        break;
      case "retiring":
        this.#giveBack(message.firstUnbegun);
        this.#retire();
        break;
    }
  }

  #receiveFromWatchdog(message: FromWatchdogMessage): void {
    if (message.kind === "stack") {
      const task = this.#held.first;
      if (task?.number === message.taskId) this.#timeout.answer(task, message.frames);
      return;
    }
    this.#isTakingBack = false;
    clearTimeout(this.#doubtTimer);
    this.#doubtTimer = undefined;
    this.#giveBack(message.taskId);
  }

  /** Asks which of its tasks have not begun, and has them back; the answer comes also while a task keeps it busy. */
  #takeBack(): void {
    if (this.#isTakingBack) return;
    this.#isTakingBack = true;
    this.#channel?.sendToWatchdog({ kind: "takeBack", taskId: this.#held.nextNumber });
  }

  /** Has the tasks back that its first task would hold up, if that has not ended since the last call. */
  takeBackIfStalled(): void {
    if (this.#outcomeCount === this.#outcomeCountSeen && this.tasksAhead > 0) {
      this.#isStalled = true;
      this.#takeBack();
    }
    this.#outcomeCountSeen = this.#outcomeCount;
  }

  /** The tasks from this number on have not begun, and won't begin here. */
  #giveBack(firstUnbegun: number): void {
    if (this.#hasLeft) return;
    const tasks = this.#held.takeFrom(firstUnbegun);
    if (tasks[0]?.state === "running") {
      this.#held.push(tasks[0], 0);
      this.#onNonsense(new ProtocolError("The worker gives back a task that it has begun."));
      return;
    }
    if (this.#held.size === 0 && this.#state === "busy") this.#goOn();
    this.#release(tasks);
    if (this.#state === "idle") this.#events.onRoom(this);
  }

  /** Tasks that have not begun here are cancelled, or run elsewhere. */
  #release(tasks: readonly PoolTask[]): void {
    for (const task of tasks) {
      if (task.endReason !== undefined) this.#settle(task, { kind: "ended", error: task.endReason });
    }
    const returned = tasks.filter(({ state }) => state !== "settled");
    if (returned.length > 0) this.#events.onReturned(returned);
  }

  #onStarted(taskId: number): void {
    const task = this.#held.first;
    if (task === undefined || task.number !== taskId || task.state !== "dispatched" || this.processTask === undefined) {
      this.#onNonsense(new ProtocolError(`The worker began task ${taskId}, which it was not given.`));
      return;
    }
    task.begin(this.processTask);
    if (task.endReason !== undefined) this.#askToEnd(task, task.endReason);
    else this.#timeout.watch(task);
  }

  #onOutcome(taskId: number, durationUs: number, outcome: TaskOutcome): void {
    const task = this.#held.first;
    if (task === undefined || task.number !== taskId || task.state !== "running") {
      this.#onNonsense(new ProtocolError(`The worker ended task ${taskId}, which it was not running.`));
      return;
    }
    // Being killed: the outcome waits for the process's end, so that the task settles when nothing of it is left.
    if (this.#isKilled) {
      this.#held.shift();
      this.#lateOutcomes.push({ task, outcome });
      this.#held.first?.dispatch();
      return;
    }
    this.#taskClock.clear();
    if (task.endReason !== undefined && this.root !== undefined) {
      void this.#clean(task, outcome, this.root);
      return;
    }
    task.fn.learn(task.isChunk, durationUs);
    this.#isStalled = false;
    this.#outcomeCount += 1;
    this.#settleFirst(task, outcome);
  }

  /** A task that ended by itself when asked to may have left processes behind; they end before it settles. */
  async #clean(task: PoolTask, outcome: TaskOutcome, root: TreeRoot): Promise<void> {
    if (!this.#hasLeft) this.#state = "cleaning";
    await killDescendants(root);
    if (this.#held.first !== task || this.#isKilled) return;
    this.#settleFirst(task, outcome);
    if (this.#state === "idle") this.#events.onRoom(this);
  }

  #settleFirst(task: PoolTask, outcome: TaskOutcome): void {
    this.#held.shift();
    this.#goOn();
    this.#settle(task, outcome);
  }

  /** The first task is gone: the next one is first now, or there is none. */
  #goOn(): void {
    const next = this.#held.first;
    if (next !== undefined) this.#makeNext(next);
    if (this.#hasLeft) return;
    if (next !== undefined) this.#state = "busy";
    else if (this.#isRetiring || this.#isUsedUp) this.end();
    else this.#state = "idle";
  }

  #settle(task: PoolTask, outcome: TaskOutcome): void {
    this.#events.onTaskSettled(task, outcome);
    task.settle(outcome);
  }

  /** Kills the process when its next task has not begun in time; looks again later when it need not yet. */
  #checkBegin(): void {
    this.#beginTimer = undefined;
    const task = this.#held.first;
    if (this.#hasLeft || task === undefined) return;
    const leftMs = this.#beginLimitAtMs - performance.now();
    if (leftMs > 0 || task.state === "running") {
      this.#beginTimer = setTimeout(() => this.#checkBegin(), Math.max(leftMs, BEGIN_CHECK_MS)).unref();
      return;
    }
    // What has come meanwhile is to be read first.
    setImmediate(() => {
      if (this.#held.first === task && task.state === "dispatched") this.kill();
    });
  }

  #onNonsense(error: unknown): void {
    this.#nonsense = error;
    this.kill();
  }

  async #onExit(exitCode: number | null, signal: NodeJS.Signals | null): Promise<void> {
    this.#clearTimers();
    this.#noteEnd();
    this.#leave();
    const what = this.#tooSlow ?? describeProcessEnd({ exitCode, signal });
    // Its descendants hold its standard streams open and must end first; then the pipes run dry.
    if (this.root !== undefined) await killProcessTree(this.root);
    const outputs = [this.#stdout, this.#stderr].filter((output) => output !== undefined);
    await waitForLastWords([this.#resultsEnded, ...outputs.map(({ ended }) => ended)]);
    this.#die(what, { exitCode, signal });
  }

  #clearTimers(): void {
    this.#taskClock.clear();
    clearTimeout(this.#killTimer);
    clearTimeout(this.#beginTimer);
    clearTimeout(this.#doubtTimer);
  }

  #die(what: string, end: ProcessEnd = { exitCode: null, signal: null }): void {
    if (this.#state === "dead") return;
    this.#leave();
    this.#clearTimers();
    this.#state = "dead";
    for (const stream of this.#streams) stream.destroy();
    const stderr = this.#stderr?.tail ?? "";
    const [first, ...others] = this.#held.clear();
    this.#release(others);
    const unbegun = first?.state === "dispatched" && first.endReason === undefined ? first : undefined;
    this.#events.onDead(this, {
      wasReady: this.#wasReady,
      wasToldToEnd: this.#wasToldToEnd,
      wasCrash: this.#wasCrash,
      what,
      ...end,
      stderr,
      unbegun,
    });
    for (const { task, outcome } of this.#lateOutcomes) this.#settle(task, outcome);
    if (first !== undefined && first !== unbegun) this.#settle(first, this.#outcomeAtDeath(first, end, stderr));
  }

  #outcomeAtDeath(task: PoolTask, end: ProcessEnd, stderr: string): TaskOutcome {
    if (this.#nonsense instanceof Error) return { kind: "ended", error: this.#nonsense };
    const likelyCause = this.#crashJudge.judge(end.signal, this.#stderr?.hasSaidHeapFull ?? false);
    const crash = { pid: this.#child.pid ?? 0, ...end, stderr, taskName: task.name, likelyCause };
    return { kind: "ended", error: new WorkerCrashedError(crash) };
  }
}
