/**
 * Reading frames from a stream of bytes.
 *
 * Here and wherever else each frame passes through, it says `length` of bytes, and not `byteLength`: of a Buffer that
 * took V8 24 ns and 2 on Node 20 (since Node 22 both take 2).
 */

import { ATTACHMENT_KIND } from "./frame.js";
import { HEADER_BYTES } from "./frame.js";
import { MAX_ATTACHMENTS } from "../../values/binary/attachments.js";
import { MAX_BODY_BYTES } from "./frame.js";
import { NO_BYTES } from "./frame.js";
import { ProtocolError } from "../../errors.js";
import { attach } from "../../values/binary/attachments.js";
import { makeFrame } from "./frame.js";
import type { Frame } from "./frame.js";

/** How much of a long body is set aside at first, in bytes; a false length can't make the reader allocate more. */
const FIRST_ALLOCATION_BYTES = 1024 * 1024;

/** How much more is set aside than has come, when a long body grows. */
const GROWTH = 64;

/** Size of the memory that small frames are read into, one behind the other, in bytes. */
const SLAB_BYTES = 64 * 1024;

/** What is left of it is used as long as it is at least this much, in bytes. */
const LEAST_SLAB_BYTES = 16 * 1024;

/**
 * A body up to so many bytes is gathered together with its header, so that its frame goes the same way as one that
 * came in one piece: V8 would compile all that follows once more for another way.
 */
const MAX_HEAD_BYTES = 1024;

const NO_HEAD: Buffer = Buffer.alloc(0);

/** A frame as it was read; its payload is cut out when somebody asks for it. */
export class ReceivedFrame implements Frame {
  readonly kind: number;
  readonly flags: number;
  readonly idA: number;
  readonly idB: number;
  readonly name: string;
  /** The payload lies in `source` from `from` to `to`. */
  readonly source: Buffer;
  readonly from: number;
  readonly to: number;

  /** @param at - Where the header lies in `header`; the body lies in `source` from `from` to `to`. */
  constructor(header: Buffer, at: number, source: Buffer, from: number, to: number) {
    const nameBytes = (header[at + 6] as number) | ((header[at + 7] as number) << 8);
    if (from + nameBytes > to) throw new ProtocolError("A frame's name is longer than the frame.");
    this.kind = header[at + 4] as number;
    this.flags = header[at + 5] as number;
    this.idA = readUint32(header, at + 8);
    this.idB = readUint32(header, at + 12);
    this.name = nameBytes === 0 ? "" : source.toString("utf8", from, from + nameBytes);
    this.source = source;
    this.from = from + nameBytes;
    this.to = to;
  }

  get payload(): Uint8Array {
    return this.from === this.to ? NO_BYTES : this.source.subarray(this.from, this.to);
  }
}

