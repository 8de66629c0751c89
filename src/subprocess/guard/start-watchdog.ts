import { Worker } from "node:worker_threads";
import { fstatSync } from "node:fs";

import { WATCHDOG_ENTRY } from "../../system/own-files.js";
import { LIFELINE_FD } from "../../wire/messages/protocol.js";
import type { GuardWords } from "./claim.js";
import type { WatchdogData } from "./watchdog.js";

/** Heap of the watchdog's thread in MiB; it runs a few hundred lines. */
const WATCHDOG_HEAP_MIB = 16;

/**
 * To be called before a task could close it. As a bigint: Node 20's `realpathSync` looks at what the last call without
 * that option has found, and after a socket gives the path of the next module that is imported back with its links.
 */
function inodeOfLifeline(): bigint | undefined {
  try {
    return fstatSync(LIFELINE_FD, { bigint: true }).ino;
  } catch {
    return undefined;
  }
}

/**
 * Starts the watchdog thread. Not awaited: the lifeline keeps notices until the thread reads them.
 *
 * Without the thread (no memory, no thread left) a busy task can't see an abort, and the parent ends it after the
 * grace period; tasks behind it stay there, and a worker that owes an answer and has nothing left to do is replaced.
 * The end of the parent is still seen by the main thread.
 */
export function startWatchdog({ abortFlag, claim, hearFlag }: GuardWords, cookie: string): void {
  const data: WatchdogData = {
    abortFlag: abortFlag.buffer,
    hearFlag: hearFlag.buffer,
    claim: claim.buffer,
    cookie,
    lifelineInode: inodeOfLifeline(),
  };
  const watchdog = startThread(data);
  watchdog?.unref();
  watchdog?.on("error", () => {});
}

function startThread(data: WatchdogData): Worker | undefined {
  const options = {
    workerData: data,
    // Without these it would load the user's --require and --import modules once more.
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: WATCHDOG_HEAP_MIB },
  };
  try {
    return new Worker(WATCHDOG_ENTRY, options);
  } catch {
    // When the system gives no thread, this is thrown at once (ERR_WORKER_INIT_FAILED); what comes later is an event.
    return undefined;
  }
}
