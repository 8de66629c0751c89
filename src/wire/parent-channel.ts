/** The parent's end of the private pipes to one worker. */

import type { Duplex } from "node:stream";
import type { Readable } from "node:stream";
import type { Writable } from "node:stream";

import { DirectWriter } from "./direct-writer.js";
import { FrameDecoder } from "./messages/frame-decoder.js";
import { FrameWriter } from "./messages/frame.js";
import { decodeToParent } from "./messages/message-codec.js";
import { decodeFromWatchdog } from "./lifeline.js";
import { encodeToWatchdog } from "./lifeline.js";
import { appendNamelessTask } from "./messages/message-codec.js";
import { appendToWorker } from "./messages/message-codec.js";
import { readDirectly } from "./direct-socket.js";
import { isOutcomeKind } from "./messages/message-codec.js";
import { takeSmallResult } from "./messages/message-codec.js";
import type { FromWatchdogMessage } from "./messages/protocol.js";
import type { TaskMessage } from "./messages/protocol.js";
import type { TaskNews } from "./messages/protocol.js";
import type { ToWatchdogMessage } from "./messages/protocol.js";
import type { ToWorkerMessage } from "./messages/protocol.js";
import type { WorkerNews } from "./messages/protocol.js";

/** So many bytes don't wait for a pause. */
const FLUSH_BYTES = 16 * 1024;

/**
 * Already over: what follows on it waits until the code that sends, and all that waits for the same outcomes, has come
 * to a pause. A tick of Node's own would cost 2 of the 27 µs of a round trip.
 */
const pause = Promise.resolve();

/** The parent's ends of the worker's descriptors `TASKS_FD`, `RESULTS_FD` and `LIFELINE_FD`. */
export interface WorkerPipes {
  readonly tasks: Writable;
  readonly results: Readable;
  readonly lifeline: Duplex;
}

/** Takes what a worker says of its tasks. Whatever it throws is taken for nonsense of the worker. */
export interface TaskReceiver {
  receive(news: TaskNews): void;
  /** A task's result has come that is a small plain value; such results are no messages. */
  receiveValue(taskId: number, durationUs: number, value: unknown): void;
  /** All that had come together has been handed over. */
  onPause(): void;
}

/** Takes what a worker says of itself, and what happens to its pipes. */
export interface WorkerReceiver {
  receive(news: WorkerNews): void;
  /** The worker's watchdog thread has answered. */
  onWatchdogMessage(message: FromWatchdogMessage): void;
  /** The worker sent something that can't be: it must be ended. Called once; nothing more is handed over. */
  onNonsense(error: unknown): void;
  /** The worker has closed its end of the results; nothing more comes. */
  onEnd(): void;
  /** The worker has closed its end of another pipe: it ends, or a task has closed a descriptor that isn't its own. */
  onOtherEnd(): void;
}

/** Where what is not taken is read to. */
const IGNORED = Buffer.allocUnsafeSlow(4096);

/** Takes what comes on one pipe, but nothing after the first nonsense. */
class Guard {
  readonly #onBroken: (error: unknown) => void;
  #isBroken = false;

  constructor(onBroken: (error: unknown) => void) {
    this.#onBroken = onBroken;
  }

  take<T>(what: T, take: (what: T) => void): void {
    if (this.#isBroken) return;
    try {
      take(what);
    } catch (error) {
      this.break(error);
    }
  }

  /** Where what comes is to be read to: there may be no memory for it. */
  space(find: () => Buffer): Buffer {
    if (this.#isBroken) return IGNORED;
    try {
      return find();
    } catch (error) {
      this.break(error);
      return IGNORED;
    }
  }

  /** Takes nothing more. */
  break(error: unknown): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#onBroken(error);
  }
}

function readResults(source: Readable, decoder: FrameDecoder, guard: Guard, tasks: TaskReceiver): Readable {
  const findSpace = (): Buffer => decoder.space();
  const fill = (sizeBytes: number): void => decoder.filled(sizeBytes);
  const direct = readDirectly(source, {
    buffer: () => guard.space(findSpace),
    callback: (sizeBytes) => {
      guard.take(sizeBytes, fill);
      tasks.onPause();
      return true;
    },
  });
  if (direct !== undefined) return direct.resume();
  const push = (chunk: Buffer): void => decoder.push(chunk);
  return source.on("data", (chunk: Buffer) => {
    guard.take(chunk, push);
    tasks.onPause();
  });
}

/** The pipes to and from one worker, as its parent has them. */
export class ParentChannel {
  readonly #pipes: WorkerPipes;
  #results: Readable;
  #decoder: FrameDecoder | undefined;
  #resultsGuard: Guard | undefined;
  readonly #outbox = new FrameWriter();
  readonly #writer: DirectWriter;
  readonly #flushLater = (): void => this.flush();
  /** Of the last task that was sent. */
  #lastName: string | undefined;

