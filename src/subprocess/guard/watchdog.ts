/**
 * The thread beside a worker's main thread: it sees what a busy main thread can't.
 *
 * It reads the lifeline. A notice raises the abort flag, which a synchronous loop can ask; it tells what the main
 * thread is doing, and takes back tasks that have not begun; the lifeline's end means that the parent is gone, however
 * it went, and ends this process with every descendant.
 *
 * It must wait on a socket: with a blocking `fs.readSync`, or a pending `fs.read`, `process.exit()` and the natural
 * end of the process hang for ever (Node 20 to 26, measured).
 */

import { Socket } from "node:net";
import { fstatSync } from "node:fs";
import { workerData } from "node:worker_threads";

import { Claim } from "./claim.js";
import { FrameDecoder } from "../../wire/messages/frame-decoder.js";
import { LIFELINE_FD } from "../../wire/messages/protocol.js";
import { TaskFlag } from "./claim.js";
import { captureMainThreadStack } from "./main-thread-stack.js";
import { decodeToWatchdog } from "../../wire/lifeline.js";
import { encodeFromWatchdog } from "../../wire/lifeline.js";
import { killOwnTreeSync } from "../../system/tree/terminator.js";
import type { FromWatchdogMessage } from "../../wire/messages/protocol.js";
import type { ToWatchdogMessage } from "../../wire/messages/protocol.js";

/** What the main thread hands to the watchdog. */
export interface WatchdogData {
  readonly abortFlag: SharedArrayBuffer;
  readonly hearFlag: SharedArrayBuffer;
  readonly claim: SharedArrayBuffer;
  readonly cookie: string;
  /** Tells the lifeline from what gets its number when a task has closed it; absent where the system has none. */
  readonly lifelineInode: bigint | undefined;
}

const data = workerData as WatchdogData;
const { cookie } = data;
const abortFlag = new TaskFlag(data.abortFlag);
const hearFlag = new TaskFlag(data.hearFlag);
const claim = new Claim(data.claim);

/**
 * Whether the descriptor is still the lifeline. A task may have closed it, and the number be that of a file of its own
 * by now: what is written or read there is not the parent's, and its end is not the parent's end.
 */
function isStillThere(): boolean {
  if (data.lifelineInode === undefined) return true;
  try {
    return fstatSync(LIFELINE_FD, { bigint: true }).ino === data.lifelineInode;
  } catch {
    return false;
  }
}

/** Makes an answer and sends it, or does neither: tasks that were taken back must not stay here untold. */
function answer(make: () => FromWatchdogMessage): void {
  if (lifeline?.destroyed === false && isStillThere()) lifeline.write(encodeFromWatchdog(make()));
}

async function tellStack(taskId: number): Promise<void> {
  const frames = await captureMainThreadStack();
  answer(() => ({ kind: "stack", taskId, frames }));
}

function receive(message: ToWatchdogMessage): void {
  const { taskId } = message;
  switch (message.kind) {
    case "abort":
      abortFlag.raise(taskId);
      break;
    case "hear":
      hearFlag.raise(taskId);
      break;
    case "askStack":
      void tellStack(taskId);
      break;
    case "takeBack":
      answer(() => ({ kind: "takenBack", taskId: claim.takeBack(taskId), question: message.question }));
      break;
  }
}

const decoder = new FrameDecoder((frame) => receive(decodeToWatchdog(frame)));
const lifeline = isStillThere() ? new Socket({ fd: LIFELINE_FD, readable: true, writable: true }) : undefined;
/** A task has closed it: the parent sees that, and replaces this process when it is free. */
let isLost = false;
lifeline?.on("data", (chunk: Buffer) => {
  try {
    decoder.push(chunk);
  } catch {
    // Whoever writes here is not the parent, or has lost its mind: without a lifeline there is no guard.
    isLost = !isStillThere();
    lifeline.destroy();
  }
});
lifeline?.on("end", () => {
  isLost = !isStillThere();
});
lifeline?.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EBADF") isLost = true;
});
lifeline?.on("close", () => {
  if (!isLost) killOwnTreeSync(cookie);
});
