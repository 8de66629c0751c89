import { FIRST_RESULT_CHANNEL } from "../../wire/messages/protocol.js";
import { NotSerializableError } from "../../errors.js";
import { acceptLive } from "../../live/accept.js";
import { futures } from "./process-future.js";
import { resolveReference } from "../../pickle/function-reference.js";
import { sentWeakCollections } from "../../values/classes/weak-collections.js";
import type { LaterValue } from "../../values/extended/read.js";
import type { ProcessFuture } from "./process-future.js";
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
  readFunction: resolveReference,
  weakCollections: sentWeakCollections,
  accept: (plain) => acceptLive(plain, undefined, FIRST_RESULT_CHANNEL),
};

/** Whether a promise that is resolved with it would call a method of it. */
export function hasThen(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Resolves a future with a result that has to be waited for: functions in it are looked up. */
export async function resolveLater<T>(
  future: ProcessFuture<T>,
  decoding: Promise<LaterValue>,
  reader: ResultReader,
): Promise<void> {
  try {
    const { value } = await decoding;
    if (hasThen(value)) {
      throw new NotSerializableError("result", "it has a method named then, which await would call in this process");
    }
    futures.resolve(future, value as T);
  } catch (error) {
    reader.abandonUnused?.();
    futures.reject(future, error);
  }
}
