/** Reads the outcome of a task, or of a chunk of calls, and settles its future. */

import { isThenable } from "../../values/classes/thenable.js";
import { acceptLive } from "../../live/accept.js";
import { appendSubmissionStack } from "../../values/thrown.js";
import { damaged } from "../../values/classes/damaged.js";
import { decodeThrown } from "../../values/thrown.js";
import { decodeValue } from "../../values/codec.js";
import { EncodedThrown } from "../../values/compact/joined-values.js";
import { FIRST_RESULT_CHANNEL } from "../../wire/messages/protocol.js";
import { futures } from "./process-future.js";
import { NotSerializableError } from "../../errors.js";
import { resolveReference } from "../../pickle/function-reference.js";
import { sentWeakCollections } from "../../values/classes/weak-collections.js";
import { splitValues } from "../../values/compact/joined-values.js";
import { stackOf } from "../../values/errors/stacks.js";
import { TaskTimeoutError } from "../../errors.js";
import { WorkerCrashedError } from "../../errors.js";
import { WorkerMemoryLimitError } from "../../errors.js";
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
   * @param from - The first of them, in the order in which they were read. Default: 0.
   * @param to - The first that is kept again. Default: none is.
   */
  abandonUnused?(from?: number, to?: number): void;
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

/** A call of a chunk that has failed, in place of its result. */
export class FailedCall {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** What came of a chunk of calls: of each call its result or a `FailedCall`. */
export class ChunkResult {
  readonly results: readonly unknown[];

  constructor(results: readonly unknown[]) {
    this.results = results;
  }
}

/** What has to be known of a task to read its outcome. */
export interface OutcomeForm {
  /** Of a chunk, how many calls it is; else 0. */
  readonly callCount: number;
  /** Whether a chunk went on after calls that have failed; else the first failure is the end of its results. */
  readonly goesOn: boolean;
}

/**
 * Decodes what a worker sends as the outcome of a task that went well: a result, or a `ChunkResult`.
 *
 * @returns The value, or a promise of a `LaterValue`.
 * @throws Error when the bytes are damaged, or hold an instance whose class is not registered here.
 */
export function decodeOutcome(bytes: Uint8Array, reader: ResultReader, form: OutcomeForm): unknown {
  const { callCount } = form;
  if (callCount === 0) return decodeValue(bytes, reader, "result");
  const values = splitValues(bytes, callCount);
  // All calls have one, or those up to the one that failed.
  if (values.length < callCount && (form.goesOn || !(values.at(-1) instanceof EncodedThrown))) throw damaged();
  const decoded = values.map((value) => decodePart(value, reader));
  const isLater = decoded.some((part) => part instanceof Promise);
  return isLater ? collectLater(decoded, reader, form) : collect(decoded, reader, form);
}

/** A result that can't be read is the failure of its call. */
class Unreadable extends FailedCall {
  readonly #from: number;
  readonly #to: number;

  constructor(error: unknown, from: number, to: number) {
    super(error);
    this.#from = from;
    this.#to = to;
  }

  /** Gives up the live values in it, and in those behind it unless they are used. */
  abandon(reader: ResultReader, { goesOn }: OutcomeForm): void {
    reader.abandonUnused?.(this.#from, goesOn ? this.#to : undefined);
  }
}

/**
 * Never throws. All are decoded, also those behind one that can't be: their live values have to be known to be given
 * up.
 */
function decodePart(part: unknown, reader: ResultReader): unknown {
  if (part instanceof EncodedThrown) return new FailedCall(decodeThrown(part.bytes));
  if (!(part instanceof Uint8Array)) return part;
  const from = reader.acceptedCount ?? 0;
  try {
    const decoded = decodeValue(part, reader, "result");
    if (!(decoded instanceof Promise)) return decoded;
    // Its live values are read by now; functions are looked up later.
    return waitFor(decoded as Promise<LaterValue>, from, reader.acceptedCount ?? 0);
  } catch (error) {
    return new Unreadable(error, from, reader.acceptedCount ?? 0);
  }
}

async function waitFor(decoding: Promise<LaterValue>, from: number, to: number): Promise<LaterValue | Unreadable> {
  try {
    const later = await decoding;
    // Whoever is given it would call that method.
    if (isThenable(later.value)) {
      throw new NotSerializableError("result", "it has a method named then, which await would call in this process");
    }
    return later;
  } catch (error) {
    return new Unreadable(error, from, to);
  }
}

async function collectLater(
  decoded: readonly unknown[],
  reader: ResultReader,
  form: OutcomeForm,
): Promise<LaterValue> {
  const all: unknown[] = [];
  for (const part of decoded) {
    const known: unknown = part instanceof Promise ? await part : part;
    all.push(known instanceof LaterValue ? known.value : known);
  }
  return new LaterValue(collect(all, reader, form));
}

function collect(decoded: readonly unknown[], reader: ResultReader, form: OutcomeForm): ChunkResult {
  const results: unknown[] = [];
  for (const part of decoded) {
    results.push(part);
    if (part instanceof Unreadable) part.abandon(reader, form);
    if (part instanceof FailedCall && !form.goesOn) break;
  }
  return new ChunkResult(results);
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
  const isOfWorker = error instanceof WorkerCrashedError || error instanceof WorkerMemoryLimitError;
  const isOfOneTask = isOfWorker || error instanceof TaskTimeoutError;
  if (isOfWorker) error.stack = String(error);
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
 */
export function settleFuture<T>(
  future: ProcessFuture<T>,
  outcome: TaskOutcome,
  submission: SubmissionStack,
  reader: ResultReader,
  form: OutcomeForm,
): void {
  try {
    // A chunk has no such result, and that of a single call needs no reader.
    if (outcome.kind === "value") throw damaged();
    if (outcome.kind === "result") {
      const decoded = decodeOutcome(outcome.value, reader, form);
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
