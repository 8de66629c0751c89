import { NotSerializableError } from "../../errors.js";
import { decodeThrown } from "../../values/thrown.js";
import { decodeValue } from "../../values/codec.js";
import { hasThen } from "./result-reader.js";
import { LaterValue } from "../../values/extended/read.js";
import { damaged } from "../../values/compact/joined-values.js";
import { splitValues } from "../../values/compact/joined-values.js";
import type { ResultReader } from "./result-reader.js";

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

/** Never throws. All are decoded, also those behind one that can't be: their live values have to be known to be given up. */
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
    if (hasThen(later.value)) {
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
