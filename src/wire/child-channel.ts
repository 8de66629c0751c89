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
import { FrameWriter } from "./messages/frame.js";
import { JOURNAL_FD } from "./messages/protocol.js";
import { MappedOutbox } from "./journal/mapped-journal.js";
import { RESULTS_FD } from "./messages/protocol.js";
import { TASKS_FD } from "./messages/protocol.js";
import { decodeToWorker } from "./messages/message-codec.js";
import { frameToParent } from "./messages/message-codec.js";
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

type StartMessage = Extract<ToParentMessage, { kind: "started" }>;

/** What happens on the channel. */
export interface ChildChannelEvents {
  onMessage(message: ToWorkerMessage): void;
  /** All messages that had come together have been handed over. */
  onPause(): void;
  /** The parent is gone, or the pipe is of no use any more. */
  onEnd(): void;
}

export class ChildChannel {
  readonly #onEnd: () => void;
  readonly #outbox = new FrameWriter();
  #hasJournal = false;
  /** Takes the place of the journal that is written to, and of the outbox for all but long messages. */
  #mapped: MappedOutbox | undefined;
  #keptCount = 0;
  #lastKept = 0;
  #journalAt = 0;
  #epoch = 1;
  #hasEnded = false;

  constructor(events: ChildChannelEvents) {
    this.#onEnd = events.onEnd;
    const decoder = new FrameDecoder((frame) => events.onMessage(decodeToWorker(frame)));
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
        events.onPause();
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
    this.#hasJournal = true;
  }

  /** How many messages were kept in a journal that is written to. */
  get keptCount(): number {
    return this.#keptCount;
  }

  /** From now on keeps the journal in memory that is the file of its descriptor. To be called while no task runs. */
  mapJournal(memory: ArrayBuffer): void {
    this.flush();
    this.#mapped = new MappedOutbox(memory, this.#lastKept);
    this.#keptCount = 0;
  }

  /** Has the result of a task wait for the next message that is sent. */
  postValue(taskId: number, durationUs: number, value: unknown): void {
    const mapped = this.#mapped;
    if (mapped === undefined) {
      this.post({ kind: "value", taskId, durationUs, value });
      return;
    }
    if (this.#hasEnded) return;
    mapped.appendValue(taskId, durationUs, value);
    if (mapped.waitingBytes >= FLUSH_BYTES) this.flush();
  }

  /** Has a message wait for the next one that is sent. */
  post(message: ToParentMessage): void {
    if (this.#mapped !== undefined) {
      this.#postMapped(this.#mapped, message);
      return;
    }
    this.#append(message);
    if (this.#outbox.waitingBytes >= FLUSH_BYTES) this.flush();
  }

  #postMapped(mapped: MappedOutbox, message: ToParentMessage): void {
    if (this.#hasEnded) return;
    if (!mapped.append(message)) {
      this.flush();
      this.#outbox.append(frameToParent(message));
      this.flush();
    } else if (mapped.waitingBytes >= FLUSH_BYTES) this.flush();
  }

  #append(message: ToParentMessage): void {
    if (this.#hasEnded) return;
    if (this.#hasJournal && this.#outbox.isEmpty) this.#mark(0);
    this.#outbox.append(frameToParent(message));
  }

  /**
   * Has the notice that a task begins wait, and sees to it that it, and what waits before it, outlives this process:
   * it is kept in the journal, or sent. The newest one that was kept is always the last one in the journal, also when
   * all was sent since.
   */
  keepStart(taskId: number): void {
    if (this.#mapped === undefined) this.#keep({ kind: "started", taskId });
    else this.#mapped.begin(taskId);
  }

  /** As `keepStart`, and sends the notice, and what waits before it. */
  announceStart(taskId: number): void {
    this.keepStart(taskId);
    if (this.#mapped !== undefined) this.post({ kind: "started", taskId });
    this.flush();
  }

  #keep(message: StartMessage): void {
    if (!this.#hasJournal) {
      this.send(message);
      return;
    }
    this.#keptCount += 1;
    this.#lastKept = message.taskId;
    // What has a long payload doesn't lie in one piece.
    if (!this.#outbox.isInOnePiece || this.#outbox.waitingBytes >= FLUSH_BYTES) this.flush();
    this.#append(message);
    this.#mark(this.#outbox.waitingBytes);
    const newest = this.#outbox.markNewest();
    if (newest !== undefined && this.#writeToJournal(newest.slab, newest.from, newest.sizeBytes)) return;
    this.flush();
    // It came to lie across two slabs. It is sent, and kept once more by itself.
    if (newest === undefined && !this.#hasEnded) this.#keep(message);
  }

  #mark(sizeBytes: number): void {
    this.#outbox.append(frameToParent({ kind: "mark", epoch: this.#epoch, sizeBytes }));
    if (sizeBytes > 0) this.#epoch = (this.#epoch + 1) >>> 0;
  }

  #writeToJournal(bytes: Buffer, from: number, sizeBytes: number): boolean {
    try {
      if (writeSync(JOURNAL_FD, bytes, from, sizeBytes, this.#journalAt) === sizeBytes) {
        this.#journalAt += sizeBytes;
        return true;
      }
    } catch {
      // No memory left for it, or a task has closed the descriptor.
    }
    this.#hasJournal = false;
    return false;
  }

  /** Sends what waits. */
  flush(): void {
    if (this.#hasEnded) return;
    try {
      this.#flushMapped();
      if (this.#outbox.isEmpty) return;
      this.#journalAt = 0;
      for (const buffer of this.#outbox.take()) writeFully(RESULTS_FD, buffer);
    } catch {
      this.#end();
    }
  }

  #flushMapped(): void {
    if (this.#mapped === undefined || this.#mapped.waitingBytes === 0) return;
    writeFully(RESULTS_FD, this.#mapped.waiting);
    this.#mapped.clear();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#onEnd();
  }
}
