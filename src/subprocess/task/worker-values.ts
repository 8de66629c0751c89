/**
 * What a worker's values need beyond the codec: functions and classes, and the streams and signals of the task that
 * runs.
 */

import { FIRST_RESULT_CHANNEL } from "../../wire/messages/protocol.js";
import { LIVE_OP } from "../../wire/messages/protocol.js";
import { LiveOffers } from "../../live/offers.js";
import { LiveSession } from "../../live/session.js";
import { Refusal } from "../../values/classes/value-writer.js";
import { acceptLive } from "../../live/accept.js";
import { receivedWeakCollections } from "../../values/classes/weak-collections.js";
import { unpickleFunction } from "../../pickle/unpickle-function.js";
import type { AnyFunction } from "../../values/classes/value-writer.js";
import type { EncodeOptions } from "../../values/codec.js";
import type { FunctionStore } from "./function-store.js";
import type { LiveMessage } from "../../wire/messages/protocol.js";
import type { SharedWeakCollections } from "../../values/classes/weak-collections.js";
import type { ToParentMessage } from "../../wire/messages/protocol.js";
import type { ValueReader } from "../../values/classes/value-writer.js";
import type { ValueWriter } from "../../values/classes/value-writer.js";

const NOT_IMPORTABLE =
  "it is a function that the parent can't import, and a parent runs no code that comes from a worker: " +
  "export it from a module other than the main one";

/** Most messages that are kept for a task that has not begun. */
const MAX_EARLY = 10_000;

/** Finds how the parent can import a function; there is none before a result had one. */
let referenceTo: ((fn: AnyFunction) => unknown) | undefined;
let isReferenceWanted = false;

/** Whether a result was refused because of a function, and would perhaps not be after `loadReferences`. */
export function needsReferences(): boolean {
  return isReferenceWanted && referenceTo === undefined;
}

/** Has functions in results looked at from now on. */
export async function loadReferences(): Promise<void> {
  // Reason: it brings a parser, which takes 6 MiB and 20 ms, and few workers ever need it.
  ({ referenceToFunction: referenceTo } = await import("../../pickle/function-reference.js"));
}

async function readBlobs(blobs: readonly Blob[]): Promise<ReadonlyMap<Blob, ArrayBuffer>> {
  const contents = new Map<Blob, ArrayBuffer>();
  await Promise.all(blobs.map(async (blob) => contents.set(blob, await blob.arrayBuffer())));
  return contents;
}

/** One for the worker, as it runs one task at a time. */
export class WorkerValues implements ValueReader, ValueWriter {
  isForStrangers = false;
  readonly #functions: FunctionStore;
  readonly #send: (message: ToParentMessage) => void;
  readonly weakCollections: SharedWeakCollections = receivedWeakCollections;
  /** How results are encoded, with what they hold beside data. */
  readonly asResult: EncodeOptions = { isWrittenAtOnce: true, writer: this };
  #taskId = 0;
  #session: LiveSession | undefined;
  #offers: LiveOffers | undefined;
  /** Messages for a task that has not begun. */
  #early: LiveMessage[] = [];
  #onChange: () => void = () => {};

  /** @param send - Sends at once. */
  constructor(functions: FunctionStore, send: (message: ToParentMessage) => void) {
    this.#functions = functions;
    this.#send = send;
  }

  /** From now on all is of this task. */
  begin(taskId: number): void {
    this.#taskId = taskId;
  }

