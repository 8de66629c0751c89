/**
 * The framing of the raw limit, both sides:
 *
 *     0        4      5     6        8     12
 *     | length | kind | job | unused | id  | body ...
 *
 * A batch's body is one `v8.serialize` of all calls or answers that gathered in a turn: [id, job, value, id, job,
 * value, ...]. A number that is alone in its turn is written as it is: `v8.serialize` costs 4 µs however little there
 * is. A large array travels alone and out of band: its bytes are the body.
 */

import { deserialize } from "node:v8";
import { serialize } from "node:v8";

const HEADER_BYTES = 12;
const BATCH = 0;
const BYTES = 1;
const NUMBER = 2;

/** Arrays from here on travel out of band. */
const OUT_OF_BAND_BYTES = 64 * 1024;

/** Calls in one batch at most: while the child runs the first, the parent writes the second. */
const MAX_BATCH = 512;
const FIELDS = 3;

const EMPTY = Buffer.alloc(0);

function writeHeader(head: Buffer, bodyBytes: number, kind: number, job: number, id: number): void {
  head.writeUInt32LE(bodyBytes, 0);
  head.writeUInt16LE(kind | (job << 8), 4);
  head.writeUInt32LE(id, 8);
}

/** One buffer, because a second write costs more than the copy. */
function makeBatchFrame(flat: readonly unknown[]): Buffer {
  const body = serialize(flat);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.byteLength);
  writeHeader(frame, body.byteLength, BATCH, 0, 0);
  frame.set(body, HEADER_BYTES);
  return frame;
}

function makeNumberFrame(id: number, job: number, value: number): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + Float64Array.BYTES_PER_ELEMENT);
  writeHeader(frame, Float64Array.BYTES_PER_ELEMENT, NUMBER, job, id);
  frame.writeDoubleLE(value, HEADER_BYTES);
  return frame;
}

/** Who is told of each call, or each answer. */
export type OnParcel = (id: number, job: number, value: unknown) => void;

/** One process's ends of the pipes. What is sent in one turn shares a write. */
export class RawPipe {
  readonly #write: (buffer: Uint8Array) => void;
  readonly #onParcel: OnParcel;
  readonly #flush = (): void => this.#flushNow();
  #outbox: unknown[] = [];
  #head: Buffer = EMPTY;
  #body: Buffer | undefined;
  #openHeader: Buffer = EMPTY;
  #filledBytes = 0;

  constructor(write: (buffer: Uint8Array) => void, onParcel: OnParcel) {
    this.#write = write;
    this.#onParcel = onParcel;
  }

  send(id: number, job: number, value: unknown): void {
    if (value instanceof Uint8Array && value.byteLength >= OUT_OF_BAND_BYTES) {
      const head = Buffer.allocUnsafe(HEADER_BYTES);
      writeHeader(head, value.byteLength, BYTES, job, id);
      this.#write(head);
      this.#write(value);
      return;
    }
    if (this.#outbox.length === 0) process.nextTick(this.#flush);
    this.#outbox.push(id, job, value);
  }

  #flushNow(): void {
    const flat = this.#outbox;
    this.#outbox = [];
    if (flat.length === FIELDS && typeof flat[2] === "number") {
      this.#write(makeNumberFrame(flat[0] as number, flat[1] as number, flat[2]));
      return;
    }
    const step = MAX_BATCH * FIELDS;
    if (flat.length <= step) {
      this.#write(makeBatchFrame(flat));
      return;
    }
    for (let at = 0; at < flat.length; at += step) this.#write(makeBatchFrame(flat.slice(at, at + step)));
  }

  /** Takes what came out of the pipe. */
  take(chunk: Buffer): void {
    let rest = chunk;
    while (rest.byteLength > 0) rest = this.#body === undefined ? this.#takeHead(rest) : this.#takeBody(rest);
  }

  #takeHead(chunk: Buffer): Buffer {
    const bytes = this.#head.byteLength === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    if (bytes.byteLength < HEADER_BYTES) {
      this.#head = bytes;
      return EMPTY;
    }
    this.#head = EMPTY;
    const end = HEADER_BYTES + bytes.readUInt32LE(0);
    if (bytes.byteLength >= end) {
      this.#deliver(bytes, bytes.subarray(HEADER_BYTES, end));
      return bytes.byteLength === end ? EMPTY : bytes.subarray(end);
    }
    this.#openHeader = bytes.subarray(0, HEADER_BYTES);
    this.#body = Buffer.allocUnsafeSlow(end - HEADER_BYTES);
    this.#filledBytes = 0;
    return bytes.subarray(HEADER_BYTES);
  }

  #takeBody(chunk: Buffer): Buffer {
    const body = this.#body as Buffer;
    const takenBytes = chunk.copy(body, this.#filledBytes);
    this.#filledBytes += takenBytes;
    if (this.#filledBytes === body.byteLength) {
      this.#body = undefined;
      this.#deliver(this.#openHeader, body);
    }
    return chunk.subarray(takenBytes);
  }

  #deliver(head: Buffer, body: Buffer): void {
    const kindAndJob = head.readUInt16LE(4);
    if ((kindAndJob & 0xff) === BYTES) {
      this.#onParcel(head.readUInt32LE(8), kindAndJob >> 8, body);
      return;
    }
    if ((kindAndJob & 0xff) === NUMBER) {
      this.#onParcel(head.readUInt32LE(8), kindAndJob >> 8, body.readDoubleLE(0));
      return;
    }
    const flat = deserialize(body) as unknown[];
    for (let at = 0; at < flat.length; at += FIELDS) {
      this.#onParcel(flat[at] as number, flat[at + 1] as number, flat[at + 2]);
    }
  }
}
