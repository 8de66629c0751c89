/** Chunks that are written in one process and go to a stream of the other. */

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
import { taskIsOver } from "./reading.js";
import { unexpected } from "./session.js";
import type { LiveEnd } from "./session.js";
import type { LiveOp } from "../wire/messages/protocol.js";
import type { LivePort } from "./session.js";

/** A stream of any kind, to be written to. */
export interface ChunkGoal {
  /** Resolves when the stream can take the next one. */
  write(chunk: unknown): Promise<void>;
  /** Resolves when all has reached its goal. */
  close(): Promise<void>;
  /** Ends it with an error. Never throws. */
  abort(reason: unknown): void;
  /** Leaves it as it is, to whoever owns it. */
  release(): void;
  /** Calls back when the stream fails by itself. */
  onFailure(callback: (error: unknown) => void): void;
}

/** Takes what the other side writes, and writes it to a stream. */
export class GoalEnd implements LiveEnd {
  readonly isAwaited = false;
  readonly #goal: ChunkGoal;
  readonly #port: LivePort;
  readonly #chunks: { readonly value: unknown; readonly costBytes: number }[] = [];
  #grantedBytes = WINDOW_BYTES;
  #takenBytes = 0;
  #isWriting = false;
  #hasEnd = false;
  #isOver = false;
  /** The task has ended well, without an end of this stream. */
  #isLeft = false;

  constructor(goal: ChunkGoal, port: LivePort) {
    this.#goal = goal;
    this.#port = port;
    goal.onFailure((error) => this.#fail(error));
  }

  receive(op: LiveOp, payload: Uint8Array): void {
    if (op === LIVE_OP.chunk) this.#take(payload);
    else if (op === LIVE_OP.error) this.#abort(decodeThrown(payload));
    else if (op === LIVE_OP.end) {
      this.#hasEnd = true;
      void this.#write();
    } else throw unexpected(op);
  }

  #take(payload: Uint8Array): void {
    if (this.#grantedBytes <= 0 || this.#hasEnd) {
      throw new ProtocolError("A stream was sent more than it had credit for.");
    }
    const costBytes = costOf(payload);
    this.#grantedBytes -= costBytes;
    try {
      this.#chunks.push({ value: decodeValue(payload), costBytes });
      void this.#write();
    } catch (error) {
      this.#fail(error);
      this.#goal.abort(error);
    }
  }

  close(error: unknown): void {
    if (this.#isOver) return;
    if (error !== undefined && !this.#hasEnd) {
      this.#abort(error);
      return;
    }
    this.#isLeft = true;
    void this.#write();
  }

  #abort(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#chunks.length = 0;
    this.#port.done();
    this.#goal.abort(reason);
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#chunks.length = 0;
    this.#port.send(LIVE_OP.cancel, encodeThrown(error));
    this.#port.done();
  }

  async #write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
        // One after the other is what backpressure means.
        await this.#goal.write(chunk.value);
        if (this.#isOver) return;
        this.#grant(chunk.costBytes);
      }
      if (this.#hasEnd) {
        await this.#goal.close();
        if (this.#isOver) return;
        this.#isOver = true;
        this.#port.send(LIVE_OP.closed);
        this.#port.done();
      } else if (this.#isLeft) {
        this.#isOver = true;
        this.#goal.release();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isWriting = false;
    }
  }

  #grant(costBytes: number): void {
    this.#takenBytes += costBytes;
    if (this.#takenBytes < WINDOW_BYTES / 2) return;
    this.#grantedBytes += this.#takenBytes;
    this.#port.send(LIVE_OP.credit, creditOf(this.#takenBytes));
    this.#takenBytes = 0;
  }
}

interface Settlers {
  resolve(): void;
  reject(error: unknown): void;
}

/** Sends what is written to it, as fast as the other side takes it. */
export class WritingEnd implements LiveEnd {
  readonly #port: LivePort;
  #creditBytes = WINDOW_BYTES;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  #waiting: Settlers | undefined;
  #hasBegun = false;
  #hasEnded = false;
  /** Told at once of an error, whether or not somebody writes. */
  onFailure: (error: unknown) => void = () => {};

  constructor(port: LivePort) {
    this.#port = port;
  }

  get isAwaited(): boolean {
    return this.#waiting !== undefined;
  }

  receive(op: LiveOp, payload: Uint8Array): void {
    if (op === LIVE_OP.credit) {
      this.#creditBytes = addCredit(this.#creditBytes, payload);
      if (this.#creditBytes > 0 && !this.#hasEnded) this.#wake();
    } else if (op === LIVE_OP.cancel) this.#fail(decodeThrown(payload));
    else if (op === LIVE_OP.closed && this.#hasEnded) {
      this.#isOver = true;
      this.#port.done();
      this.#wake();
    } else throw unexpected(op);
  }

  close(error: unknown): void {
    if (!this.#isOver) this.#fail(error ?? taskIsOver());
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#isOver = true;
    this.#failure = { error };
    this.#port.done();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
    this.onFailure(error);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#port.changed();
    waiting?.resolve();
  }

  #wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#port.changed();
    });
  }

  /** Sends a chunk, when there is credit for it. Not to be called while another call waits. */
  async write(value: unknown): Promise<void> {
    this.#hasBegun = true;
    const payload = encodeValue(value, "chunk");
    if (this.#creditBytes <= 0 && !this.#isOver) await this.#wait();
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#creditBytes -= costOf(payload);
    this.#port.send(LIVE_OP.chunk, payload);
  }

  /** Resolves when all has reached its goal in the other process. */
  async end(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#hasEnded = true;
    const closed = this.#wait();
    this.#port.send(LIVE_OP.end);
    await closed;
  }

  abandonIfUnused(): void {
    if (this.#hasBegun) return;
    const error = new CancelledError("Nobody had begun to write to the stream when its executor was shut down.");
    this.#port.send(LIVE_OP.error, encodeThrown(error));
    this.#fail(error);
  }

  /** Ends the other stream with an error. */
  abort(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = { error: reason };
    this.#port.send(LIVE_OP.error, encodeThrown(reason));
    this.#port.done();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(reason);
  }
}