  readFunction(plain: unknown): unknown {
    if (plain instanceof Uint8Array) return unpickleFunction(plain, this.#functions.modules);
    return this.#functions.load(Number(plain));
  }

  accept(plain: unknown): unknown {
    const session = this.#openSession();
    const accepted = acceptLive(plain, session, 0);
    const early = this.#early;
    this.#early = [];
    for (const message of early) {
      if (message.taskId === this.#taskId && !session.has(message.channel)) this.#early.push(message);
      else if (message.taskId === this.#taskId) session.receive(message.channel, message.op, message.payload);
    }
    return accepted;
  }

  #openSession(): LiveSession {
    const taskId = this.#taskId;
    return (this.#session ??= new LiveSession(
      (channel, op, payload) => this.#send({ kind: "live", taskId, channel, op, payload }),
      () => this.#onChange(),
    ));
  }

  /**
   * Takes a message of the parent.
   *
   * @throws ProtocolError for what doesn't fit.
   */
  receive(message: LiveMessage): void {
    const { taskId, channel, op, payload } = message;
    if (taskId === this.#taskId && this.#session?.has(channel) === true) this.#session.receive(channel, op, payload);
    else if (taskId >= this.#taskId && this.#early.length < MAX_EARLY) this.#early.push(message);
  }

  /** The parent finds functions by reference. Classes need none: the parent knows those that it has registered. */
  writeFunction(fn: AnyFunction): unknown {
    isReferenceWanted ||= referenceTo === undefined;
    return referenceTo?.(fn) ?? new Refusal(NOT_IMPORTABLE);
  }

  offer(object: object): unknown {
    this.#offers ??= new LiveOffers(FIRST_RESULT_CHANNEL, true);
    return this.#offers.offer(object);
  }

  /** How many live values the results have that were encoded so far. */
  get offerCount(): number {
    return this.#offers?.count ?? 0;
  }

  /** What was encoded last is not sent; the live values before it are kept, so many. */
  takeBack(offerCount: number): void {
    this.#offers?.takeBack(offerCount);
  }

  /**
   * Whether the result that was encoded last has Blobs whose contents are not known: read them, and encode it again.
   */
  get isMissingBlobs(): boolean {
    return (this.#offers?.missing.length ?? 0) > 0;
  }

  /** Reads the Blobs that are missing, and takes back what was encoded last; `offerCount` as in `takeBack`. */
  async readMissing(offerCount: number): Promise<void> {
    const missing = [...(this.#offers?.missing ?? [])];
    this.takeBack(offerCount);
    const contents = await readBlobs(missing);
    this.#offers?.addContents(contents);
  }

  /** Whether the result that was encoded last has live values. */
  get hasOffers(): boolean {
    return this.#offers !== undefined;
  }

  /**
   * Sees to the live values of the result: sends it, when it has streams, and waits for their end.
   *
   * @param bytes - The result, as it was encoded.
   * @param encodeAgain - Encodes it once more, when the contents of Blobs are known.
   * @returns What is to be reported as the outcome.
   */
  async deliver(
    bytes: Uint8Array,
    signal: AbortSignal,
    encodeAgain: () => Uint8Array,
    encodeNothing: () => Uint8Array,
  ): Promise<Uint8Array> {
    let encoded = bytes;
    if (this.isMissingBlobs) {
      await this.readMissing(0);
      encoded = encodeAgain();
    }
    const offers = this.#offers;
    this.#offers = undefined;
    if (offers === undefined || offers.isEmpty) return encoded;
    const session = this.#openSession();
    this.#send({
      kind: "live",
      taskId: this.#taskId,
      channel: FIRST_RESULT_CHANNEL,
      op: LIVE_OP.result,
      payload: encoded,
    });
    offers.start(session);
    const stop = (): void => session.close(signal.reason);
    signal.addEventListener("abort", stop);
    try {
      await new Promise<void>((resolve) => {
        this.#onChange = () => {
          if (!session.hasFrom(FIRST_RESULT_CHANNEL)) resolve();
        };
        this.#onChange();
      });
    } finally {
      signal.removeEventListener("abort", stop);
      this.#onChange = () => {};
    }
    signal.throwIfAborted();
    return encodeNothing();
  }

  /** The task has ended, with an error or well: what is left of its live values ends, too. */
  end(error: unknown): void {
    this.#offers?.release();
    this.#offers = undefined;
    const session = this.#session;
    this.#session = undefined;
    if (this.#early.length > 0) this.#early = this.#early.filter(({ taskId }) => taskId > this.#taskId);
    session?.close(error);
  }
}
