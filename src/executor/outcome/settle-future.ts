/** Reads the outcome of a task, or of a chunk of calls, and settles its future. */

import { isThenable } from "../../values/classes/thenable.js";
import { acceptLive } from "../../live/accept.js";
import { appendSubmissionStack } from "../../values/thrown.js";
import { damaged } from "../../values/classes/damaged.js";
import { decodeThrown } from "../../values/thrown.js";
import { decodeValue } from "../../values/codec.js";
import { FIRST_RESULT_CHANNEL } from "../../wire/messages/protocol.js";
import { futures } from "./process-future.js";
import { NotSerializableError } from "../../errors.js";
import { resolveReference } from "../../pickle/function-reference.js";
import { sentWeakCollections } from "../../values/classes/weak-collections.js";
import { splitValues } from "../../values/compact/joined-values.js";
import { stackOf } from "../../values/errors/stacks.js";
import { TaskTimeoutError } from "../../errors.js";
import { WorkerCrashedError } from "../../errors.js";
import { LaterValue } from "../../values/extended/read.js";
import type { ProcessFuture } from "./process-future.js";
import type { SubmissionStack } from "./submission-stack.js";
import type { TaskOutcome } from "../../pool/queue/pool-task.js";
import type { ValueReader } from "../../values/classes/value-writer.js";

/** Reads a result. */
export interface ResultReader extends ValueReader {
  /** How many live values were read so far. */
  readonly acceptedCount?: number;
  /**
   * It can't be read: what live values there are in it will not be used.
   *
   * @param acceptedBefore - Those that were read before so many are kept. Default: 0.
   */
  abandonUnused?(acceptedBefore?: number): void;
}

/** Reads what a worker sends: functions by reference only, to what is loaded here; no streams. */
export const resultReader: ResultReader = {
  readFunction: (plain) => resolveReference(plain),
  weakCollections: sentWeakCollections,
  accept: (plain) => acceptLive(plain, undefined, FIRST_RESULT_CHANNEL),
};

/** Resolves a future with a result that has to be waited for: functions in it are looked up. */
async function resolveLater<T>(
  future: ProcessFuture<T>,
  decoding: Promise<LaterValue>,
  reader: ResultReader,
): Promise<void> {
  try {
    const { value } = await decoding;
    if (isThenable(value)) {
      throw new NotSerializableError("result", "it has a method named then, which await would call in this process");
    }
    futures.resolve(future, value as T);
  } catch (error) {
    reader.abandonUnused?.();
    futures.reject(future, error);
  }
}

/** What came of a chunk of calls: the results up to the first failure, and that failure. */
export class ChunkResult {
  readonly results: unknown[] = [];
  failure: { readonly error: unknown } | undefined;
}

/**
 * Decodes what a worker sends as the outcome of a task that went well: a result, or a `ChunkResult`.
 *
 * @param callCount - Of a chunk, how many calls it is; else 0.
 * @returns The value, or a promise of a `LaterValue`.
 * @throws Error when the bytes are damaged, or hold an instance whose class is not registered here.
 */
export function decodeOutcome(bytes: Uint8Array, reader: ResultReader, callCount: number): unknown {
  if (callCount === 0) return decodeValue(bytes, reader, "result");
  const { values, thrown } = splitValues(bytes, callCount);
  // Without a failure all calls have a result; with one, those before it.
  if (thrown === undefined ? values.length < callCount : values.length >= callCount) throw damaged();
  const outcome = new ChunkResult();
  const decoded = values.map((value) => (value instanceof Uint8Array ? decodePart(value, reader) : value));
  if (thrown !== undefined) outcome.failure = { error: decodeThrown(thrown) };
  const isLater = decoded.some((part) => part instanceof Promise);
  return isLater ? collectLater(outcome, decoded, reader) : collect(outcome, decoded, reader);
}

/** A result that can't be read is the failure of its call. */
class Unreadable {
  readonly error: unknown;
  readonly #acceptedBefore: number;

