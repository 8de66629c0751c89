/**
 * The journal in mapped memory: a worker lays the file of its journal into its memory, and from then on what waits to
 * be sent is written there in the first place. Keeping it costs no system call: one store says how much counts.
 *
 *     0       4           8            12       64
 *     | sign  | committed | last begun | batch  | frames ...
 *
 * `committed` is the number of bytes of whole frames, of which those from `batch` on have not been sent, or were the
 * last ones that were. What was sent before is kept as well, for a while: a task may have written nonsense to the
 * pipe, and what came behind that is found here. `last begun` is the number of the last task that has begun.
 */

import { FrameDecoder } from "../messages/frame-decoder.js";
import { decodeToParent } from "../messages/message-codec.js";
import { encodeFrame } from "../messages/frame.js";
import { frameToParent } from "../messages/message-codec.js";
import { writeSmallResult } from "../messages/message-codec.js";
import type { ToParentMessage } from "../messages/protocol.js";

/** Size of the file, in bytes. */
export const MAPPED_BYTES: number = 128 * 1024;

const SIGN_AT = 0;
const COMMITTED_AT = 1;
const LAST_BEGUN_AT = 2;
const BATCH_AT = 3;
const FRAMES_FROM = 64;

/** The length of no frame. */
const SIGN = -1;

/** One message that is longer, in bytes, is sent by itself. */
const LONGEST_KEPT_BYTES = 32 * 1024;

/**
 * So much of what has been sent is kept, in bytes. Behind it is room for what may wait, and for the longest message.
 */
const KEPT_SENT_BYTES = 48 * 1024;

/** The worker's side. */
export class MappedOutbox {
  readonly #bytes: Buffer;
  readonly #words: Int32Array;
  /** Where what waits begins, or will. */
  #from = FRAMES_FROM;
  #to = FRAMES_FROM;

  /**
   * @param memory - The file, MAPPED_BYTES long. What it held before counts no more.
   * @param lastBegun - The number of the last task that has begun.
   */
  constructor(memory: ArrayBuffer, lastBegun: number) {
    this.#bytes = Buffer.from(memory);
    this.#words = new Int32Array(memory, 0, FRAMES_FROM / Int32Array.BYTES_PER_ELEMENT);
    Atomics.store(this.#words, COMMITTED_AT, 0);
    Atomics.store(this.#words, LAST_BEGUN_AT, lastBegun);
    Atomics.store(this.#words, BATCH_AT, 0);
    // Last: until then, what is read is an empty journal.
    Atomics.store(this.#words, SIGN_AT, SIGN);
  }

  /** How many bytes wait. */
  get waitingBytes(): number {
    return this.#to - this.#from;
  }

  /** Notes that a task begins. */
  begin(taskId: number): void {
    Atomics.store(this.#words, LAST_BEGUN_AT, taskId);
  }

  /** Appends the message `value`. There is room for it if less than half of the file waits. */
  appendValue(taskId: number, durationUs: number, value: unknown): void {
    this.#beginBatch();
    this.#commit(writeSmallResult(this.#bytes, this.#to, taskId, durationUs, value));
  }

  /** Appends a message, or refuses it when it is too long for the room that is left. */
  append(message: ToParentMessage): boolean {
    const frame = frameToParent(message);
    if (frame.payload.length > LONGEST_KEPT_BYTES) return false;
    const buffers = encodeFrame(frame);
    const [only] = buffers;
    if (buffers.length !== 1 || only === undefined) return false;
    this.#beginBatch();
    if (this.#to + only.length > MAPPED_BYTES) return false;
    this.#bytes.set(only, this.#to);
    this.#commit(this.#to + only.length);
    return true;
  }

  /** What waits. It is to be sent before anything else is done here; then say `clear`. */
  get waiting(): Buffer {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  clear(): void {
    this.#from = this.#to;
  }

  /**
   * When nothing waits: what follows is the next batch. If there is too little room for it, what has been sent counts
   * no more.
   */
  #beginBatch(): void {
    if (this.waitingBytes > 0) return;
    if (this.#to > FRAMES_FROM + KEPT_SENT_BYTES) {
      Atomics.store(this.#words, COMMITTED_AT, 0);
      this.#from = FRAMES_FROM;
      this.#to = FRAMES_FROM;
    }
    Atomics.store(this.#words, BATCH_AT, this.#to - FRAMES_FROM);
  }

  #commit(to: number): void {
    this.#to = to;
    Atomics.store(this.#words, COMMITTED_AT, to - FRAMES_FROM);
  }
}

/** Whether the bytes of a journal are those of a mapped one. */
export function isMappedJournal(bytes: Buffer): boolean {
  return bytes.length >= FRAMES_FROM && bytes.readInt32LE(SIGN_AT * 4) === SIGN;
}

/** How much of a mapped journal counts, in bytes; by its beginning. */
export function mappedJournalBytes(bytes: Buffer): number {
  return Math.min(MAPPED_BYTES, FRAMES_FROM + bytes.readUInt32LE(COMMITTED_AT * 4));
}

/** The number of the last task that has begun, by the beginning of a mapped journal; 0 for none. */
export function lastBegunIn(bytes: Buffer): number {
  return bytes.readUInt32LE(LAST_BEGUN_AT * 4);
}

/**
 * The parent's side: the outcomes that were kept, and the start of the last task that has begun. Never throws.
 *
 * @param isWhole - Whether all that is kept is of use, and not only what waits or was sent last.
 */
export function readMappedJournal(bytes: Buffer, isWhole = true): ToParentMessage[] {
  const committedBytes = bytes.readUInt32LE(COMMITTED_AT * 4);
  const from = isWhole ? 0 : bytes.readUInt32LE(BATCH_AT * 4);
  const lastBegun = lastBegunIn(bytes);
  const messages: ToParentMessage[] = [];
  const decoder = new FrameDecoder((frame) => messages.push(decodeToParent(frame)));
  try {
    decoder.push(bytes.subarray(FRAMES_FROM + from, FRAMES_FROM + committedBytes));
  } catch {
    // A task has written into memory that isn't its own.
  }
  if (lastBegun > 0) messages.push({ kind: "started", taskId: lastBegun });
  return messages;
}
