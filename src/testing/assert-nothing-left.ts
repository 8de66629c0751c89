import process from "node:process";
import { AssertionError } from "node:assert";
import { readFileSync } from "node:fs";

import { COOKIE_VARIABLE } from "../system/process/cookie.js";
import { InvalidOptionError } from "../errors.js";
import { collectGarbage } from "../memory/idle-collection.js";
import { findDescendants } from "../system/tree/process-tree.js";
import { heldKeepAlives } from "../pool/keep-alive.js";
import { namesOf } from "../option-names.js";
import { openSegmentCount } from "../memory/segment.js";
import { performance } from "../system/timers.js";
import { readOptions } from "../option-names.js";
import { sleep } from "../system/timers.js";
import { unfinishedInlineTasks } from "./inline-pool.js";
import type { OptionList } from "../option-names.js";

/** Options of `assertNothingLeft`. */
export interface NothingLeftOptions {
  /** How long to wait until nothing is left, in milliseconds, 0 or more. Default: 5000. */
  readonly deadlineMs?: number | undefined;
}

const OPTIONS: OptionList = {
  call: "assertNothingLeft()",
  names: namesOf<NothingLeftOptions>({ deadlineMs: true }),
  example: "{ deadlineMs: 1000 }",
};

const DEFAULT_DEADLINE_MS = 5000;
const POLL_MS = 20;

/** A file of /proc, or nothing where there is none, or none for us. */
function readProc(pid: number, file: "cmdline" | "environ"): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}

/** Whether a variable of the environment marks a process of a pool of this process. */
function isMark(variable: string): boolean {
  const [name, value] = variable.split("=", 2);
  // In a task, all that it starts has the mark of the task itself.
  return name === COOKIE_VARIABLE && value !== process.env[COOKIE_VARIABLE];
}

/** Where the system tells a process's environment, those that a pool has started, and what these have started. */
async function leftProcesses(): Promise<string[]> {
  const { descendants } = await findDescendants([{ pid: process.pid, ownsGroup: false }]);
  const left: string[] = [];
  for (const { pid } of descendants) {
    const environ = readProc(pid, "environ");
    // One that has just ended has none.
    const isOurs = environ === undefined ? process.platform !== "linux" : environ.split("\0").some(isMark);
    const command = readProc(pid, "cmdline")?.replaceAll("\0", " ").trim() ?? "";
    if (isOurs) left.push(`process ${pid}${command === "" ? "" : ` (${command})`}`);
  }
  return left;
}

async function whatIsLeft(): Promise<readonly string[]> {
  collectGarbage();
  const held = heldKeepAlives();
  const segments = openSegmentCount();
  return [
    ...unfinishedInlineTasks().map((task) => `${task}, of an InlineTaskExecutor`),
    ...(held > 0 ? [`${held} executor(s) with tasks that have not ended, or in the midst of a shutdown`] : []),
    ...(await leftProcesses()),
    ...(segments > 0 ? [`${segments} shared array(s): dispose them, or let go of them`] : []),
  ];
}

/**
 * Waits until nothing of this library is left in this process: no process of a pool or of its tasks, no unfinished
 * task, no shared array. For the end of a test.
 *
 * @throws AssertionError that names what is left, when `deadlineMs` is over.
 * @throws InvalidOptionError for an unknown option, or one out of its range.
 */
export async function assertNothingLeft(options: NothingLeftOptions = {}): Promise<void> {
  const { deadlineMs = DEFAULT_DEADLINE_MS } = readOptions(options, OPTIONS);
  if (typeof deadlineMs !== "number" || !(deadlineMs >= 0)) {
    throw new InvalidOptionError("deadlineMs", "a number of at least 0", deadlineMs);
  }
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const left = await whatIsLeft();
    if (left.length === 0) return;
    if (performance.now() >= endMs) {
      const list = left.map((each) => `\n- ${each}`).join("");
      throw new AssertionError({
        message: `After ${deadlineMs} ms this is left of asynccpu. Shut down each executor, and wait for that:${list}`,
        stackStartFn: assertNothingLeft,
      });
    }
    await sleep(POLL_MS);
  }
}
