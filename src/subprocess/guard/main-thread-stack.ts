/**
 * Looks at what the main thread is doing, from another thread, by Node's inspector: no port is opened.
 *
 * The main thread is paused at its next statement, asked for its frames, and goes on. A thread that runs no JavaScript
 * (it waits for a timer or a socket, or is blocked in native code) has no frames to tell.
 */

import type { Session } from "node:inspector";

import { OWN_FOLDER } from "../../system/own-files.js";
import { clearTimeout } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";

/**
 * How long the main thread may take to answer at all, in milliseconds; one that is blocked in native code never does.
 */
const ANSWER_LIMIT_MS = 1500;

/**
 * How long it may then take to pause, in milliseconds: a loop of JavaScript does it at once, a thread that waits
 * never.
 */
const PAUSE_LIMIT_MS = 150;

/** A frame as V8 tells it: the script by its id, line and column counted from 0. */
interface CallFrame {
  readonly functionName: string;
  readonly location: {
    readonly scriptId: string;
    readonly lineNumber: number;
    readonly columnNumber?: number | undefined;
  };
}

/** Writes frames as `Error.stack` has them, without those of Node and of asynccpu. */
function formatCallFrames(frames: readonly CallFrame[], urls: ReadonlyMap<string, string>): string {
  const lines: string[] = [];
  for (const { functionName, location } of frames) {
    const url = urls.get(location.scriptId) ?? "<unknown>";
    // The frames of asynccpu itself are of no interest.
    if (url.startsWith("node:") || url.startsWith(OWN_FOLDER)) continue;
    const position = `${url}:${location.lineNumber + 1}:${(location.columnNumber ?? 0) + 1}`;
    lines.push(functionName === "" ? `    at ${position}` : `    at ${functionName} (${position})`);
  }
  return lines.join("\n");
}

function pauseOnce(session: Session): Promise<string> {
  return new Promise((resolve) => {
    let timer = setTimeout(() => resolve(""), ANSWER_LIMIT_MS);
    const urls = new Map<string, string>();
    session.on("Debugger.scriptParsed", ({ params }) => urls.set(params.scriptId, params.url));
    session.once("Debugger.paused", ({ params }) => {
      clearTimeout(timer);
      resolve(formatCallFrames(params.callFrames, urls));
    });
    // Names all scripts that there are, in events that come before the pause.
    session.post("Debugger.enable");
    session.post("Debugger.pause", () => {
      clearTimeout(timer);
      timer = setTimeout(() => resolve(""), PAUSE_LIMIT_MS);
    });
  });
}

/**
 * The call stack of the main thread, innermost frame first; empty when no JavaScript is running there. Never rejects.
 */
export async function captureMainThreadStack(): Promise<string> {
  try {
    // Reason: a worker seldom needs the inspector, and loading it takes time and memory.
    const { Session } = await import("node:inspector");
    const session = new Session();
    session.connectToMainThread();
    try {
      return await pauseOnce(session);
    } finally {
      // Ends the pause, or calls it off; a debugger of the user's own is another session.
      session.post("Debugger.disable");
      session.disconnect();
    }
  } catch {
    // No inspector in this build of Node.
    return "";
  }
}