  constructor(error: unknown, acceptedBefore: number) {
    this.error = error;
    this.#acceptedBefore = acceptedBefore;
  }

  /** Gives up the live values in it and in those behind it; those before it are in use. */
  abandon(reader: ResultReader): void {
    reader.abandonUnused?.(this.#acceptedBefore);
  }
}

/**
 * Never throws. All are decoded, also those behind one that can't be: their live values have to be known to be given
 * up.
 */
function decodePart(part: Uint8Array, reader: ResultReader): unknown {
  const acceptedBefore = reader.acceptedCount ?? 0;
  try {
    const decoded = decodeValue(part, reader, "result");
    return decoded instanceof Promise ? waitFor(decoded as Promise<LaterValue>, acceptedBefore) : decoded;
  } catch (error) {
    return new Unreadable(error, acceptedBefore);
  }
}

async function waitFor(decoding: Promise<LaterValue>, acceptedBefore: number): Promise<LaterValue | Unreadable> {
  try {
    const later = await decoding;
    // Whoever is given it would call that method.
    if (isThenable(later.value)) {
      throw new NotSerializableError("result", "it has a method named then, which await would call in this process");
    }
    return later;
  } catch (error) {
    return new Unreadable(error, acceptedBefore);
  }
}

async function collectLater(
  outcome: ChunkResult,
  decoded: readonly unknown[],
  reader: ResultReader,
): Promise<LaterValue> {
  const all: unknown[] = [];
  for (const part of decoded) {
    const known: unknown = part instanceof Promise ? await part : part;
    all.push(known instanceof LaterValue ? known.value : known);
  }
  return new LaterValue(collect(outcome, all, reader));
}

function collect(outcome: ChunkResult, decoded: readonly unknown[], reader: ResultReader): ChunkResult {
  for (const part of decoded) {
    if (part instanceof Unreadable) {
      outcome.failure = { error: part.error };
      part.abandon(reader);
      break;
    }
    outcome.results.push(part);
  }
  return outcome;
}

/** What a task that failed came to. */
export type FailedOutcome = Extract<TaskOutcome, { kind: "failure" | "ended" }>;

/**
 * What the task failed with, with both stacks.
 *
 * @throws Error when the bytes are damaged.
 */
export function errorOf(outcome: FailedOutcome, submission: SubmissionStack): unknown {
  const error = outcome.kind === "ended" ? outcome.error : decodeThrown(outcome.error);
  // Where this process noticed a crash tells nothing; where the task was submitted does. Errors that several tasks
  // share (a broken pool) have no one such place.
  const isOfOneTask = error instanceof WorkerCrashedError || error instanceof TaskTimeoutError;
  if (error instanceof WorkerCrashedError) error.stack = String(error);
  if (error instanceof TaskTimeoutError) error.stack = [String(error), error.taskStack].join("\n").trimEnd();
  if (isOfOneTask || outcome.kind === "failure") {
    appendSubmissionStack(error, stackOf(submission) ?? "", submission.isNearby);
  }
  return error;
}

/**
 * Settles a future with the outcome of its task. Never throws.
 *
 * @param submission - Where the task was submitted; stands below the stack of an error.
 * @param callCount - Of a chunk, how many calls it is; else 0.
 */
export function settleFuture<T>(
  future: ProcessFuture<T>,
  outcome: TaskOutcome,
  submission: SubmissionStack,
  reader: ResultReader,
  callCount: number,
): void {
  try {
    // A chunk has no such result, and that of a single call needs no reader.
    if (outcome.kind === "value") throw damaged();
    if (outcome.kind === "result") {
      const decoded = decodeOutcome(outcome.value, reader, callCount);
      if (decoded instanceof Promise) void resolveLater(future, decoded as Promise<LaterValue>, reader);
      else futures.resolve(future, decoded as T);
      return;
    }
    futures.reject(future, errorOf(outcome, submission));
  } catch (error) {
    // Bytes that are no value: nothing may leave the future pending.
    reader.abandonUnused?.();
    futures.reject(future, error);
  }
}
