/**
 * Chunks from one process to the other: the end that reads a stream and sends, and the end that receives and is read.
 */

import { CancelledError } from "../errors.js";
import { LIVE_OP } from "../wire/messages/protocol.js";
import { ProtocolError } from "../errors.js";
import { WINDOW_BYTES } from "./session.js";
import { addCredit } from "./session.js";
import { costOf } from "./session.js";
import { creditOf } from "./session.js";
import { decodeThrown } from "../values/thrown.js";
import { decodeValue } from "../values/codec.js";
import { encodeThrown } from "../values/thrown.js";
import { encodeValue } from "../values/codec.js";
import { unexpected } from "./session.js";
import type { LiveEnd } from "./session.js";
import type { LiveOp } from "../wire/messages/protocol.js";
import type { LivePort } from "./session.js";

/** A stream of any kind, to be read. */
export interface ChunkSource {
  read(): Promise<{ readonly done?: boolean | undefined; readonly value?: unknown }>;
  /** Nothing more is wanted. Never throws. */
  cancel(reason: unknown): void;
}

/** What readers of a stream hear when its task has ended without an error. */
export function taskIsOver(): CancelledError {
  return new CancelledError("The task that this stream belongs to has ended.");
}

/** Reads a stream as fast as the other side takes it, and sends what it reads. */
export class SendingEnd implements LiveEnd {
  readonly isAwaited = false;
  readonly #source: ChunkSource;
  readonly #port: LivePort;
  #creditBytes = 0;
  #isPumping = false;
  #isOver = false;

  constructor(source: ChunkSource, port: LivePort) {
    this.#source = source;
    this.#port = port;
  }

  receive(op: LiveOp, payload: Uint8Array): void {
    if (op === LIVE_OP.credit) {
      this.#creditBytes = addCredit(this.#creditBytes, payload);
      void this.#pump();
    } else if (op === LIVE_OP.cancel) this.#stop(decodeThrown(payload));
    else throw unexpected(op);
  }

  close(error: unknown): void {
    this.#stop(error ?? taskIsOver());
  }

  /** Ends the reading; the other side knows, or is gone. */
  #stop(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#port.done();
    this.#source.cancel(reason);
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#creditBytes > 0 && !this.#isOver) {
        // One after the other is what backpressure means.
        const { done, value } = await this.#source.read();
        if (this.#isOver) return;
        if (done === true) {
          this.#finish(LIVE_OP.end);
          return;
        }
        const payload = encodeValue(value, "chunk");
        this.#creditBytes -= costOf(payload);
        this.#port.send(LIVE_OP.chunk, payload);
      }
    } catch (error) {
      if (this.#isOver) return;
      this.#finish(LIVE_OP.error, encodeThrown(error));
      // It may be the chunk that can't be sent: then the stream goes on, and nobody reads it.
      this.#source.cancel(error);
    } finally {
      this.#isPumping = false;
    }
  }

  #finish(op: LiveOp, payload?: Uint8Array): void {
    this.#isOver = true;
    this.#port.send(op, payload);
    this.#port.done();
  }
}

interface Waiting {
  resolve(result: IteratorResult<unknown, undefined>): void;
  reject(error: unknown): void;
}

/** Receives chunks, and hands them to one reader, one after the other. */
export class ReceivingEnd implements LiveEnd {
  readonly #port: LivePort;
  readonly #chunks: { readonly value: unknown; readonly costBytes: number }[] = [];
  /** What the other side may still send. */
  #grantedBytes = 0;
  /** What was taken and not granted anew. */
  #takenBytes = 0;
  #hasBegun = false;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  #waiting: Waiting | undefined;
  /** Told at once of an error, whether or not somebody reads. */
  onFailure: (error: unknown) => void = () => {};
  /** Told when the task has ended well, and more might have come. */
  onAbandoned: (() => void) | undefined;

  constructor(port: LivePort) {
    this.#port = port;
  }

  get isAwaited(): boolean {
    return this.#waiting !== undefined;
  }

  receive(op: LiveOp, payload: Uint8Array): void {
    if (op === LIVE_OP.chunk) this.#take(payload);
    else if (op === LIVE_OP.end) this.#end();
    else if (op === LIVE_OP.error) this.#fail(decodeThrown(payload));
    else throw unexpected(op);
  }

  #end(): void {
    this.#isOver = true;
    this.#port.done();
    if (this.#chunks.length === 0) this.#settle({ done: true, value: undefined });
  }

  #take(payload: Uint8Array): void {
    if (this.#grantedBytes <= 0) throw new ProtocolError("A stream was sent more than it had credit for.");
    const costBytes = costOf(payload);
    this.#grantedBytes -= costBytes;
    let value: unknown;
    try {
      value = decodeValue(payload);
    } catch (error) {
      this.cancel(error);
      this.#fail(error);
      return;
    }
    if (this.#waiting === undefined) this.#chunks.push({ value, costBytes });
    else {
      this.#settle({ done: false, value });
      this.#grant(costBytes);
    }
  }

  close(error: unknown): void {
    if (this.#isOver) return;
    if (error === undefined && this.onAbandoned !== undefined) {
      this.#isOver = true;
      this.onAbandoned();
    }
    this.#fail(error ?? taskIsOver());
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#isOver = true;
    this.#failure = { error };
    this.#chunks.length = 0;
    this.#port.done();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
    this.onFailure(error);
  }

  #settle(result: IteratorResult<unknown, undefined>): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    this.#port.changed();
    waiting.resolve(result);
  }

  #grant(costBytes: number): void {
    this.#takenBytes += costBytes;
    if (this.#isOver || this.#takenBytes < WINDOW_BYTES / 2) return;
    this.#grantedBytes += this.#takenBytes;
    this.#port.send(LIVE_OP.credit, creditOf(this.#takenBytes));
    this.#takenBytes = 0;
  }

  /** The next chunk. Not to be called while another call waits. */
  read(): Promise<IteratorResult<unknown, undefined>> {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#grantedBytes = WINDOW_BYTES;
      this.#port.send(LIVE_OP.credit, creditOf(WINDOW_BYTES));
    }
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#grant(chunk.costBytes);
      return Promise.resolve({ done: false, value: chunk.value });
    }
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure.error);
      else if (this.#isOver) resolve({ done: true, value: undefined });
      else {
        this.#waiting = { resolve, reject };
        this.#port.changed();
      }
    });
  }

  abandonIfUnused(): void {
    if (this.#hasBegun) return;
    const error = new CancelledError("Nobody had begun to read the stream when its executor was shut down.");
    this.cancel(error);
    this.#fail(error);
  }

  /** Nothing more is wanted. */
  cancel(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#chunks.length = 0;
    this.#port.send(LIVE_OP.cancel, encodeThrown(reason));
    this.#port.done();
    this.#settle({ done: true, value: undefined });
  }
}
