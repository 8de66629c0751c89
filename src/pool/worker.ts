/** One worker's life as one state machine; README.md in this folder draws it. */

import type { ChildProcess } from "node:child_process";

import { OutputForwarder } from "./output-forwarder.js";
import { PROTOCOL_VERSION } from "../wire/protocol.js";
import { ParentChannel } from "../wire/parent-channel.js";
import { ProcessTask } from "../system/process-task.js";
import { ProtocolError } from "../errors.js";
import { SentFunctions } from "./function-table.js";
import { WorkerCrashedError } from "../errors.js";
import { decodeThrown } from "../wire/error-codec.js";
import { encodeThrown } from "../wire/error-codec.js";
import { killDescendants } from "../system/process-terminator.js";
import { killProcessTree } from "../system/process-terminator.js";
import { spawnWorker } from "./spawn-worker.js";
import { startTimeOf } from "../system/process-task.js";
import type { PoolTask } from "./pool-task.js";
import type { StartOptions } from "./start-options.js";
import type { TaskOutcome } from "./pool-task.js";
import type { TreeRoot } from "../system/process-tree.js";
import type { ToParentMessage } from "../wire/protocol.js";

/** How long a worker that was told to end may take, in milliseconds, before it is killed. */
const END_GRACE_MS = 2000;

/** How long to wait, in milliseconds, for what a dead worker wrote last: a descendant may hold its pipes open. */
const LAST_WORDS_MS = 500;

export type WorkerState = "starting" | "idle" | "busy" | "cleaning" | "ending" | "dead";

/** How a worker died. */
export interface WorkerDeath {
  /** Whether it had ever been ready for a task. */
  readonly wasReady: boolean;
  /** Whether its pool had told it to end. */
  readonly wasToldToEnd: boolean;
  /** What happened, for a message. */
  readonly what: string;
  readonly stderr: string;
  /** The task that it held and had not begun. */
  readonly unbegun: PoolTask | undefined;
}

/** What a worker tells its pool. */
export interface WorkerEvents {
  /** It can take a task. */
  onIdle(worker: Worker): void;
  /** It takes no more tasks and will die: its place may be filled. */
  onLeaving(worker: Worker): void;
  onDead(worker: Worker, death: WorkerDeath): void;
  onInitializeFailed(which: "initializer" | "configurer", cause: unknown): void;
  onLog(record: Uint8Array): void;
  /** A task has ended; called before the task's own event, when the worker's state is already the next one. */
  onTaskSettled(task: PoolTask): void;
}

/** What a worker needs to be started. */
export interface WorkerConfig {
  readonly start: StartOptions;
  /** Encoded `WorkerSettings`. */
  readonly settings: Uint8Array;
  readonly graceMs: number;
  readonly maxTasks: number | undefined;
}

export class Worker {
  readonly #config: WorkerConfig;
  readonly #events: WorkerEvents;
  readonly #child: ChildProcess;
  readonly #channel: ParentChannel | undefined;
  readonly #resultsEnded: Promise<void>;
  readonly #stdout: OutputForwarder | undefined;
  readonly #stderr: OutputForwarder | undefined;
  readonly #sent = new SentFunctions();
  /** The process; `undefined` when it could not be started. */
  readonly processTask: ProcessTask | undefined;
  readonly root: TreeRoot | undefined;
  #state: WorkerState = "starting";
  #wasReady = false;
  #isKilled = false;
  #hasLeft = false;
  #wasToldToEnd = false;
  #task: PoolTask | undefined;
  #tasksRun = 0;
  #timers: NodeJS.Timeout[] = [];
  #nonsense: unknown;

