import process from "node:process";

import { FrameDecoder } from "../wire/messages/frame-decoder.js";
import { GuardWords } from "../subprocess/guard/claim.js";
import { HeldPins } from "../memory/pins.js";
import { ProcessTask } from "../system/process/process-task.js";
import { RunningTask } from "../subprocess/task/running-task.js";
import { WorkerValues } from "../subprocess/task/worker-values.js";
import { decodeThrown } from "../values/thrown.js";
import { decodeToParent } from "../wire/messages/message-codec.js";
import { decodeToWorker } from "../wire/messages/message-codec.js";
import { encodeThrown } from "../values/thrown.js";
import { encodeToParent } from "../wire/messages/message-codec.js";
import { encodeToWorker } from "../wire/messages/message-codec.js";
import { externalOf } from "../pickle/refer/provenance.js";
import { programTimers } from "./program-timers.js";
import { run } from "../subprocess/task/run.js";
import { runAsTask } from "../subprocess/task/current-task.js";
import type { FunctionStore } from "../subprocess/task/function-store.js";
import type { PoolTask } from "../pool/queue/pool-task.js";
import type { TaskChannel } from "../pool/queue/pool-task.js";
import type { TaskFunction } from "../subprocess/task/function-store.js";
import type { TaskHolder } from "../pool/queue/pool-task.js";
import type { TaskMessage } from "../wire/messages/protocol.js";
import type { TaskOutcome } from "../pool/queue/pool-task.js";
import type { ToParentMessage } from "../wire/messages/protocol.js";
import type { ToWorkerMessage } from "../wire/messages/protocol.js";

/** What a run has of its pool. */
export interface RunHost {
  readonly graceMs: number;
  /** Functions that tasks were given among their arguments, as they arrived. */
  readonly functions: FunctionStore;
  onOver(run: InlineRun, task: PoolTask, outcome: TaskOutcome): void;
}

/**
 * One task in the program's own process. Both ends of the pipe are here: what goes to the task, and what comes from
 * it, is encoded, framed and decoded, and so shares nothing with what it was.
 */
export class InlineRun implements TaskHolder {
  readonly #task: PoolTask;
  readonly #host: RunHost;
  readonly #id: number;
  readonly #words = new GuardWords();
  readonly #heldPins = new HeldPins();
  readonly #values: WorkerValues;
  readonly #running: RunningTask;
  readonly #fn: TaskFunction;
  readonly #toParent = new FrameDecoder((frame) => this.#receive(decodeToParent(frame)));
  readonly #channel: TaskChannel = {
    // Later, as over a pipe: both ends of a stream would else call each other while they are at work.
    send: (message) => void Promise.resolve().then(() => this.#toTask(message)),
    sendToWatchdog: ({ kind, taskId }) => kind === "hear" && this.#words.hearFlag.raise(taskId),
  };
  #limit: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(task: PoolTask, id: number, host: RunHost) {
    this.#task = task;
    this.#host = host;
    this.#id = id;
    this.#fn = task.functions[0] as TaskFunction;
    const send = (message: ToParentMessage): void => this.#send(message);
    this.#values = new WorkerValues(host.functions, send);
    this.#running = new RunningTask(id, task.name, this.#words, { post: send, flush: () => {}, reportEveryMs: 0 });
  }

  /** Calls the function. */
  start(): void {
    const task = this.#task;
    const { fn } = task;
    const { args, goesOn, isChunk } = this.#arrive(task);
    for (const each of [...(task.extras?.functions ?? []), fn]) this.#host.functions.add(each.id, each.pickle);
    task.number = this.#id;
    task.holder = this;
    if (task.isHeard) this.#running.hear();
    task.begin(ProcessTask.for(process.pid));
    this.#limitTime();
    task.extras?.live?.tellAborted((channel, op, payload) =>
      this.#toTask({ kind: "live", taskId: this.#id, channel, op, payload }),
    );
    void run({
      task: this.#running,
      // The stand-in that `moduleTask` gives is not the function.
      functions: {
        load: (id) => (externalOf(this.#fn) === undefined ? this.#fn : this.#host.functions.load(id)),
        built: () => this.#fn,
      },
      functionId: fn.id,
      args,
      goesOn,
      isChunk,
      send: (message) => this.#send(message),
      heldPins: this.#heldPins,
      values: this.#values,
      shareAboveBytes: undefined,
    });
  }

  /** What a worker would have of the task. */
  #arrive({ args, callCount, fn, goesOn, name }: PoolTask): TaskMessage {
    let arrived: ToWorkerMessage | undefined;
    const decoder = new FrameDecoder((frame) => (arrived = decodeToWorker(frame)));
    const sent = encodeToWorker({
      kind: "task",
      taskId: this.#id,
      functionId: fn.id,
      isChunk: callCount > 0,
      goesOn,
      isAnnounced: false,
      isLong: false,
      taskName: name,
      args,
    });
    for (const bytes of sent) decoder.push(Buffer.from(bytes));
    return arrived as TaskMessage;
  }

  #toTask(message: ToWorkerMessage): void {
    if (this.#isOver) return;
    const decoder = new FrameDecoder((frame) => {
      const arrived = decodeToWorker(frame);
      if (arrived.kind === "live") runAsTask(this.#running, () => this.#values.receive(arrived));
    });
    for (const bytes of encodeToWorker(message)) decoder.push(Buffer.from(bytes));
  }

  #send(message: ToParentMessage): void {
    for (const bytes of encodeToParent(message)) this.#toParent.push(Buffer.from(bytes));
  }

  #receive(message: ToParentMessage): void {
    if (this.#isOver) return;
    if (message.kind === "live" || message.kind === "report") this.#task.receiveMessage(message, this.#channel);
    else if (message.kind === "result" || message.kind === "failure") this.#finish(message);
  }

  #limitTime(): void {
    const { timeoutMs } = this.#task;
    if (timeoutMs === undefined) return;
    this.#limit = programTimers.setTimeout(
      () => this.end(this.#task, this.#task.timeoutError(timeoutMs, "")),
      timeoutMs,
    );
  }

  end(task: PoolTask, reason: Error): void {
    if (this.#isOver || task.endReason !== undefined) return;
    task.endReason = reason;
    const { graceMs } = this.#host;
    const giveUp = (): void => this.#finish({ kind: "ended", error: reason });
    this.#running.abort(decodeThrown(encodeThrown(reason)));
    if (graceMs > 0) this.#grace = programTimers.setTimeout(giveUp, graceMs);
    else giveUp();
  }

  /** It is known that it has begun. */
  lookForStart(): boolean {
    return false;
  }

  /** It holds no task that has not begun. */
  takeBack(): void {}

  hear(): void {
    this.#running.hear();
  }

  #finish(outcome: TaskOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    programTimers.clearTimeout(this.#limit);
    programTimers.clearTimeout(this.#grace);
    this.#running.endReports();
    this.#host.onOver(this, this.#task, outcome);
    this.#heldPins.release(this.#id);
  }
}
