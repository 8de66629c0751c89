/**
 * The framing of the raw limit, both sides:
 *
 *     0        4      5     6        8     12
 *     | length | kind | job | unused | id  | body ...
 *
 * A batch's body is one `v8.serialize` of all calls or answers that gathered in a turn: [id, job, value, id, job, value, ...].
 * A large array travels alone and out of band: its bytes are the body.
 */

import { deserialize } from "node:v8";
import { serialize } from "node:v8";
import type { Readable } from "node:stream";

import { JOB_NAMES } from "./jobs.js";
import type { JobName } from "./jobs.js";

const HEADER_BYTES = 12;
const BATCH = 0;
const BYTES = 1;

/** Arrays from here on travel out of band. */
const OUT_OF_BAND_BYTES = 64 * 1024;

/** Calls in one batch at most: while the child runs the first, the parent writes the second. */
const MAX_BATCH = 512;

/** One call on its way to the child, or its answer on the way back. */
export interface Parcel {
  readonly id: number;
  readonly job: JobName;
  readonly value: unknown;
}

function header(bodyBytes: number, kind: number, job: number, id: number): Buffer {
  const head = Buffer.allocUnsafe(HEADER_BYTES);
  head.writeUInt32LE(bodyBytes, 0);
  head.writeUInt8(kind, 4);
  head.writeUInt8(job, 5);
  head.writeUInt32LE(id, 8);
  return head;
}

/** What came together in as few buffers as possible; large arrays are not copied. */
function makeFrames(parcels: readonly Parcel[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const flat: unknown[] = [];
  for (const { id, job, value } of parcels) {
    const jobIndex = JOB_NAMES.indexOf(job);
    if (value instanceof Uint8Array && value.byteLength >= OUT_OF_BAND_BYTES) {
      frames.push(header(value.byteLength, BYTES, jobIndex, id), value);
    } else {
      flat.push(id, jobIndex, value);
    }
  }
  if (flat.length === 0) return frames;
  const body = serialize(flat);
  // One buffer: a second write costs more than the copy.
  frames.push(Buffer.concat([header(body.byteLength, BATCH, 0, 0), body]));
  return frames;
}

/** One process's ends of the pipes. Parcels that are sent in one turn share a write. */
export class RawPipe {
  readonly #write: (buffers: readonly Uint8Array[]) => void;
  readonly #onParcels: (parcels: readonly Parcel[]) => void;
  #outbox: Parcel[] = [];
  #head: Buffer = Buffer.alloc(0);
  #body: Buffer | undefined;
  #openHeader: Buffer | undefined;
  #filledBytes = 0;

  constructor(
    source: Readable,
    write: (buffers: readonly Uint8Array[]) => void,
    onParcels: (parcels: readonly Parcel[]) => void,
  ) {
    this.#write = write;
    this.#onParcels = onParcels;
    source.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  send(parcel: Parcel): void {
    if (this.#outbox.length === 0) process.nextTick(() => this.#flush());
    this.#outbox.push(parcel);
  }

  #flush(): void {
    const parcels = this.#outbox;
    this.#outbox = [];
    for (let at = 0; at < parcels.length; at += MAX_BATCH) this.#write(makeFrames(parcels.slice(at, at + MAX_BATCH)));
  }

  #take(chunk: Buffer): void {
    let rest = chunk;
    while (rest.byteLength > 0) rest = this.#body === undefined ? this.#takeHead(rest) : this.#takeBody(rest);
  }

  #takeHead(chunk: Buffer): Buffer {
    const bytes = this.#head.byteLength === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    if (bytes.byteLength < HEADER_BYTES) {
      this.#head = bytes;
      return Buffer.alloc(0);
    }
    this.#head = Buffer.alloc(0);
    const end = HEADER_BYTES + bytes.readUInt32LE(0);
    if (bytes.byteLength >= end) {
      this.#deliver(bytes, bytes.subarray(HEADER_BYTES, end));
      return bytes.subarray(end);
    }
    this.#openHeader = Buffer.from(bytes.subarray(0, HEADER_BYTES));
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
      this.#deliver(this.#openHeader as Buffer, body);
    }
    return chunk.subarray(takenBytes);
  }

  #deliver(head: Buffer, body: Buffer): void {
    const nameOf = (index: unknown): JobName => JOB_NAMES[Number(index)] as JobName;
    if (head.readUInt8(4) === BYTES) {
      this.#onParcels([{ id: head.readUInt32LE(8), job: nameOf(head.readUInt8(5)), value: body }]);
      return;
    }
    const flat = deserialize(body) as unknown[];
    const parcels: Parcel[] = [];
    for (let at = 0; at < flat.length; at += 3) {
      parcels.push({ id: flat[at] as number, job: nameOf(flat[at + 1]), value: flat[at + 2] });
    }
    this.#onParcels(parcels);
  }
}
