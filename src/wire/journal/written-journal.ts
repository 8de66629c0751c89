import { writeSync } from "node:fs";

import { FrameWriter } from "../messages/frame.js";
import { JOURNAL_FD } from "../messages/protocol.js";
import { appendSmallResult } from "../messages/message-codec.js";
import { frameToParent } from "../messages/message-codec.js";
import type { ToParentMessage } from "../messages/protocol.js";

/** So many bytes that wait are too many for the journal. */
const MOST_KEPT_BYTES = 32 * 1024;

/**
 * What was done about the start of a task: it is `kept`; or what waits is to be sent, and it with that; or what waits
 * is to be sent, and it is then to be kept once more.
 */
export type Keeping = "kept" | "send" | "send and keep again";

/**
 * What waits in a worker to be sent. The start of a task is written to the journal, with all that waits before it:
 * `journal.ts` draws the file.
 */
export class WrittenOutbox {
  readonly #frames = new FrameWriter();
  #hasJournal = false;
  #keptCount = 0;
  #lastKept = 0;
  #journalAt = 0;
  #epoch = 1;

  /** From now on starts are kept in the journal. */
  useJournal(): void {
    this.#hasJournal = true;
  }

  /** How many starts were kept; each took a system call. */
  get keptCount(): number {
    return this.#keptCount;
  }

  /** The number of the last task whose start was kept; 0 for none. */
  get lastKept(): number {
    return this.#lastKept;
  }

  get waitingBytes(): number {
    return this.#frames.waitingBytes;
  }

  get isEmpty(): boolean {
    return this.#frames.isEmpty;
  }

  /** Whether what waits can be kept; else it is to be sent before a start is kept. */
  get canBeKept(): boolean {
    // What has a long payload doesn't lie in one piece.
    return this.#frames.isInOnePiece && this.#frames.waitingBytes < MOST_KEPT_BYTES;
  }

  append(message: ToParentMessage): void {
    this.#begin();
    this.#frames.append(frameToParent(message));
  }

  /** Appends the message `value`. */
  appendValue(taskId: number, durationUs: number, value: unknown): void {
    this.#begin();
    appendSmallResult(this.#frames, taskId, durationUs, value);
  }

  #begin(): void {
    if (this.#hasJournal && this.#frames.isEmpty) this.#mark(0);
  }

  /**
   * Appends the notice that a task begins, and keeps it with what waits before it. The newest one that was kept is
   * always the last one in the journal, also when all was sent since.
   */
  keepStart(taskId: number): Keeping {
    this.append({ kind: "started", taskId });
    if (!this.#hasJournal) return "send";
    this.#keptCount += 1;
    this.#lastKept = taskId;
    this.#mark(this.#frames.waitingBytes);
    const newest = this.#frames.markNewest();
    // It came to lie across two slabs.
    if (newest === undefined) return "send and keep again";
    return this.#write(newest.slab, newest.from, newest.sizeBytes) ? "kept" : "send";
  }

  #mark(sizeBytes: number): void {
    this.#frames.append(frameToParent({ kind: "mark", epoch: this.#epoch, sizeBytes }));
    if (sizeBytes > 0) this.#epoch = (this.#epoch + 1) >>> 0;
  }

  #write(bytes: Buffer, from: number, sizeBytes: number): boolean {
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

  /** Hands out what waits, in order, to be sent: the journal begins anew. */
  take(): readonly Uint8Array[] {
    this.#journalAt = 0;
    return this.#frames.take();
  }
}