  /** Starts a process. @throws What `spawn` throws. */
  constructor(config: WorkerConfig, events: WorkerEvents) {
    this.#config = config;
    this.#events = events;
    const { child, cookie, pipes } = spawnWorker(config.start);
    this.#child = child;
    if (pipes === undefined || child.pid === undefined) {
      this.#resultsEnded = Promise.resolve();
      child.on("error", (error) => this.#die(`the spawn failed (${error.message})`));
      return;
    }
    const startTime = startTimeOf(child.pid);
    this.processTask = ProcessTask.for(child.pid, startTime);
    this.root = { pid: child.pid, startTime, cookie };
    let endResults = (): void => {};
    this.#resultsEnded = new Promise((resolve) => {
      endResults = resolve;
    });
    this.#channel = new ParentChannel(pipes, {
      onMessage: (message) => this.#receive(message),
      onNonsense: (error) => this.#onNonsense(error),
      onEnd: () => {
        endResults();
        // Only an exit or a task closes this descriptor; in both cases nothing can come from this process any more. An exit
        // that has come so far keeps its status.
        this.kill();
      },
      // Node closes these two while it exits by itself: give it the time for that.
      onOtherEnd: () => {
        if (this.#state !== "dead") this.#killUnlessGoneSoon();
      },
    });
    this.#stdout = child.stdout === null ? undefined : new OutputForwarder(child.stdout, process.stdout);
    this.#stderr = child.stderr === null ? undefined : new OutputForwarder(child.stderr, process.stderr);
    child.on("error", () => {});
    child.on("exit", (exitCode, signal) => void this.#onExit(exitCode, signal));
    this.#channel.send({ kind: "initialize", settings: config.settings });
  }

  get state(): WorkerState {
    return this.#state;
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
    const { fn } = task;
    if (!this.#sent.has(fn.id)) {
      this.#channel?.send({ kind: "function", functionId: fn.id, pickle: fn.pickle });
      const forgotten = this.#sent.add(fn.id);
      if (forgotten !== undefined) this.#channel?.send({ kind: "forget", functionId: forgotten });
    }
    this.#channel?.send({
      kind: "task",
      taskId: task.id,
      functionId: fn.id,
      isChunk: task.isChunk,
      taskName: task.name,
      args: task.args,
    });
  }

  /**
   * Ends the task that it holds: asks it to end by itself, and kills the process with its descendants when the grace period
   * has passed. The task settles with `reason` when that is done.
   */
  endTask(task: PoolTask, reason: Error): void {
    if (this.#task !== task || task.endReason !== undefined) return;
    task.endReason = reason;
    if (this.#config.graceMs === 0) {
      this.kill();
      return;
    }
    this.#channel?.sendAbortNotice(task.id);
    this.#channel?.send({ kind: "cancel", taskId: task.id, reason: encodeThrown(reason) });
    this.#after(this.#config.graceMs, task, () => this.kill());
  }

  /** Lets the process end by itself; it is killed when it takes too long. Only for a worker without a task. */
  end(): void {
    if (this.#state === "dead" || this.#hasLeft) return;
    this.#wasToldToEnd = true;
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

  #killUnlessGoneSoon(): void {
    this.#timers.push(setTimeout(() => this.kill(), END_GRACE_MS));
  }

  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#state = "ending";
    this.#events.onLeaving(this);
  }

  /** Runs an action after a time unless the task has ended by then, one full turn of the event loop later: when this process
   * was busy, the outcome may be in the pipe already, and wins. */
  #after(delayMs: number, task: PoolTask, action: () => void): void {
    const timer = setTimeout(() => {
      setImmediate(() => {
        if (this.#task === task) action();
      });
    }, delayMs);
    this.#timers.push(timer);
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }

  #receive(message: ToParentMessage): void {
    switch (message.kind) {
      case "ready":
        if (message.protocolVersion !== PROTOCOL_VERSION || this.#wasReady) {
          this.#onNonsense(new ProtocolError("The worker is of another version of asynccpu."));
        } else {
          this.#wasReady = true;
          this.#becomeIdle();
        }
        break;
      case "initializeFailed":
        this.#events.onInitializeFailed(
          message.isConfigurer ? "configurer" : "initializer",
          decodeThrown(message.error),
        );
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
        this.#leave();
        if (this.#task === undefined) this.#killUnlessGoneSoon();
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
    if (task.timeoutMs !== undefined) {
      const { timeoutMs } = task;
      this.#after(timeoutMs, task, () => this.endTask(task, task.timeoutError(timeoutMs)));
    }
  }

  #onOutcome(taskId: number, outcome: TaskOutcome): void {
    const task = this.#task;
    if (task === undefined || task.id !== taskId || task.state !== "running") {
      this.#onNonsense(new ProtocolError(`The worker ended task ${taskId}, which it was not running.`));
      return;
    }
    // Being killed: the outcome waits for the process's end, so that the task settles when nothing of it is left.
    if (this.#isKilled) return;
    this.#clearTimers();
    if (task.endReason !== undefined && this.root !== undefined) void this.#clean(task, outcome, this.root);
    else this.#settleTask(task, outcome);
  }

  /** A task that ended by itself when asked to may have left processes behind; they end before it settles. */
  async #clean(task: PoolTask, outcome: TaskOutcome, root: TreeRoot): Promise<void> {
    this.#state = "cleaning";
    await killDescendants(root);
    if (this.#task === task) this.#settleTask(task, outcome);
  }

  #settleTask(task: PoolTask, outcome: TaskOutcome): void {
    this.#task = undefined;
    if (this.#hasLeft) {
      this.#killUnlessGoneSoon();
    } else {
      const { maxTasks } = this.#config;
      if (maxTasks !== undefined && this.#tasksRun >= maxTasks) this.end();
      else this.#becomeIdle();
    }
    this.#events.onTaskSettled(task);
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
    this.#clearTimers();
    this.#leave();
    const what = signal === null ? `the process exited with code ${exitCode}` : `the process was ended by ${signal}`;
    // Its descendants hold its standard streams open and must end first; then the pipes run dry.
    if (this.root !== undefined) await killProcessTree(this.root);
    await within(LAST_WORDS_MS, Promise.all([this.#resultsEnded, this.#stdout?.ended, this.#stderr?.ended]));
    this.#die(what, { exitCode, signal });
  }

  #die(
    what: string,
    end: { exitCode: number | null; signal: NodeJS.Signals | null } = { exitCode: null, signal: null },
  ): void {
    if (this.#state === "dead") return;
    this.#leave();
    this.#clearTimers();
    this.#state = "dead";
    this.#channel?.destroy();
    for (const stream of this.#child.stdio) stream?.destroy();
    const stderr = this.#stderr?.tail ?? "";
    const task = this.#task;
    this.#task = undefined;
    const unbegun = task?.state === "dispatched" && task.endReason === undefined ? task : undefined;
    this.#events.onDead(this, {
      wasReady: this.#wasReady,
      wasToldToEnd: this.#wasToldToEnd,
      what,
      stderr,
      unbegun,
    });
    if (task === undefined || task === unbegun) return;
    this.#events.onTaskSettled(task);
    const error =
      this.#nonsense instanceof Error
        ? this.#nonsense
        : new WorkerCrashedError({ pid: this.#child.pid ?? 0, ...end, stderr, taskName: task.name });
    task.settle({ kind: "ended", error });
  }
}

/** Waits for a promise, but not longer than the given time. */
async function within(limitMs: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([promise, limit]);
  clearTimeout(timer);
}
