/** What was thrown, to bytes and back. Errors themselves are taken apart in extended/ and errors/parts. */

import { types } from "node:util";

import { NotSerializableError } from "../errors.js";
import { decodeFor } from "./errors/class-places.js";
import { decodeValue } from "./codec.js";
import { decodedFor } from "./errors/class-places.js";
import { encodeValue } from "./codec.js";
import { setStack } from "./errors/stacks.js";
import { stackOf } from "./errors/stacks.js";
import type { EncodeOptions } from "./codec.js";

export { registerErrorClass } from "./errors/classes.js";
export type { ErrorClass } from "./errors/classes.js";

/** What the path of a thrown value begins with. */
const ROOT = "thrown value";

/**
 * Encodes what was thrown, whatever it is. Never throws.
 *
 * An error travels with class, message, stack, code, cause, and own enumerable properties; a property that can't be
 * sent is replaced by a text that says so. Other values travel as themselves; one that can't becomes a
 * `NotSerializableError`.
 */
export function encodeThrown(thrown: unknown, options: EncodeOptions = {}): Uint8Array {
  try {
    return encodeValue(thrown, ROOT, options);
  } catch (problem) {
    return encodeProblem(problem, options);
  }
}

function encodeProblem(problem: unknown, options: EncodeOptions): Uint8Array {
  try {
    return encodeValue(problem, ROOT, options);
  } catch {
    // Reached when the stack is nearly full, or memory is: as little as possible from here on.
    return encodeValue("A value was thrown that can't be sent between processes.", ROOT);
  }
}

/**
 * Decodes what `encodeThrown` returned. Never throws: damaged bytes give the error that says so.
 *
 * @param functions - Those that threw it. Default: those whose outcome is being decoded.
 */
export function decodeThrown(bytes: Uint8Array, functions: readonly object[] = decodedFor()): unknown {
  try {
    return decodeFor(functions, () => decodeValue(bytes, undefined, ROOT));
  } catch (cause) {
    if (cause instanceof NotSerializableError) return cause;
    return new NotSerializableError(ROOT, "its encoding can't be read", { cause });
  }
}

const SUBMISSION_MARK = "\n    — submitted from —\n";
const NEARBY_MARK = "\n    — submitted from here or shortly after (one of very many submissions in a row) —\n";

/** Errors that have their mark: several futures may fail with the same one. */
const marked = new WeakSet<object>();

function keepFrames(stack: string): string {
  const lines = stack.split("\n").filter((line) => /^\s+at /.test(line));
  return lines.join("\n");
}

/**
 * Adds the place of submission to an error's stack, once in each process. Does nothing for anything but an error, and
 * for an error that can't be changed. Never throws.
 *
 * @param submissionStack - A stack as `Error.captureStackTrace` makes it; only its frames are used.
 * @param isNearby - Whether it is that of a call shortly before; the text says so.
 */
export function appendSubmissionStack(error: unknown, submissionStack: string, isNearby = false): void {
  const frames = keepFrames(submissionStack);
  if (frames === "" || typeof error !== "object" || error === null || types.isProxy(error)) return;
  try {
    if (!(types.isNativeError(error) || error instanceof Error) || marked.has(error) || Object.isFrozen(error)) return;
    const stack = stackOf(error);
    if (stack === undefined) return;
    marked.add(error);
    setStack(error, stack + (isNearby ? NEARBY_MARK : SUBMISSION_MARK) + frames);
  } catch {
    // A stack that can't be read or redefined stays as it is.
  }
}