  constructor(pipes: WorkerPipes) {
    this.#pipes = pipes;
    this.#results = pipes.results;
    this.#writer = new DirectWriter(pipes.tasks);
  }

  /** Hands over what comes from now on. To be called in the turn in which the pipes were made. */
  listen(tasks: TaskReceiver, worker: WorkerReceiver): void {
    const pipes = this.#pipes;
    const guard = new Guard((error) => worker.onNonsense(error));
    // What a worker says whose watchdog talks nonsense isn't taken either.
    const lifelineGuard = new Guard((error) => guard.break(error));
    const decoder = new FrameDecoder(
      (frame) => {
        const message = decodeToParent(frame);
        if ("taskId" in message) tasks.receive(message);
        else if (message.kind !== "mark") worker.receive(message);
      },
      (bytes, at, to) => takeSmallResult(bytes, at, to, tasks),
    );
    this.#resultsGuard = guard;
    this.#decoder = decoder;
    this.#results = readResults(pipes.results, decoder, guard, tasks);
    const answers = new FrameDecoder((frame) => worker.onWatchdogMessage(decodeFromWatchdog(frame)));
    const takeAnswers = (chunk: Buffer): void => answers.push(chunk);
    pipes.lifeline.on("data", (chunk: Buffer) => lifelineGuard.take(chunk, takeAnswers));
    let hasEnded = false;
    const end = (): void => {
      if (hasEnded) return;
      hasEnded = true;
      worker.onEnd();
    };
    this.#results.on("end", end);
    this.#results.on("close", end);
    // EPIPE and ECONNRESET only say that the worker is gone, which its exit tells better.
    for (const stream of [pipes.tasks, this.#results, pipes.lifeline]) stream.on("error", () => {});
    // The worker never writes to the tasks' pipe, but only what is read tells its end.
    (pipes.tasks as Writable & Partial<Readable>).resume?.();
    for (const stream of [pipes.tasks, pipes.lifeline]) stream.once("close", () => worker.onOtherEnd());
  }

  /** The worker has talked nonsense elsewhere: takes no more of its results, and tells. */
  distrust(error: unknown): void {
    this.#resultsGuard?.break(error);
  }

  /** Closes the pipe of the results. */
  destroy(): void {
    this.#results.destroy();
  }

  /** Sends a message; it shares a write with others that are sent before the code that sends comes to a pause. */
  send(message: ToWorkerMessage): void {
    this.#planFlush();
    appendToWorker(this.#outbox, message);
    this.#flushIfMuch();
  }

  /** Sends a task, as `send` does a message. */
  sendTask(task: TaskMessage): void {
    this.#planFlush();
    if (task.taskName === this.#lastName) appendNamelessTask(this.#outbox, task);
    else appendToWorker(this.#outbox, task);
    this.#lastName = task.taskName;
    this.#flushIfMuch();
  }

  #planFlush(): void {
    if (this.#outbox.isEmpty) void pause.then(this.#flushLater);
  }

  /** The worker can begin with these while this process still makes more. */
  #flushIfMuch(): void {
    if (this.#outbox.waitingBytes >= FLUSH_BYTES) this.flush();
  }

  /** Sends a message to the watchdog thread, which takes it even while the main thread is busy. */
  sendToWatchdog(message: ToWatchdogMessage): void {
    if (!this.#pipes.lifeline.destroyed) this.#pipes.lifeline.write(encodeToWatchdog(message));
  }

  /** How much has come of a task's outcome whose rest is on its way, in bytes; 0 when none has begun to come. */
  outcomeBytesSoFar(taskId: number): number {
    const open = this.#decoder?.openFrame;
    const isOutcome = open !== undefined && (open.isAttachment || isOutcomeKind(open.kind));
    return isOutcome && open.idA === taskId ? open.filledBytes : 0;
  }

  /** Sends now what else waits for a pause. */
  flush(): void {
    if (!this.#outbox.isEmpty) this.#writer.write(this.#outbox.take());
  }
}
