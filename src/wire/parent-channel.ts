/** The parent's end of the private pipes to one worker. */

import type { Readable } from "node:stream";
import type { Writable } from "node:stream";

import { FrameDecoder } from "./frame.js";
import { decodeToParent } from "./message-codec.js";
import { encodeAbortNotice } from "./lifeline.js";
import { encodeToWorker } from "./message-codec.js";
import { isOutcomeKind } from "./message-codec.js";
import type { ToParentMessage } from "./protocol.js";
import type { ToWorkerMessage } from "./protocol.js";

/** The parent's ends of the worker's descriptors `TASKS_FD`, `RESULTS_FD` and `LIFELINE_FD`. */
export interface WorkerPipes {
  readonly tasks: Writable;
  readonly results: Readable;
  readonly lifeline: Writable;
}

/** What happens on the channel. */
export interface ParentChannelEvents {
  onMessage(message: ToParentMessage): void;
  /** The worker sent something that is no message: it must be ended. */
  onNonsense(error: unknown): void;
  /** The worker has closed its end of the results; nothing more comes. */
  onEnd(): void;
  /** The worker has closed its end of another pipe: it ends, or a task has closed a descriptor that isn't its own. */
  onOtherEnd(): void;
}

export class ParentChannel {
  readonly #pipes: WorkerPipes;
  readonly #decoder: FrameDecoder;
  #outbox: Uint8Array[] = [];
  #isBroken = false;

  constructor(pipes: WorkerPipes, events: ParentChannelEvents) {
    this.#pipes = pipes;
    this.#decoder = new FrameDecoder((frame) => {
      // One chunk may hold several frames: nothing after the first bad one is trusted.
      if (!this.#isBroken) events.onMessage(decodeToParent(frame));
    });
    pipes.results.on("data", (chunk: Buffer) => {
      if (this.#isBroken) return;
      try {
        this.#decoder.push(chunk);
      } catch (error) {
        this.#isBroken = true;
        events.onNonsense(error);
      }
    });
    let hasEnded = false;
    const end = (): void => {
      if (hasEnded) return;
      hasEnded = true;
      events.onEnd();
    };
    pipes.results.on("end", end);
    pipes.results.on("close", end);
    // EPIPE and ECONNRESET only say that the worker is gone, which its exit tells better.
    for (const stream of [pipes.tasks, pipes.results, pipes.lifeline]) stream.on("error", () => {});
    for (const duplex of [pipes.tasks, pipes.lifeline] as (Writable & Partial<Readable>)[]) {
      // The worker never writes here, but only what is read tells its end.
      duplex.resume?.();
      duplex.once("close", () => events.onOtherEnd());
    }
  }

  /** Sends a message; those sent in one turn share a write. */
  send(message: ToWorkerMessage): void {
    if (this.#outbox.length === 0) process.nextTick(() => this.#flush());
    this.#outbox.push(...encodeToWorker(message));
  }

  /** Tells the watchdog thread that a task is to be aborted: it can set the flag while the main thread is busy. */
  sendAbortNotice(taskId: number): void {
    if (!this.#pipes.lifeline.destroyed) this.#pipes.lifeline.write(encodeAbortNotice(taskId));
  }

  /** How much has come of a task's outcome whose rest is on its way, in bytes; 0 when none has begun to come. */
  outcomeBytesSoFar(taskId: number): number {
    const open = this.#decoder.openFrame;
    return open !== undefined && isOutcomeKind(open.kind) && open.idA === taskId ? open.filledBytes : 0;
  }

  #flush(): void {
    const buffers = this.#outbox;
    this.#outbox = [];
    const { tasks } = this.#pipes;
    if (tasks.destroyed) return;
    // Corked writes leave as one writev: no copy of large payloads, one system call for many small ones.
    tasks.cork();
    for (const buffer of buffers) tasks.write(buffer);
    tasks.uncork();
  }
}
