/** The entry of a worker process. Its arguments and environment hold nothing of the tasks: all comes by the pipes. */

import process from "node:process";

import { ChildChannel } from "../wire/child-channel.js";
import { GuardWords } from "./guard/claim.js";
import { COOKIE_VARIABLE } from "../system/process/cookie.js";
import { TaskLoop } from "./task-loop.js";
import { enterWorker } from "../system/worker-state.js";
import { killOwnTreeSync } from "../system/tree/terminator.js";
import { leaveOutOwnFrames } from "../values/errors/stacks.js";
import { exportPathOf } from "../pickle/error-places.js";
import { placesOfClasses } from "../pickle/error-places.js";
import { sendErrorClassExports } from "../values/errors/class-places.js";
import { sendErrorClassPlaces } from "../values/errors/class-places.js";
import { startWatchdog } from "./guard/start-watchdog.js";
import "../logging/foreign-logger.js";
import "../values/process-tasks.js";
import { setTimeout } from "../system/timers.js";

/** A stream of Node with the handle that libuv knows; undocumented, and the only way to make a pipe blocking. */
interface StreamWithHandle {
  readonly _handle?: { setBlocking?(isBlocking: boolean): number } | null;
}

enterWorker();

const cookie = (process.env[COOKIE_VARIABLE] ?? "").split(":").at(-1) ?? "";
const words = new GuardWords();
sendErrorClassPlaces((classes, instance) => placesOfClasses(classes, instance));
sendErrorClassExports((errorClass) => exportPathOf(errorClass));
leaveOutOwnFrames();

/** How long the watchdog thread may take, in milliseconds, to do alone what this thread can't. */
const WATCHDOG_LIMIT_MS = 1000;

function endWithoutParent(): void {
  try {
    killOwnTreeSync(cookie);
  } catch {
    setTimeout(() => process.exit(1), WATCHDOG_LIMIT_MS);
  }
}

/**
 * Done once, near the first line of user code: by then the parent is told that this worker is ready, and is on its way
 * to send a task.
 */
function prepareForUserCode(): void {
  startWatchdog(words, cookie);
  // What a task prints must have left the process when it returns, or `process.exit()` right after would lose it.
  for (const stream of [process.stdout, process.stderr]) (stream as StreamWithHandle)._handle?.setBlocking?.(true);
}

// The watchdog sees the same end; both do the same, so that it does not matter who is first. Until it is there, this
// thread sees the parent's end at once: it only loads modules, and waits.
const channel = new ChildChannel(endWithoutParent);
channel.listen(new TaskLoop(channel, words, prepareForUserCode));
