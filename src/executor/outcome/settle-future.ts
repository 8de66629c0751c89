import { TaskTimeoutError } from "../../errors.js";
import { WorkerCrashedError } from "../../errors.js";
import { appendSubmissionStack } from "../../values/thrown.js";
import { damaged } from "../../values/compact/joined-values.js";
import { decodeThrown } from "../../values/thrown.js";
import { stackOf } from "../../values/errors/stacks.js";
import { decodeOutcome } from "./chunk-outcome.js";
import { futures } from "./process-future.js";
import { resolveLater } from "./result-reader.js";
import type { LaterValue } from "../../values/extended/read.js";
import type { ProcessFuture } from "./process-future.js";
import type { ResultReader } from "./result-reader.js";
import type { SubmissionStack } from "./submission-stack.js";
import type { TaskOutcome } from "../../pool/queue/pool-task.js";

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
    if (outcome.kind === "value") {
      if (callCount > 0) throw damaged();
      futures.resolve(future, outcome.value as T);
      return;
    }
    if (outcome.kind === "result") {
      const decoded = decodeOutcome(outcome.value, reader, callCount);
      if (decoded instanceof Promise) void resolveLater(future, decoded as Promise<LaterValue>, reader);
      else futures.resolve(future, decoded as T);
      return;
    }
    const error = outcome.kind === "ended" ? outcome.error : decodeThrown(outcome.error);
    // Where this process noticed a crash tells nothing; where the task was submitted does. Errors that several tasks share
    // (a broken pool) have no one such place.
    const isOfOneTask = error instanceof WorkerCrashedError || error instanceof TaskTimeoutError;
    if (error instanceof WorkerCrashedError) error.stack = String(error);
    if (error instanceof TaskTimeoutError) error.stack = [String(error), error.taskStack].join("\n").trimEnd();
    if (isOfOneTask || outcome.kind === "failure") {
      appendSubmissionStack(error, stackOf(submission) ?? "", submission.isNearby);
    }
    futures.reject(future, error);
  } catch (error) {
    // Bytes that are no value: nothing may leave the future pending.
    reader.abandonUnused?.();
    futures.reject(future, error);
  }
}
