/** One worker's life as one state machine; README.md in this folder draws it. */

import type { ChildProcess } from "node:child_process";

import { CrashJudge } from "./crash-cause.js";
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
import type { PoolTask } from "./pool-task.js";
import type { TaskOutcome } from "./pool-task.js";
import type { TreeRoot } from "../system/process-tree.js";
import type { ToParentMessage } from "../wire/protocol.js";
import type { WorkerConfig } from "./worker-config.js";
import type { ProcessEnd } from "./worker-death.js";
import type { WorkerDeath } from "./worker-death.js";

/** How long a worker that was told to end may take, in milliseconds, before it is killed. */
const END_GRACE_MS = 2000;

/**
 * How long an idle worker may take, in milliseconds, to begin a task: it may be stopped, or busy for ever with what an
 * ended task left behind. Then it is killed, and the task runs elsewhere.
 */
const BEGIN_LIMIT_MS = 10_000;

/** So many bytes of a task at least can be sent in a millisecond; a large one has more time to begin. */
const SLOWEST_BYTES_PER_MS = 1000;

export type WorkerState = "starting" | "idle" | "busy" | "cleaning" | "ending" | "dead";

/** What a worker tells its pool. */
export interface WorkerEvents {
  /** It has become ready for its first task; `onIdle` follows. */
  onReady(): void;
  /** It can take a task. */
  onIdle(worker: Worker): void;
  /** It takes no more tasks and will die: its place may be filled. */
  onLeaving(worker: Worker): void;
  onDead(worker: Worker, death: WorkerDeath): void;
  onInitializeFailed(which: "initializer" | "configurer", cause: unknown): void;
  onLog(record: Uint8Array): void;
  /** A task has ended; called before the task's own event, when the worker's state is already the next one. */
  onTaskSettled(task: PoolTask, outcome: TaskOutcome): void;
}

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
  #task: PoolTask | undefined;
  readonly #taskClock = new TaskClock();
  readonly #timeout = new TaskTimeout(this.#taskClock, {
    outcomeBytesSoFar: (task) => this.#channel?.outcomeBytesSoFar(task.id) ?? 0,
    askStack: (task) => this.#channel?.sendToWatchdog({ kind: "askStack", taskId: task.id }),
    onTimedOut: (task, error) => this.#askToEnd(task, error),
  });
  /** What the task came to after the process had been marked for death; counts when that is over. */
  #lateOutcome: TaskOutcome | undefined;
  #tasksRun = 0;
  readonly #startedMs = performance.now();
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
      onWatchdogMessage: ({ taskId, frames }) => this.#timeout.answer(taskId, frames),
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

  /** The task that it holds, begun or not. */
  get task(): PoolTask | undefined {
    return this.#task;
  }

  /** Gives an idle worker a task. */
  run(task: PoolTask): void {
    this.#state = "busy";
    this.#task = task;
    this.#tasksRun += 1;
    task.dispatch();
    const sentBytes = this.#channel === undefined ? 0 : sendTask(task, this.#sent, this.#channel);
    const { beginLimitMs = BEGIN_LIMIT_MS } = this.#config;
    this.#taskClock.after(beginLimitMs + sentBytes / SLOWEST_BYTES_PER_MS, () => {
      if (task.state === "dispatched") this.kill();
    });
  }

  /**
   * Ends the task that it holds: asks it to end by itself, and kills the process with its descendants when the grace period
   * has passed. The task settles with `reason` when that is done.
   */
  endTask(task: PoolTask, reason: Error): void {
    if (this.#task !== task || task.endReason !== undefined) return;
    task.endReason = reason;
    this.#askToEnd(task, reason);
  }

  #askToEnd(task: PoolTask, reason: Error): void {
    if (this.#config.graceMs === 0) {
      this.kill();
      return;
    }
    this.#taskClock.after(this.#config.graceMs, () => this.kill());
    this.#channel?.sendToWatchdog({ kind: "abort", taskId: task.id });
    this.#channel?.send({ kind: "cancel", taskId: task.id, reason: encodeThrown(reason) });
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
    if (this.#task !== undefined) return;
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
          this.#events.onReady();
          this.#becomeIdle();
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
        this.#onOutcome(message.taskId, { kind: "result", value: message.value });
        break;
      case "failure":
        this.#onOutcome(message.taskId, { kind: "failure", error: message.error });
        break;
      case "log":
        this.#events.onLog(message.record);
        break;
      case "retiring":
        this.#retire();
        break;
    }
  }

  #onStarted(taskId: number): void {
    const task = this.#task;
    if (task === undefined || task.id !== taskId || task.state !== "dispatched" || this.processTask === undefined) {
      this.#onNonsense(new ProtocolError(`The worker began task ${taskId}, which it was not given.`));
      return;
    }
    task.begin(this.processTask);
    this.#timeout.watch(task);
  }

  #onOutcome(taskId: number, outcome: TaskOutcome): void {
    const task = this.#task;
    if (task === undefined || task.id !== taskId || task.state !== "running") {
      this.#onNonsense(new ProtocolError(`The worker ended task ${taskId}, which it was not running.`));
      return;
    }
    // Being killed: the outcome waits for the process's end, so that the task settles when nothing of it is left.
    if (this.#isKilled) {
      this.#lateOutcome = outcome;
      return;
    }
    this.#taskClock.clear();
    if (task.endReason !== undefined && this.root !== undefined) void this.#clean(task, outcome, this.root);
    else this.#settleTask(task, outcome);
  }

  /** A task that ended by itself when asked to may have left processes behind; they end before it settles. */
  async #clean(task: PoolTask, outcome: TaskOutcome, root: TreeRoot): Promise<void> {
    if (!this.#hasLeft) this.#state = "cleaning";
    await killDescendants(root);
    if (this.#task === task && !this.#isKilled) this.#settleTask(task, outcome);
  }

  #settleTask(task: PoolTask, outcome: TaskOutcome): void {
    this.#task = undefined;
    const { maxTasks } = this.#config;
    if (this.#isRetiring || (maxTasks !== undefined && this.#tasksRun >= maxTasks)) this.end();
    else this.#becomeIdle();
    this.#events.onTaskSettled(task, outcome);
    task.settle(outcome);
  }

  #becomeIdle(): void {
    if (this.#hasLeft) return;
    this.#state = "idle";
    this.#events.onIdle(this);
  }

  #onNonsense(error: unknown): void {
    this.#nonsense = error;
    this.kill();
  }

  async #onExit(exitCode: number | null, signal: NodeJS.Signals | null): Promise<void> {
    this.#taskClock.clear();
    clearTimeout(this.#killTimer);
    this.#noteEnd();
    this.#leave();
    const what = this.#tooSlow ?? describeProcessEnd({ exitCode, signal });
    // Its descendants hold its standard streams open and must end first; then the pipes run dry.
    if (this.root !== undefined) await killProcessTree(this.root);
    const outputs = [this.#stdout, this.#stderr].filter((output) => output !== undefined);
    await waitForLastWords([this.#resultsEnded, ...outputs.map(({ ended }) => ended)]);
    this.#die(what, { exitCode, signal });
  }

  #die(what: string, end: ProcessEnd = { exitCode: null, signal: null }): void {
    if (this.#state === "dead") return;
    this.#leave();
    this.#taskClock.clear();
    clearTimeout(this.#killTimer);
    this.#state = "dead";
    for (const stream of this.#streams) stream.destroy();
    const stderr = this.#stderr?.tail ?? "";
    const task = this.#task;
    this.#task = undefined;
    const unbegun = task?.state === "dispatched" && task.endReason === undefined ? task : undefined;
    this.#events.onDead(this, {
      wasReady: this.#wasReady,
      wasToldToEnd: this.#wasToldToEnd,
      wasCrash: this.#wasCrash,
      what,
      ...end,
      stderr,
      unbegun,
    });
    if (task === undefined || task === unbegun) return;
    const outcome = this.#outcomeAtDeath(task, end, stderr);
    this.#events.onTaskSettled(task, outcome);
    task.settle(outcome);
  }

  #outcomeAtDeath(task: PoolTask, end: ProcessEnd, stderr: string): TaskOutcome {
    if (this.#nonsense instanceof Error) return { kind: "ended", error: this.#nonsense };
    if (this.#lateOutcome !== undefined) return this.#lateOutcome;
    const likelyCause = this.#crashJudge.judge(end.signal, this.#stderr?.hasSaidHeapFull ?? false);
    const crash = { pid: this.#child.pid ?? 0, ...end, stderr, taskName: task.name, likelyCause };
    return { kind: "ended", error: new WorkerCrashedError(crash) };
  }
}
