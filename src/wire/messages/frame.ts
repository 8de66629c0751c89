/**
 * Framing: how a message lies on a pipe.
 *
 *     0        4      5       6            8      12      16
 *     | length | kind | flags | nameLength | idA  | idB   | name (UTF-8) | payload ...
 *
 * All integers are unsigned little-endian; `length` counts the bytes behind the header (name and payload). Payloads
 * are opaque here: they are encoded once, where the value is at hand, and copied as bytes from then on.
 */

import { MAX_PLAIN_BYTES } from "../../values/compact/write.js";
import { ATTACHED_TAG } from "../../values/binary/attachments.js";
import { ProtocolError } from "../../errors.js";
import { attachmentsOf } from "../../values/binary/attachments.js";
import { writePlainList } from "../../values/compact/write.js";
import { writePlainValue } from "../../values/compact/write.js";

/** Size of what stands before a body, in bytes. */
export const HEADER_BYTES = 16;

/** The largest body of a frame, in bytes (2 GiB less 1): a larger length is taken for garbage. */
export const MAX_BODY_BYTES = 0x7fff_ffff;

/** Bodies up to this size, in bytes, are copied behind their header, so that small frames share one write. */
const COPY_BELOW_BYTES = 64 * 1024;

/** Frames that wait are gathered in slabs of this size, in bytes. */
const SLAB_BYTES = 128 * 1024;

/**
 * Kind of the frames that hold the attachments of the next frame of another kind. Only the frames' own code sees it.
 */
export const ATTACHMENT_KIND = 192;

const MAX_NAME_BYTES = 0xffff;

/** The largest payload that fits whatever the name is, in bytes. */
export const MAX_PAYLOAD_BYTES: number = MAX_BODY_BYTES - MAX_NAME_BYTES;

/** A payload of nothing. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** One frame. Fields that a kind does not use are 0 or empty. */
export interface Frame {
  readonly kind: number;
  readonly flags: number;
  readonly idA: number;
  readonly idB: number;
  readonly name: string;
  readonly payload: Uint8Array;
}

/** Fills the unused fields of a frame. */
export function makeFrame(kind: number, fields: Partial<Omit<Frame, "kind">> = {}): Frame {
  return { kind, flags: 0, idA: 0, idB: 0, name: "", payload: NO_BYTES, ...fields };
}

/** @throws ProtocolError when name or payload are longer than a frame can hold. */
function checkedName(frame: Frame): Uint8Array {
  const name = frame.name === "" ? NO_BYTES : Buffer.from(frame.name, "utf8");
  const bodyBytes = name.length + frame.payload.length;
  if (name.length > MAX_NAME_BYTES) throw new ProtocolError(`A name of ${name.length} bytes is too long.`);
  if (bodyBytes > MAX_BODY_BYTES) {
    throw new ProtocolError(`A message of ${bodyBytes} bytes is over the limit of ${MAX_BODY_BYTES} bytes.`);
  }
  return name;
}

/** Faster than the method of Buffer, which checks what is known here: that there is room. */
function writeUint32(target: Buffer, at: number, value: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}

/** Writes everything but the payload; gives the position behind it. */
function writeHead(target: Buffer, at: number, frame: Frame, name: Uint8Array): number {
  writeUint32(target, at, name.length + frame.payload.length);
  target[at + 4] = frame.kind;
  target[at + 5] = frame.flags;
  target[at + 6] = name.length;
  target[at + 7] = name.length >>> 8;
  writeUint32(target, at + 8, frame.idA);
  writeUint32(target, at + 12, frame.idB);
  if (name.length > 0) target.set(name, at + HEADER_BYTES);
  return at + HEADER_BYTES + name.length;
}

/** The longest frame with the encoding of a plain list or value, in bytes; and without a name. */
const MAX_PLAIN_FRAME_BYTES = HEADER_BYTES + MAX_PLAIN_BYTES;

