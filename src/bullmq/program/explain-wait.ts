import { QueueTimeoutError } from "../../errors.js";
import { VersionMismatchError } from "../contract/errors.js";
import { isMismatch } from "../contract/versions.js";
import type { VersionMismatch } from "../contract/errors.js";

/** What is known of a task that waits. */
export type Served = VersionMismatch | "not sent" | "silent";

/**
 * Says of a task that waited too long why no host has it.
 *
 * @param served - What its hosts serve, where Redis says that. Or it is not sent yet, or Redis is silent.
 * @returns The error to have in place of this one.
 */
export function explainWait(taskName: string, error: Error, served: Served): Error {
  if (!(error instanceof QueueTimeoutError)) return error;
  const cause = typeof served !== "string" && isMismatch(served) ? new VersionMismatchError(served) : undefined;
  const options = cause === undefined ? {} : { cause };
  return new QueueTimeoutError(taskName, error.queueTimeoutMs, cause?.message ?? adviceFor(served), options);
}

function adviceFor(served: Served): string {
  if (served === "not sent") return "It is not in the queue yet: is Redis there, as the option connection says?";
  if (served === "silent") return "Redis does not answer, so it may be in the queue, and a host may still run it.";
  const { queue, version } = served;
  const place = `queue "${queue}", version ${version}`;
  if (served.served.length === 0) return `No host serves ${place}: start one, with npx asynccpu worker for example.`;
  return `No host of ${place} has taken it: start more, give them more jobs, submit less, or raise queueTimeoutMs.`;
}
