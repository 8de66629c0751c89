import { QueueTimeoutError } from "../../errors.js";
import { VersionMismatchError } from "../contract/errors.js";
import { isMismatch } from "../contract/versions.js";
import type { VersionMismatch } from "../contract/errors.js";

/**
 * Says of a task that waited too long why no host has it.
 *
 * @param served - What its hosts serve; `undefined` when Redis has not even got it.
 * @returns The error to have in place of this one.
 */
export function explainWait(taskName: string, error: Error, served: VersionMismatch | undefined): Error {
  if (!(error instanceof QueueTimeoutError)) return error;
  const cause = served !== undefined && isMismatch(served) ? new VersionMismatchError(served) : undefined;
  const options = cause === undefined ? {} : { cause };
  return new QueueTimeoutError(taskName, error.queueTimeoutMs, cause?.message ?? adviceFor(served), options);
}

function adviceFor(served: VersionMismatch | undefined): string {
  if (served === undefined) return "It is not in the queue yet: is Redis there, as the option connection says?";
  const { queue, version } = served;
  const place = `queue "${queue}", version ${version}`;
  if (served.served.length === 0) return `No host serves ${place}: start one, with npx asynccpu worker for example.`;
  return `No host of ${place} has taken it: start more, give them more jobs, submit less, or raise queueTimeoutMs.`;
}
