/**
 * The live values of one task, seen from one side: streams and signals that go on beside the message that they came
 * with.
 *
 *     offered here (live-offers)          accepted there (live-accept)
 *     a stream that is read      ──chunk, end, error──▶   what the other side reads
 *                                ◀──credit, cancel────
 *     a stream that is written   ◀──chunk, end, error──   what the other side writes to
 *                                ──credit, closed, cancel──▶
 *     a signal                   ──abort──▶               a signal
 *
 * Nothing is read from an offered stream before somebody reads on the other side, and never more is on its way than
 * the window and one chunk: what was sent and not taken counts against the credit.
 */

import { LIVE_OP } from "../wire/messages/protocol.js";
import { ProtocolError } from "../errors.js";
import { sizeWithAttachments } from "../values/binary/attachments.js";
import type { LiveOp } from "../wire/messages/protocol.js";

/** How much of one stream may be on its way and not taken, in bytes, beside one last chunk. */
export const WINDOW_BYTES: number = 512 * 1024;

/** What a chunk counts beside its bytes: small ones must not be so many that to send them takes long. */
const CHUNK_BYTES = 1024;

/** Most live values that one message may bring. */
export const MAX_LIVE_VALUES = 1024;

/** What an encoded chunk counts against the credit, in bytes. */
export function costOf(payload: Uint8Array): number {
  return sizeWithAttachments(payload) + CHUNK_BYTES;
}

/** One end of a live value. */
export interface LiveEnd {
  /** Whether somebody waits for what the other side does: then the program has a reason to go on. */
  readonly isAwaited: boolean;
  /** @throws ProtocolError for what doesn't fit. */
  receive(op: LiveOp, payload: Uint8Array): void;
  /** The task has ended: with an error, or well. Nothing can be sent any more. */
  close(error: unknown): void;
  /** Tells the other side that nobody will use it, if nobody has begun to. */
  abandonIfUnused?(): void;
}

/** What an end has of its session. */
export interface LivePort {
  send(op: LiveOp, payload?: Uint8Array): void;
  /** It is over: nothing more is sent or received. */
  done(): void;
  /** `isAwaited` may have changed. */
  changed(): void;
}

const NO_BYTES = new Uint8Array(0);

/** Writes an amount of credit. */
export function creditOf(bytes: number): Uint8Array {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32LE(Math.min(bytes, 0xffff_ffff));
  return payload;
}

/**
 * Adds a credit to what is left of those before.
 *
 * @throws ProtocolError for a payload that is none, and for more than the window: only what was taken is granted anew.
 */
export function addCredit(creditBytes: number, payload: Uint8Array): number {
  if (payload.byteLength !== 4) throw new ProtocolError("A credit has four bytes.");
  const sum = creditBytes + Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).readUInt32LE();
  if (sum > WINDOW_BYTES) throw new ProtocolError(`A stream was granted ${sum} bytes, more than ${WINDOW_BYTES}.`);
  return sum;
}

/** The error for an operation that an end doesn't know. */
export function unexpected(op: LiveOp): ProtocolError {
  return new ProtocolError(`A live value can't take operation ${op} here.`);
}

/** The live values of one task, at one side. */
export class LiveSession {
  readonly #send: (channel: number, op: LiveOp, payload: Uint8Array) => void;
  readonly #onChange: () => void;
  readonly #ends = new Map<number, LiveEnd>();
  /** Ends that are over: what comes for them is late. */
  readonly #past = new Set<number>();
  #isClosed = false;

  /** @param onChange - Called when ends are over, or somebody begins or ceases to wait for one. */
  constructor(send: (channel: number, op: LiveOp, payload: Uint8Array) => void, onChange: () => void = () => {}) {
    this.#send = send;
    this.#onChange = onChange;
  }

  get isAwaited(): boolean {
    for (const end of this.#ends.values()) if (end.isAwaited) return true;
    return false;
  }

  /** Whether any of these channels goes on. */
  hasFrom(firstChannel: number): boolean {
    for (const channel of this.#ends.keys()) if (channel >= firstChannel) return true;
    return false;
  }

  has(channel: number): boolean {
    return this.#ends.has(channel) || this.#past.has(channel);
  }

  /** Adds an end. */
  open<T extends LiveEnd>(channel: number, start: (port: LivePort) => T): T {
    if (this.has(channel)) throw new ProtocolError(`Live value ${channel} is there twice.`);
    const end = start({
      send: (op, payload = NO_BYTES) => {
        if (!this.#isClosed && !this.#past.has(channel)) this.#send(channel, op, payload);
      },
      done: () => {
        if (this.#past.has(channel)) return;
        this.#past.add(channel);
        this.#ends.delete(channel);
        this.#onChange();
      },
      changed: () => {
        if (this.#ends.has(channel)) this.#onChange();
      },
    });
    if (!this.#past.has(channel)) this.#ends.set(channel, end);
    return end;
  }

  /** @throws ProtocolError for a value that there is not, and for what it doesn't take. */
  receive(channel: number, op: LiveOp, payload: Uint8Array): void {
    const end = this.#ends.get(channel);
    // What comes for one that is over is late.
    const isLate = this.#past.has(channel) && op !== LIVE_OP.result;
    if (end === undefined && !isLate) throw new ProtocolError(`No live value is ${channel}.`);
    end?.receive(op, payload);
  }

  /** Ends those of these channels that nobody has begun to use; the other side is told. */
  abandonUnused(firstChannel: number, endChannel: number): void {
    for (const [channel, end] of this.#ends) {
      if (channel >= firstChannel && channel < endChannel) end.abandonIfUnused?.();
    }
  }

  /** Ends all: the task has ended, with an error or well. */
  close(error: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const ends = [...this.#ends.entries()];
    this.#ends.clear();
    for (const [channel, end] of ends) {
      this.#past.add(channel);
      end.close(error);
    }
    this.#onChange();
  }
}
