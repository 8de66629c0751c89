import { FIRST_RESULT_CHANNEL } from "../../wire/messages/protocol.js";
import { LIVE_OP } from "../../wire/messages/protocol.js";
import { LiveSession } from "../../live/session.js";
import { acceptLive } from "../../live/accept.js";
import { captureContext } from "../../system/async-context.js";
import { decodeThrown } from "../../values/thrown.js";
import { resolveReference } from "../../pickle/function-reference.js";
import { sentWeakCollections } from "../../values/classes/weak-collections.js";
import type { InContext } from "../../system/async-context.js";
import type { LiveMessage } from "../../wire/messages/protocol.js";
import type { LiveOffers } from "../../live/offers.js";
import type { SharedWeakCollections } from "../../values/classes/weak-collections.js";
import type { TaskChannel } from "../../pool/queue/pool-task.js";
import type { TaskOutcome } from "../../pool/queue/pool-task.js";
import type { ResultReader } from "../outcome/settle-future.js";

/** What the parent has of a task beside its future: the streams and signals of its arguments and its result. */
export class ParentLive implements ResultReader {
  readonly #offers: LiveOffers | undefined;
  readonly #onChange: () => void;
  /**
   * The context of the submission, in which the streams of the arguments are read and written; dropped at the end of
   * the task.
   */
  #inContext: InContext | undefined;
  #session: LiveSession | undefined;
  #hasResult = false;
  /** By the order in which they were read, the channels of the result. */
  readonly #accepted: number[] = [];

  constructor(offers: LiveOffers | undefined, onChange: () => void) {
    this.#offers = offers;
    if (offers !== undefined) this.#inContext = captureContext();
    this.#onChange = onChange;
  }

  /** Whether the result has come, and the task goes on for its streams only. */
  get hasResult(): boolean {
    return this.#hasResult;
  }

  /** Whether somebody waits for one of the streams. */
  get isAwaited(): boolean {
    return this.#session?.isAwaited === true;
  }

  /**
   * @returns The encoded result, if this is it.
   * @throws ProtocolError for what doesn't fit.
   */
  receive(message: LiveMessage, pipes: TaskChannel): Uint8Array | undefined {
    return this.#run(() => this.#receive(message, pipes));
  }

  #run<R>(body: () => R): R {
    return this.#inContext === undefined ? body() : this.#inContext(body);
  }

  #receive({ channel, op, payload, taskId }: LiveMessage, pipes: TaskChannel): Uint8Array | undefined {
    if (this.#session === undefined) {
      this.#session = new LiveSession(
        (to, what, bytes) => pipes.send({ kind: "live", taskId, channel: to, op: what, payload: bytes }),
        this.#onChange,
      );
      this.#offers?.start(this.#session);
    }
    if (op !== LIVE_OP.result || this.#hasResult) {
      this.#session.receive(channel, op, payload);
      return undefined;
    }
    this.#hasResult = true;
    return payload;
  }

  get weakCollections(): SharedWeakCollections {
    return sentWeakCollections;
  }

  readFunction(plain: unknown): unknown {
    return resolveReference(plain);
  }

  accept(plain: unknown): unknown {
    const channel: unknown = Array.isArray(plain) ? plain[1] : undefined;
    this.#accepted.push(typeof channel === "number" ? channel : 0);
    return acceptLive(plain, this.#session, FIRST_RESULT_CHANNEL);
  }

  get acceptedCount(): number {
    return this.#accepted.length;
  }

  /**
   * Tells streams of the result that nobody has begun to read or write that they are not wanted.
   *
   * @param from - The first of them, in the order in which they were read.
   * @param to - The first that is kept again. Default: none is.
   */
  abandonUnused(from = 0, to?: number): void {
    if (!this.#hasResult) return;
    const before = this.#accepted.slice(0, from);
    const behind = to === undefined ? [] : this.#accepted.slice(to);
    const firstChannel = Math.max(FIRST_RESULT_CHANNEL, ...before.map((channel) => channel + 1));
    this.#session?.abandonUnused(firstChannel, Math.min(Infinity, ...behind));
  }

  /** The task has ended. */
  close(outcome: TaskOutcome): void {
    // Never begun: whoever passed the streams has them back as they were.
    if (this.#session === undefined) this.#offers?.release();
    else this.#run(() => this.#session?.close(errorOf(outcome)));
    this.#inContext = undefined;
  }
}

/** What a task failed with, if it did. */
function errorOf(outcome: TaskOutcome): unknown {
  if (outcome.kind === "ended") return outcome.error;
  return outcome.kind === "failure" ? decodeThrown(outcome.error) : undefined;
}
