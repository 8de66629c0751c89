/**
 * The thread beside a worker's main thread: it sees what a busy main thread can't.
 *
 * It reads the lifeline. A notice raises the abort flag, which a synchronous loop can ask; a question is answered about
 * what the main thread is doing; the lifeline's end means that the parent is gone, however it went, and ends this
 * process with every descendant.
 *
 * It must wait on a socket: with a blocking `fs.readSync`, or a pending `fs.read`, `process.exit()` and the natural end of
 * the process hang for ever (Node 20 to 26, measured).
 */

import { Socket } from "node:net";
import { workerData } from "node:worker_threads";

import { AbortFlag } from "./abort-flag.js";
import { FrameDecoder } from "../wire/frame.js";
import { LIFELINE_FD } from "../wire/protocol.js";
import { captureMainThreadStack } from "./main-thread-stack.js";
import { decodeToWatchdog } from "../wire/lifeline.js";
import { encodeFromWatchdog } from "../wire/lifeline.js";
import { killOwnTreeSync } from "../system/process-terminator.js";
import type { ToWatchdogMessage } from "../wire/protocol.js";

/** What the main thread hands to the watchdog. */
export interface WatchdogData {
  readonly abortFlag: SharedArrayBuffer;
  readonly cookie: string;
}

const { abortFlag, cookie } = workerData as WatchdogData;
const flag = new AbortFlag(abortFlag);

async function tellStack(taskId: number): Promise<void> {
  const frames = await captureMainThreadStack();
  if (!lifeline.destroyed) lifeline.write(encodeFromWatchdog({ kind: "stack", taskId, frames }));
}

function receive(message: ToWatchdogMessage): void {
  if (message.kind === "abort") flag.raise(message.taskId);
  else void tellStack(message.taskId);
}

const decoder = new FrameDecoder((frame) => receive(decodeToWatchdog(frame)));
const lifeline = new Socket({ fd: LIFELINE_FD, readable: true, writable: true });
lifeline.on("data", (chunk: Buffer) => {
  try {
    decoder.push(chunk);
  } catch {
    // Whoever writes here is not the parent, or has lost its mind: without a lifeline there is no guard.
    lifeline.destroy();
  }
});
lifeline.on("error", () => {});
lifeline.on("close", () => killOwnTreeSync(cookie));
