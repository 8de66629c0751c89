/**
 * Framing: how a message lies on a pipe.
 *
 *     0        4      5       6            8      12      16
 *     | length | kind | flags | nameLength | idA  | idB   | name (UTF-8) | payload ...
 *
 * All integers are unsigned little-endian; `length` counts the bytes behind the header (name and payload). Payloads
 * are opaque here: they are encoded once, where the value is at hand, and copied as bytes from then on.
 */

import { ProtocolError } from "../errors.js";

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
  #full: Uint8Array[] = [];

  /** How many bytes wait, those of long payloads not counted. */
  get waitingBytes(): number {
    return this.#to - this.#from;
  }

  get isEmpty(): boolean {
    return this.#to === this.#from && this.#full.length === 0;
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

  /** Hands out what waits, in order; the bytes are not written to any more. */
  take(): readonly Uint8Array[] {
    this.#cut();
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
  readonly #onFrame: (frame: Frame) => void;
  #head: Buffer = Buffer.alloc(0);
  #open: OpenFrame | undefined;

  constructor(onFrame: (frame: Frame) => void) {
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
    let rest = chunk;
    while (rest.byteLength > 0) {
      rest = this.#open === undefined ? this.#takeHead(rest) : this.#takeBody(rest, this.#open);
    }
  }

  #takeHead(chunk: Buffer): Buffer {
    const bytes = this.#head.byteLength === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    if (bytes.byteLength < HEADER_BYTES) {
      this.#head = bytes;
      return bytes.subarray(bytes.byteLength);
    }
    this.#head = Buffer.alloc(0);
    const bodyBytes = bytes.readUInt32LE(0);
    if (bodyBytes > MAX_BODY_BYTES) throw new ProtocolError(`A frame claims to have ${bodyBytes} bytes.`);
    const header = bytes.subarray(0, HEADER_BYTES);
    const end = HEADER_BYTES + bodyBytes;
    if (bytes.byteLength >= end) {
      this.#emit(header, bytes.subarray(HEADER_BYTES, end));
      return bytes.subarray(end);
    }
    // The header is copied: it would keep the whole chunk alive.
    this.#open = {
      bodyBytes,
      header: Buffer.from(header),
      body: Buffer.allocUnsafeSlow(Math.min(bodyBytes, FIRST_ALLOCATION_BYTES)),
      filledBytes: 0,
    };
    return bytes.subarray(HEADER_BYTES);
  }

  #takeBody(chunk: Buffer, open: OpenFrame): Buffer {
    const takenBytes = Math.min(chunk.byteLength, open.bodyBytes - open.filledBytes);
    const neededBytes = open.filledBytes + takenBytes;
    if (neededBytes > open.body.byteLength) {
      // Doubling: memory follows the bytes that really came, not the length that was claimed.
      const grown = Buffer.allocUnsafeSlow(Math.min(open.bodyBytes, Math.max(neededBytes, open.body.byteLength * 2)));
      open.body.copy(grown, 0, 0, open.filledBytes);
      open.body = grown;
    }
    chunk.copy(open.body, open.filledBytes, 0, takenBytes);
    open.filledBytes = neededBytes;
    if (open.filledBytes === open.bodyBytes) {
      this.#open = undefined;
      this.#emit(open.header, open.body);
    }
    return chunk.subarray(takenBytes);
  }

  #emit(header: Buffer, body: Buffer): void {
    const nameBytes = header.readUInt16LE(6);
    if (nameBytes > body.byteLength) throw new ProtocolError("A frame's name is longer than the frame.");
    this.#onFrame({
      kind: header.readUInt8(4),
      flags: header.readUInt8(5),
      idA: header.readUInt32LE(8),
      idB: header.readUInt32LE(12),
      name: nameBytes === 0 ? "" : body.toString("utf8", 0, nameBytes),
      payload: body.subarray(nameBytes),
    });
  }
}