/** What a header says of a frame without a name. */
interface NamelessHead {
  readonly kind: number;
  readonly flags: number;
  readonly idA: number;
  readonly idB: number;
  readonly bodyBytes: number;
}

/** Writes the header of a frame without a name. */
function writeNamelessHead(target: Buffer, at: number, { kind, flags, idA, idB, bodyBytes }: NamelessHead): void {
  writeUint32(target, at, bodyBytes);
  target[at + 4] = kind;
  target[at + 5] = flags;
  target[at + 6] = 0;
  target[at + 7] = 0;
  writeUint32(target, at + 8, idA);
  writeUint32(target, at + 12, idB);
}

/**
 * Writes a frame without a name whose payload is the encoding of a plain value.
 *
 * @param target - Has room for the longest such frame from `at` on.
 * @returns The position behind it.
 */
export function writePlainFrame(
  target: Buffer,
  at: number,
  kind: number,
  idA: number,
  idB: number,
  value: unknown,
): number {
  const from = at + HEADER_BYTES;
  const end = writePlainValue(value, target, from);
  writeNamelessHead(target, at, { kind, flags: 0, idA, idB, bodyBytes: end - from });
  return end;
}

function attachmentFrame(idA: number, payload: Uint8Array): Frame {
  return makeFrame(ATTACHMENT_KIND, { idA, payload });
}

/**
 * Encodes a frame as one buffer, or as two when the payload is too long to be worth a copy; before it, the attachments
 * of its payload, each as a frame of its own.
 *
 * @throws ProtocolError when name or payload are longer than a frame can hold.
 */
export function encodeFrame(frame: Frame): Uint8Array[] {
  const attachments = attachmentsOf(frame.payload).map((payload) => attachmentFrame(frame.idA, payload));
  return [...attachments, frame].flatMap(encodeOne);
}

function encodeOne(frame: Frame): Uint8Array[] {
  const name = checkedName(frame);
  const bodyBytes = name.length + frame.payload.length;
  const isCopied = bodyBytes <= COPY_BELOW_BYTES;
  const head = Buffer.allocUnsafe(HEADER_BYTES + (isCopied ? bodyBytes : name.length));
  const end = writeHead(head, 0, frame, name);
  if (!isCopied) return [head, frame.payload];
  head.set(frame.payload, end);
  return [head];
}

/** Gathers frames, so that many small ones are written at once. */
export class FrameWriter {
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  /** What lies in the slab and was not taken. */
  #from = 0;
  #to = 0;
  #markedTo = 0;
  #full: Uint8Array[] = [];
  #attachedBytes = 0;

  /**
   * How many bytes wait. Those of long payloads are not counted; those of attachments are, as they may be memory that
   * the user's code writes to in the next turn.
   */
  get waitingBytes(): number {
    return this.#to - this.#from + this.#attachedBytes;
  }

  get isEmpty(): boolean {
    return this.#to === this.#from && this.#full.length === 0;
  }

  /** Whether what waits lies in one piece. */
  get isInOnePiece(): boolean {
    return this.#full.length === 0;
  }

  /** @throws ProtocolError when name or payload are longer than a frame can hold; then nothing of it is kept. */
  append(frame: Frame): void {
    const { payload } = frame;
    if (payload[0] === ATTACHED_TAG) this.#appendAttachments(frame);
    const name = checkedName(frame);
    const isCopied = payload.length <= COPY_BELOW_BYTES;
    const sizeBytes = HEADER_BYTES + name.length + (isCopied ? payload.length : 0);
    if (this.#to + sizeBytes > this.#slab.length) this.#renew(sizeBytes);
    this.#to = writeHead(this.#slab, this.#to, frame, name);
    if (!isCopied) {
      this.#cut();
      this.#full.push(payload);
      return;
    }
    if (payload.length > 0) this.#slab.set(payload, this.#to);
    this.#to += payload.length;
  }

  /**
   * Appends what belongs to the payload of the next frame; never as a copy, and nothing when that frame can't be
   * appended.
   */
  #appendAttachments(next: Frame): void {
    const frames = attachmentsOf(next.payload).map((payload) => attachmentFrame(next.idA, payload));
    for (const frame of [...frames, next]) checkedName(frame);
    for (const frame of frames) {
      this.append(frame);
      this.#attachedBytes += frame.payload.length;
    }
  }

