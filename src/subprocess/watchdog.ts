/**
 * The thread beside a worker's main thread: it sees what a busy main thread can't.
 *
 * It reads the lifeline. A notice raises the abort flag, which a synchronous loop can ask; the lifeline's end means that
 * the parent is gone, however it went, and ends this process with every descendant.
 *
 * It must wait on a socket: with a blocking `fs.readSync`, or a pending `fs.read`, `process.exit()` and the natural end of
 * the process hang for ever (Node 20 to 26, measured).
 */

import { Socket } from "node:net";
import { workerData } from "node:worker_threads";

import { AbortFlag } from "./abort-flag.js";
import { AbortNoticeDecoder } from "../wire/lifeline.js";
import { LIFELINE_FD } from "../wire/protocol.js";
import { killOwnTreeSync } from "../system/process-terminator.js";

/** What the main thread hands to the watchdog. */
export interface WatchdogData {
  readonly abortFlag: SharedArrayBuffer;
  readonly cookie: string;
}

const { abortFlag, cookie } = workerData as WatchdogData;
const flag = new AbortFlag(abortFlag);
const notices = new AbortNoticeDecoder((taskId) => flag.raise(taskId));

const lifeline = new Socket({ fd: LIFELINE_FD, readable: true, writable: false });
lifeline.on("data", (chunk: Buffer) => notices.push(chunk));
lifeline.on("error", () => {});
lifeline.on("close", () => killOwnTreeSync(cookie));
