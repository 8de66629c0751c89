/**
 * The worker's end of the private pipes.
 *
 * Results are written with a blocking `fs.writeSync`: what was sent has left the process, so nothing is lost
 * when the task exits, aborts or is killed right after. The parent always reads, so this can't deadlock, and a parent
 * that has gone makes the write fail. A `net.Socket` for writing was dropped: it keeps a queue of its own, which
 * `process.exit()` throws away.
 */

import { Socket } from "node:net";
import { writeSync } from "node:fs";

import { FrameDecoder } from "./messages/frame-decoder.js";
import { MappedOutbox } from "./journal/mapped-journal.js";
import { RESULTS_FD } from "./messages/protocol.js";
import { WrittenOutbox } from "./journal/written-journal.js";
import { TASKS_FD } from "./messages/protocol.js";
import { decodeToWorker } from "./messages/message-codec.js";
import type { ToParentMessage } from "./messages/protocol.js";
import type { ToWorkerMessage } from "./messages/protocol.js";

/** So many bytes don't wait any longer: the parent can read them meanwhile. */
const FLUSH_BYTES = 32 * 1024;

/** How long to wait, in milliseconds, before a write is tried again on a descriptor that was made non-blocking. */
const RETRY_MS = 1;

const pause = new Int32Array(new SharedArrayBuffer(4));

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function writeFully(fd: number, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at, bytes.length - at);
    } catch (error) {
      // Only if somebody else made the descriptor non-blocking; EINTR is retried by libuv.
      if (!hasCode(error, "EAGAIN")) throw error;
      Atomics.wait(pause, 0, 0, RETRY_MS);
    }
  }
}

/** Takes the messages of the parent. */
export interface ChildReceiver {
  receive(message: ToWorkerMessage): void;
  /** All messages that had come together have been handed over. */
  begin(): void;
}

/** The pipes from and to the parent, as the worker's main thread has them. */
export class ChildChannel {
  readonly #onEnd: () => void;
  readonly #written = new WrittenOutbox();
  /** Takes the place of `#written` for all but long messages. */
  #mapped: MappedOutbox | undefined;
  #hasEnded = false;

  /** @param onEnd - Called once: the parent is gone, or the pipe is of no use any more. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** Hands the parent's messages over from now on. */
  listen(receiver: ChildReceiver): void {
    const decoder = new FrameDecoder((frame) => receiver.receive(decodeToWorker(frame)));
    // Read straight into the decoder's memory: a stream of chunks would cost an allocation each, and a copy of long
    // ones.
    const onread = {
      buffer: (): Buffer => decoder.space(),
      callback: (sizeBytes: number): boolean => {
        try {
          decoder.filled(sizeBytes);
        } catch {
          this.#end();
        }
        receiver.begin();
        return true;
      },
    };
    // Documented for `net.connect`; the constructor takes it as well.
    const options = { fd: TASKS_FD, readable: true, writable: false, onread };
    const socket = new Socket(options);
    socket.resume();
    socket.on("error", () => {});
    socket.on("close", () => this.#end());
  }

  /** Sends a message, and all that waits before it; when this returns, they have left the process. */
  send(message: ToParentMessage): void {
    this.post(message);
    this.flush();
  }

  /** From now on messages that wait can be kept in the journal. */
  useJournal(): void {
    this.#written.useJournal();
  }

  /** How many messages were kept in a journal that is written to. */
  get keptCount(): number {
    return this.#mapped === undefined ? this.#written.keptCount : 0;
  }

  /** From now on keeps the journal in memory that is the file of its descriptor. To be called while no task runs. */
  mapJournal(memory: ArrayBuffer): void {
    this.flush();
    this.#mapped = new MappedOutbox(memory, this.#written.lastKept);
  }

  /** Has the result of a task wait for the next message that is sent. */
  postValue(taskId: number, durationUs: number, value: unknown): void {
    if (this.#hasEnded) return;
    const outbox = this.#mapped ?? this.#written;
    outbox.appendValue(taskId, durationUs, value);
    if (outbox.waitingBytes >= FLUSH_BYTES) this.flush();
  }

  /** Has a message wait for the next one that is sent. */
  post(message: ToParentMessage): void {
    if (this.#hasEnded) return;
    const mapped = this.#mapped;
    if (mapped === undefined) this.#written.append(message);
    else if (!mapped.append(message)) {
      this.flush();
      this.#written.append(message);
      this.flush();
    }
    if ((mapped ?? this.#written).waitingBytes >= FLUSH_BYTES) this.flush();
  }

  /**
   * Has the notice that a task begins wait, and sees to it that it, and what waits before it, outlives this process:
   * it is kept in the journal, or sent.
   */
  keepStart(taskId: number): void {
    if (this.#mapped === undefined) this.#keepInWritten(taskId);
    else this.#mapped.begin(taskId);
  }

  #keepInWritten(taskId: number): void {
    if (this.#hasEnded) return;
    if (!this.#written.canBeKept) this.flush();
    const keeping = this.#written.keepStart(taskId);
    if (keeping === "kept") return;
    this.flush();
    if (keeping === "send and keep again") this.#keepInWritten(taskId);
  }

  /** As `keepStart`, and sends the notice, and what waits before it. */
  announceStart(taskId: number): void {
    this.keepStart(taskId);
    if (this.#mapped !== undefined) this.post({ kind: "started", taskId });
    this.flush();
  }

  /** Sends what waits. */
  flush(): void {
    if (this.#hasEnded) return;
    try {
      if (this.#mapped !== undefined) this.#flushMapped(this.#mapped);
      if (this.#written.isEmpty) return;
      for (const buffer of this.#written.take()) writeFully(RESULTS_FD, buffer);
    } catch {
      this.#end();
    }
  }

  #flushMapped(mapped: MappedOutbox): void {
    if (mapped.waitingBytes === 0) return;
    writeFully(RESULTS_FD, mapped.waiting);
    mapped.clear();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#onEnd();
  }
}
