/**
 * The journal in mapped memory: a worker lays the file of its journal into its memory, and from then on what waits to be sent is
 * written there in the first place. Keeping it costs no system call: one store says how much counts.
 *
 *     0       4           8            64
 *     | sign  | committed | last begun | frames ...
 *
 * `committed` is the number of bytes of whole frames that have not been sent, or have been: they are kept until the next one
 * is written. (A task may have written nonsense to the pipe; what came behind that is found here.) `last begun` is the number of the last task that has begun.
 */

import { FrameDecoder } from "./frame-decoder.js";
import { decodeToParent } from "./message-codec.js";
import { encodeFrame } from "./frame.js";
import { frameToParent } from "./message-codec.js";
import { writeSmallResult } from "./message-codec.js";
import type { ToParentMessage } from "./protocol.js";

/** Size of the file, in bytes. */
export const MAPPED_BYTES: number = 128 * 1024;

const SIGN_AT = 0;
const COMMITTED_AT = 1;
const LAST_BEGUN_AT = 2;
const FRAMES_FROM = 64;

/** The length of no frame. */
const SIGN = -1;

/** One message that is longer, in bytes, is sent by itself. */
const LONGEST_KEPT_BYTES = 32 * 1024;

/** The worker's side. */
export class MappedOutbox {
  readonly #bytes: Buffer;
  readonly #words: Int32Array;
  #to = FRAMES_FROM;
  /** What is committed has been sent. */
  #isSent = false;

  /**
   * @param memory - The file, MAPPED_BYTES long. What it held before counts no more.
   * @param lastBegun - The number of the last task that has begun.
   */
  constructor(memory: ArrayBuffer, lastBegun: number) {
    this.#bytes = Buffer.from(memory);
    this.#words = new Int32Array(memory, 0, FRAMES_FROM / Int32Array.BYTES_PER_ELEMENT);
    Atomics.store(this.#words, COMMITTED_AT, 0);
    Atomics.store(this.#words, LAST_BEGUN_AT, lastBegun);
    // Last: until then, what is read is an empty journal.
    Atomics.store(this.#words, SIGN_AT, SIGN);
  }

  /** How many bytes wait. */
  get waitingBytes(): number {
    return this.#to - FRAMES_FROM;
  }

  /** Notes that a task begins. */
  begin(taskId: number): void {
    Atomics.store(this.#words, LAST_BEGUN_AT, taskId);
  }

  /** Appends the message `value`. There is room for it if less than half of the file waits. */
  appendValue(taskId: number, durationUs: number, value: unknown): void {
    this.#makeRoom();
    this.#commit(writeSmallResult(this.#bytes, this.#to, taskId, durationUs, value));
  }

  /** Appends a message, or refuses it when it is too long for the room that is left. */
  append(message: ToParentMessage): boolean {
    const frame = frameToParent(message);
    if (frame.payload.byteLength > LONGEST_KEPT_BYTES) return false;
    const buffers = encodeFrame(frame);
    const [only] = buffers;
    if (buffers.length !== 1 || only === undefined || this.#to + only.byteLength > MAPPED_BYTES) return false;
    this.#makeRoom();
    this.#bytes.set(only, this.#to);
    this.#commit(this.#to + only.byteLength);
    return true;
  }

  /** What waits. It is to be sent before anything else is done here; then say `clear`. */
  get waiting(): Buffer {
    return this.#bytes.subarray(FRAMES_FROM, this.#to);
  }

  clear(): void {
    this.#to = FRAMES_FROM;
    this.#isSent = true;
  }

  /** Before anything is written over what has been sent, that must not count any more. */
  #makeRoom(): void {
    if (!this.#isSent) return;
    this.#isSent = false;
    Atomics.store(this.#words, COMMITTED_AT, 0);
  }

  #commit(to: number): void {
    this.#to = to;
    Atomics.store(this.#words, COMMITTED_AT, to - FRAMES_FROM);
  }
}

/** Whether the bytes of a journal are those of a mapped one. */
export function isMappedJournal(bytes: Buffer): boolean {
  return bytes.byteLength >= FRAMES_FROM && bytes.readInt32LE(SIGN_AT * 4) === SIGN;
}

/** How much of a mapped journal counts, in bytes; by its beginning. */
export function mappedJournalBytes(bytes: Buffer): number {
  return Math.min(MAPPED_BYTES, FRAMES_FROM + bytes.readUInt32LE(COMMITTED_AT * 4));
}

/** The number of the last task that has begun, by the beginning of a mapped journal; 0 for none. */
export function lastBegunIn(bytes: Buffer): number {
  return bytes.readUInt32LE(LAST_BEGUN_AT * 4);
}

/** The parent's side: the outcomes that were kept, and the start of the last task that has begun. Never throws. */
export function readMappedJournal(bytes: Buffer): ToParentMessage[] {
  const committedBytes = bytes.readUInt32LE(COMMITTED_AT * 4);
  const lastBegun = lastBegunIn(bytes);
  const messages: ToParentMessage[] = [];
  const decoder = new FrameDecoder((frame) => messages.push(decodeToParent(frame)));
  try {
    decoder.push(bytes.subarray(FRAMES_FROM, FRAMES_FROM + committedBytes));
  } catch {
    // A task has written into memory that isn't its own.
  }
  if (lastBegun > 0) messages.push({ kind: "started", taskId: lastBegun });
  return messages;
}
