/**
 * Framing: how a message lies on a pipe.
 *
 *     0        4      5       6            8      12      16
 *     | length | kind | flags | nameLength | idA  | idB   | name (UTF-8) | payload ...
 *
 * All integers are unsigned little-endian; `length` counts the bytes behind the header (name and payload). Payloads
 * are opaque here: they are encoded once, where the value is at hand, and copied as bytes from then on.
 */

import { MAX_PLAIN_BYTES } from "./codec-compact.js";
import { ProtocolError } from "../errors.js";
import { writePlainList } from "./codec-compact.js";

const HEADER_BYTES = 16;

/** The largest body of a frame, in bytes (2 GiB less 1): a larger length is taken for garbage. */
export const MAX_BODY_BYTES = 0x7fff_ffff;

/** Bodies up to this size, in bytes, are copied behind their header, so that small frames share one write. */
const COPY_BELOW_BYTES = 64 * 1024;

/** Frames that wait are gathered in slabs of this size, in bytes. */
const SLAB_BYTES = 128 * 1024;

/** How much of a long body is set aside at first, in bytes; a false length can't make the reader allocate more. */
const FIRST_ALLOCATION_BYTES = 1024 * 1024;

const MAX_NAME_BYTES = 0xffff;

/** The largest payload that fits whatever the name is, in bytes. */
export const MAX_PAYLOAD_BYTES: number = MAX_BODY_BYTES - MAX_NAME_BYTES;

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** One frame. Fields that a kind does not use are 0 or empty. */
export interface Frame {
  readonly kind: number;
  readonly flags: number;
  readonly idA: number;
  readonly idB: number;
  readonly name: string;
  readonly payload: Uint8Array;
}

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

