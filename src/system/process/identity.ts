/**
 * One process, told by pid and start time, so that a pid that the system has given to another process is never
 * signalled.
 *
 * Between the look at the start time and the signal there remain some microseconds in which the process could end, be
 * reaped and its pid be given away; only Linux's pidfd closes that gap, and Node doesn't offer it. Pids are handed out
 * in turn, so the gap is theoretical.
 */

import type { Platform } from "../platform.js";
import { hostPlatform } from "../platform.js";
import { mayBeSameStart } from "./entry.js";
import { parsePsStart } from "./table.js";
import { readProcStat } from "./stat.js";
import { readsProc } from "./table.js";

/**
 * Reads the start time of a process, a zombie included: an opaque number that tells it from an earlier or later
 * process with the same pid on this machine.
 *
 * macOS runs `ps` for it (not run on macOS, only tested with a fake). Windows has no way that is quick enough; there
 * it is always `undefined`, and a pid can't be given away as long as Node holds the child's handle.
 *
 * @returns `undefined` when there is no such process, or no way to ask.
 */
export function startTimeOf(pid: number, platform: Platform = hostPlatform): number | undefined {
  if (platform.name === "win32") return undefined;
  if (readsProc(platform)) return readProcStat(platform, pid)?.startTime;
  try {
    return parsePsStart(platform.runSync("ps", ["-o", "lstart=", "-p", String(pid)]).stdout.trim());
  } catch {
    return undefined;
  }
}

/**
 * Sends a signal; ESRCH and EPERM are an answer, not an error.
 *
 * EPERM: the process belongs to another user (it changed its user, or the pid was reused), or is a zombie (macOS).
 *
 * @returns Whether it was sent.
 * @throws TypeError (ERR_UNKNOWN_SIGNAL) for a signal that the platform doesn't know.
 */
export function sendSignalTo(pid: number, signal: NodeJS.Signals | number, platform: Platform): boolean {
  try {
    platform.kill(pid, signal);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH" || code === "EPERM") return false;
    throw error;
  }
}

/** Whether `startTimeOf` knows the start time of every process that there is: then one without it is gone. */
export function knowsStartTimes(platform: Platform): boolean {
  if (readsProc(platform)) return readProcStat(platform, platform.pid) !== undefined;
  return platform.name !== "win32";
}

/** Whether the pid exists, in whatever state and whoever owns it. */
function exists(pid: number, platform: Platform): boolean {
  try {
    platform.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Whether the process with this pid and start time still runs; a zombie doesn't. */
export function isProcessAlive(pid: number, startTime: number | undefined, platform: Platform): boolean {
  if (readsProc(platform)) {
    const entry = readProcStat(platform, pid);
    if (entry !== undefined) return entry.isAlive && mayBeSameStart(entry.startTime, startTime);
    // Without a mounted /proc nothing is known but whether the pid exists.
    return !knowsStartTimes(platform) && exists(pid, platform);
  }
  if (!exists(pid, platform)) return false;
  if (startTime === undefined || platform.name === "win32") return true;
  return startTimeOf(pid, platform) === startTime;
}

/**
 * Sends a signal to the process with this pid and start time, and to no other that has its pid.
 *
 * @returns Whether it was sent.
 */
export function signalProcess(
  pid: number,
  startTime: number | undefined,
  signal: NodeJS.Signals | number,
  platform: Platform,
): boolean {
  return isProcessAlive(pid, startTime, platform) && sendSignalTo(pid, signal, platform);
}