  /** Appends a frame whose payload is the encoding of a plain list; that of `frame` is empty. */
  appendList(frame: Frame, list: readonly unknown[]): void {
    const name = checkedName(frame);
    const neededBytes = HEADER_BYTES + name.length + MAX_PLAIN_BYTES;
    if (this.#to + neededBytes > this.#slab.length) this.#renew(neededBytes);
    const payloadAt = writeHead(this.#slab, this.#to, frame, name);
    const end = writePlainList(list, this.#slab, payloadAt);
    writeUint32(this.#slab, this.#to, end - this.#to - HEADER_BYTES);
    this.#to = end;
  }

  /** As `appendList`, for a frame without a name, of which none need be made. */
  appendPlain(kind: number, flags: number, idA: number, idB: number, list: readonly unknown[]): void {
    if (this.#to + MAX_PLAIN_FRAME_BYTES > this.#slab.length) this.#renew(MAX_PLAIN_FRAME_BYTES);
    const end = writePlainList(list, this.#slab, this.#to + HEADER_BYTES);
    writeNamelessHead(this.#slab, this.#to, { kind, flags, idA, idB, bodyBytes: end - this.#to - HEADER_BYTES });
    this.#to = end;
  }

  /** As `appendPlain`, with the encoding of a plain value. */
  appendPlainValue(kind: number, idA: number, idB: number, value: unknown): void {
    if (this.#to + MAX_PLAIN_FRAME_BYTES > this.#slab.length) this.#renew(MAX_PLAIN_FRAME_BYTES);
    this.#to = writePlainFrame(this.#slab, this.#to, kind, idA, idB, value);
  }

  /**
   * Appends a frame without a name, of which none need be made, with a short payload.
   *
   * @returns Whether it did: a long payload, or one with attachments, is for `append`.
   */
  appendShort(kind: number, flags: number, idA: number, idB: number, payload: Uint8Array): boolean {
    const bodyBytes = payload.length;
    if (bodyBytes > COPY_BELOW_BYTES || payload[0] === ATTACHED_TAG) return false;
    if (this.#to + HEADER_BYTES + bodyBytes > this.#slab.length) this.#renew(HEADER_BYTES + bodyBytes);
    writeNamelessHead(this.#slab, this.#to, { kind, flags, idA, idB, bodyBytes });
    this.#slab.set(payload, this.#to + HEADER_BYTES);
    this.#to += HEADER_BYTES + bodyBytes;
    return true;
  }

  /**
   * What was appended since the last call, if it lies in one piece and was not taken.
   *
   * @returns `undefined` when it doesn't.
   */
  markNewest(): { readonly slab: Buffer; readonly from: number; readonly sizeBytes: number } | undefined {
    const from = this.#markedTo;
    this.#markedTo = this.#to;
    if (this.#full.length > 0 || from < this.#from) return undefined;
    return { slab: this.#slab, from, sizeBytes: this.#to - from };
  }

  /** Hands out what waits, in order; the bytes are not written to any more. */
  take(): readonly Uint8Array[] {
    this.#cut();
    this.#markedTo = this.#to;
    const buffers = this.#full;
    this.#full = [];
    this.#attachedBytes = 0;
    return buffers;
  }

  #cut(): void {
    if (this.#to > this.#from) this.#full.push(this.#slab.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }

  #renew(neededBytes: number): void {
    this.#cut();
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, neededBytes));
    this.#from = 0;
    this.#to = 0;
    this.#markedTo = 0;
  }
}