/** Faster than the method of Buffer, and the bytes are known to be there. */
function readUint32(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

/** Fills the unused fields of a frame. */
export function makeFrame(kind: number, fields: Partial<Omit<Frame, "kind">> = {}): Frame {
  return { kind, flags: 0, idA: 0, idB: 0, name: "", payload: NO_BYTES, ...fields };
}

/** @throws ProtocolError when name or payload are longer than a frame can hold. */
function checkedName(frame: Frame): Uint8Array {
  const name = frame.name === "" ? NO_BYTES : Buffer.from(frame.name, "utf8");
  const bodyBytes = name.byteLength + frame.payload.byteLength;
  if (name.byteLength > MAX_NAME_BYTES) throw new ProtocolError(`A name of ${name.byteLength} bytes is too long.`);
  if (bodyBytes > MAX_BODY_BYTES) {
    throw new ProtocolError(`A message of ${bodyBytes} bytes is over the limit of ${MAX_BODY_BYTES} bytes.`);
  }
  return name;
}

/** Writes everything but the payload; gives the position behind it. */
function writeHead(target: Buffer, at: number, frame: Frame, name: Uint8Array): number {
  target.writeUInt32LE(name.byteLength + frame.payload.byteLength, at);
  target[at + 4] = frame.kind;
  target[at + 5] = frame.flags;
  target.writeUInt16LE(name.byteLength, at + 6);
  target.writeUInt32LE(frame.idA, at + 8);
  target.writeUInt32LE(frame.idB, at + 12);
  if (name.byteLength > 0) target.set(name, at + HEADER_BYTES);
  return at + HEADER_BYTES + name.byteLength;
}

/**
 * Encodes a frame as one buffer, or as two when the payload is too long to be worth a copy.
 *
 * @throws ProtocolError when name or payload are longer than a frame can hold.
 */
export function encodeFrame(frame: Frame): Uint8Array[] {
  const name = checkedName(frame);
  const bodyBytes = name.byteLength + frame.payload.byteLength;
  const isCopied = bodyBytes <= COPY_BELOW_BYTES;
  const head = Buffer.allocUnsafe(HEADER_BYTES + (isCopied ? bodyBytes : name.byteLength));
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

  /** How many bytes wait, those of long payloads not counted. */
  get waitingBytes(): number {
    return this.#to - this.#from;
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
    const name = checkedName(frame);
    const { payload } = frame;
    const isCopied = payload.byteLength <= COPY_BELOW_BYTES;
    const sizeBytes = HEADER_BYTES + name.byteLength + (isCopied ? payload.byteLength : 0);
    if (this.#to + sizeBytes > this.#slab.byteLength) this.#renew(sizeBytes);
    this.#to = writeHead(this.#slab, this.#to, frame, name);
    if (!isCopied) {
      this.#cut();
      this.#full.push(payload);
      return;
    }
    if (payload.byteLength > 0) this.#slab.set(payload, this.#to);
    this.#to += payload.byteLength;
  }

  /** Appends a frame whose payload is the encoding of a plain list; that of `frame` is empty. */
  appendList(frame: Frame, list: readonly unknown[]): void {
    const name = checkedName(frame);
    const neededBytes = HEADER_BYTES + name.byteLength + MAX_PLAIN_BYTES;
    if (this.#to + neededBytes > this.#slab.byteLength) this.#renew(neededBytes);
    const payloadAt = writeHead(this.#slab, this.#to, frame, name);
    const end = writePlainList(list, this.#slab, payloadAt);
    this.#slab.writeUInt32LE(end - this.#to - HEADER_BYTES, this.#to);
    this.#to = end;
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

/** A body whose bytes are still arriving. */
interface OpenFrame {
  readonly bodyBytes: number;
  readonly header: Buffer;
  body: Buffer;
  filledBytes: number;
}

/** Cuts a stream of bytes into frames. Payloads are copies or views that nobody else writes to. */
export class FrameDecoder {
  readonly #onFrame: (frame: ReceivedFrame) => void;
  #head: Buffer = Buffer.alloc(0);
  #open: OpenFrame | undefined;

  constructor(onFrame: (frame: ReceivedFrame) => void) {
    this.#onFrame = onFrame;
  }

  /** Whether a frame has begun and not ended. */
  get isMidFrame(): boolean {
    return this.#open !== undefined || this.#head.byteLength > 0;
  }

  /** The frame whose body is still arriving. */
  get openFrame(): { readonly kind: number; readonly idA: number; readonly filledBytes: number } | undefined {
    if (this.#open === undefined) return undefined;
    const { header, filledBytes } = this.#open;
    return { kind: header.readUInt8(4), idA: header.readUInt32LE(8), filledBytes };
  }

  /**
   * Takes the next bytes of the stream and hands over every frame that they complete.
   *
   * @throws ProtocolError when the bytes can't be a frame; the stream is of no use afterwards.
   */
  push(chunk: Buffer): void {
    let at = this.#open === undefined ? 0 : this.#takeBody(chunk, 0, this.#open);
    let bytes = chunk;
    if (this.#head.byteLength > 0 && at < bytes.byteLength) {
      bytes = Buffer.concat([this.#head, at === 0 ? chunk : chunk.subarray(at)]);
      this.#head = Buffer.alloc(0);
      at = 0;
    }
    while (at < bytes.byteLength) {
      const from = at + HEADER_BYTES;
      if (from > bytes.byteLength) {
        // A copy: the rest of the chunk need not stay.
        this.#head = Buffer.from(bytes.subarray(at));
        return;
      }
      const bodyBytes = readUint32(bytes, at);
      if (bodyBytes > MAX_BODY_BYTES) throw new ProtocolError(`A frame claims to have ${bodyBytes} bytes.`);
      const to = from + bodyBytes;
      if (to <= bytes.byteLength) {
        const frame = new ReceivedFrame(bytes, at, bytes, from, to);
        at = to;
        this.#onFrame(frame);
      } else {
        at = this.#openFrame(bytes, at, bodyBytes);
      }
    }
  }

  #openFrame(bytes: Buffer, at: number, bodyBytes: number): number {
    const from = at + HEADER_BYTES;
    this.#open = {
      bodyBytes,
      // A copy: it would keep the whole chunk alive.
      header: Buffer.from(bytes.subarray(at, from)),
      body: Buffer.allocUnsafeSlow(Math.min(bodyBytes, FIRST_ALLOCATION_BYTES)),
      filledBytes: 0,
    };
    return this.#takeBody(bytes, from, this.#open);
  }

  /** Takes what belongs to the open frame; gives the position behind it. */
  #takeBody(chunk: Buffer, at: number, open: OpenFrame): number {
    const takenBytes = Math.min(chunk.byteLength - at, open.bodyBytes - open.filledBytes);
    const neededBytes = open.filledBytes + takenBytes;
    if (neededBytes > open.body.byteLength) {
      // Doubling: memory follows the bytes that really came, not the length that was claimed.
      const grown = Buffer.allocUnsafeSlow(Math.min(open.bodyBytes, Math.max(neededBytes, open.body.byteLength * 2)));
      open.body.copy(grown, 0, 0, open.filledBytes);
      open.body = grown;
    }
    chunk.copy(open.body, open.filledBytes, at, at + takenBytes);
    open.filledBytes = neededBytes;
    if (open.filledBytes === open.bodyBytes) {
      this.#open = undefined;
      this.#onFrame(new ReceivedFrame(open.header, 0, open.body, 0, open.bodyBytes));
    }
    return at + takenBytes;
  }
}