/** Reads four bytes. Faster than the method of Buffer, which checks what is known here: that the bytes are there. */
export function readUint32(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

/** @throws ProtocolError for a length that no frame has. */
function bodyBytesAt(bytes: Buffer, at: number): number {
  const bodyBytes = readUint32(bytes, at);
  if (bodyBytes > MAX_BODY_BYTES) throw new ProtocolError(`A frame claims to have ${bodyBytes} bytes.`);
  return bodyBytes;
}

/** A body whose bytes are still arriving. */
interface OpenFrame {
  readonly bodyBytes: number;
  readonly header: Buffer;
  body: Buffer;
  filledBytes: number;
}

/** @throws RangeError that says what it was for, when there is no memory. */
function allocate(sizeBytes: number, messageBytes: number): Buffer {
  try {
    return Buffer.allocUnsafeSlow(sizeBytes);
  } catch (error) {
    throw new RangeError(`There is no memory for a message of ${messageBytes} bytes.`, { cause: error });
  }
}

/**
 * Makes room. Memory follows the bytes that really came, not the length that was claimed; and what is set aside and
 * not written to takes no memory yet.
 */
function grow(open: OpenFrame, neededBytes: number): void {
  const enoughBytes = Math.max(neededBytes, open.body.length * GROWTH);
  const grown = allocate(Math.min(open.bodyBytes, enoughBytes), open.bodyBytes);
  open.body.copy(grown, 0, 0, open.filledBytes);
  open.body = grown;
}

/** What is known of a frame whose body is still arriving. */
export interface OpenFrameSight {
  readonly kind: number;
  /** Whether it is not the frame itself yet, but an attachment of it. */
  readonly isAttachment: boolean;
  readonly idA: number;
  /** How much has come, with the attachments before it, in bytes. */
  readonly filledBytes: number;
}

/** Takes a frame as it lies in what was read, from its header on; false: it is to be made an object. */
export type TakeFrame = (bytes: Buffer, at: number, to: number) => boolean;

/** Cuts a stream of bytes into frames. Payloads are copies or views that nobody else writes to. */
export class FrameDecoder {
  readonly #onFrame: (frame: Frame) => void;
  readonly #take: TakeFrame;
  /** What has come of a short frame whose rest has not. */
  #head: Buffer = NO_HEAD;
  #open: OpenFrame | undefined;
  /** Those of the next frame that is no attachment. */
  #attachments: Buffer[] = [];
  #attachedTo = 0;
  #slab: Buffer = Buffer.alloc(0);

  /** @param take - Is asked first, for frames that have come in one piece. */
  constructor(onFrame: (frame: Frame) => void, take: TakeFrame = () => false) {
    this.#onFrame = onFrame;
    this.#take = take;
  }

  /** Whether a frame has begun and not ended. */
  get isMidFrame(): boolean {
    return this.#open !== undefined || this.#head.length > 0 || this.#attachments.length > 0;
  }

  /** The frame whose body, or what belongs to it, is still arriving. */
  get openFrame(): OpenFrameSight | undefined {
    const header = this.#open?.header ?? this.#head;
    let filledBytes = this.#open?.filledBytes ?? Math.max(0, this.#head.length - HEADER_BYTES);
    for (const { length } of this.#attachments) filledBytes += length;
    if (header.length >= HEADER_BYTES) {
      const kind = header.readUInt8(4);
      return { kind, isAttachment: kind === ATTACHMENT_KIND, idA: header.readUInt32LE(8), filledBytes };
    }
    if (this.#attachments.length === 0) return undefined;
    return { kind: ATTACHMENT_KIND, isAttachment: true, idA: this.#attachedTo, filledBytes };
  }

  /**
   * Takes the next bytes of the stream and hands over every frame that they complete.
   *
   * @throws ProtocolError when the bytes can't be a frame; the stream is of no use afterwards.
   */
  push(chunk: Buffer): void {
    let at = this.#open === undefined ? 0 : this.#takeBody(chunk, 0, this.#open);
    if (this.#head.length > 0) at = this.#takeHead(chunk, at);
    const end = chunk.length;
    while (at < end) {
      const bodyBytes = end - at < HEADER_BYTES ? 0 : bodyBytesAt(chunk, at);
      const to = at + HEADER_BYTES + bodyBytes;
      if (to <= end) {
        this.#handOver(chunk, at, to);
        at = to;
      } else if (bodyBytes <= MAX_HEAD_BYTES) {
        // A copy: the rest of the chunk need not stay.
        this.#head = Buffer.from(chunk.subarray(at));
        return;
      } else at = this.#openFrame(chunk, at, bodyBytes);
    }
  }

  /** Takes what is missing of a short frame, of which a part came before; gives the position behind it. */
  #takeHead(chunk: Buffer, at: number): number {
    const from = this.#addToHead(chunk, at, HEADER_BYTES);
    const head = this.#head;
    if (head.length < HEADER_BYTES) return from;
    const bodyBytes = bodyBytesAt(head, 0);
    if (bodyBytes > MAX_HEAD_BYTES) {
      this.#head = NO_HEAD;
      this.#openFrame(head, 0, bodyBytes);
      return this.#open === undefined ? from : this.#takeBody(chunk, from, this.#open);
    }
    const frameBytes = HEADER_BYTES + bodyBytes;
    const to = this.#addToHead(chunk, from, frameBytes);
    const whole = this.#head;
    if (whole.length < frameBytes) return to;
    this.#head = NO_HEAD;
    this.#handOver(whole, 0, frameBytes);
    return to;
  }

  /** Adds what is there until the head has so many bytes; gives the position behind it. */
  #addToHead(chunk: Buffer, at: number, sizeBytes: number): number {
    const to = Math.min(chunk.length, at + Math.max(0, sizeBytes - this.#head.length));
    if (to > at) this.#head = Buffer.concat([this.#head, chunk.subarray(at, to)]);
    return to;
  }

  /** Hands over a frame that lies in one piece. */
  #handOver(bytes: Buffer, at: number, to: number): void {
    if (this.#attachments.length === 0 && this.#take(bytes, at, to)) return;
    this.#emit(new ReceivedFrame(bytes, at, bytes, at + HEADER_BYTES, to));
  }

  /**
   * Where a reader may write the next bytes of the stream, in place of `push`: into the body of a long frame itself,
   * which saves a copy. Tell `filled` how many there were.
   *
   * @throws RangeError when there is no memory.
   */
  space(): Buffer {
    const open = this.#open;
    if (open !== undefined && open.bodyBytes - open.filledBytes >= SLAB_BYTES) {
      if (open.filledBytes === open.body.length) grow(open, open.filledBytes + 1);
      return open.body.subarray(open.filledBytes);
    }
    if (this.#slab.length < LEAST_SLAB_BYTES) this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    return this.#slab;
  }

  /**
   * Takes the bytes that were written to the beginning of what `space` gave.
   *
   * @throws ProtocolError when the bytes can't be a frame; the stream is of no use afterwards.
   */
  filled(sizeBytes: number): void {
    const open = this.#open;
    if (open !== undefined && open.bodyBytes - open.filledBytes >= SLAB_BYTES) {
      open.filledBytes += sizeBytes;
      this.#closeIfFull(open);
      return;
    }
    const chunk = this.#slab.subarray(0, sizeBytes);
    // Payloads may be views of it: nothing is written there any more.
    this.#slab = this.#slab.subarray(sizeBytes);
    this.push(chunk);
  }

  #openFrame(bytes: Buffer, at: number, bodyBytes: number): number {
    const from = at + HEADER_BYTES;
    this.#open = {
      bodyBytes,
      // A copy: it would keep the whole chunk alive.
      header: Buffer.from(bytes.subarray(at, from)),
      body: allocate(Math.min(bodyBytes, FIRST_ALLOCATION_BYTES), bodyBytes),
      filledBytes: 0,
    };
    return this.#takeBody(bytes, from, this.#open);
  }

  /** Takes what belongs to the open frame; gives the position behind it. */
  #takeBody(chunk: Buffer, at: number, open: OpenFrame): number {
    const takenBytes = Math.min(chunk.length - at, open.bodyBytes - open.filledBytes);
    const neededBytes = open.filledBytes + takenBytes;
    if (neededBytes > open.body.length) grow(open, neededBytes);
    chunk.copy(open.body, open.filledBytes, at, at + takenBytes);
    open.filledBytes = neededBytes;
    this.#closeIfFull(open);
    return at + takenBytes;
  }

  #closeIfFull(open: OpenFrame): void {
    if (open.filledBytes < open.bodyBytes) return;
    this.#open = undefined;
    this.#emit(new ReceivedFrame(open.header, 0, open.body, 0, open.bodyBytes));
  }

  #emit(frame: ReceivedFrame): void {
    if (frame.kind === ATTACHMENT_KIND) this.#keepAttachment(frame);
    else if (this.#attachments.length === 0) this.#onFrame(frame);
    else this.#emitWithAttachments(frame);
  }

  #keepAttachment({ idA, source, from, to }: ReceivedFrame): void {
    if (this.#attachments.length === MAX_ATTACHMENTS) throw new ProtocolError("A message has too many attachments.");
    this.#attachments.push(source.subarray(from, to));
    this.#attachedTo = idA;
  }

  /** As a frame whose payload is always the same object: by that its attachments are found. */
  #emitWithAttachments({ kind, flags, idA, idB, name, source, from, to }: ReceivedFrame): void {
    const payload = source.subarray(from, to);
    attach(payload, this.#attachments);
    this.#attachments = [];
    this.#onFrame(makeFrame(kind, { flags, idA, idB, name, payload }));
  }
}
