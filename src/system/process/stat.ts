/** Reads one process from Linux's /proc. Source: proc_pid_stat(5). */

import type { Platform } from "../platform.js";
import type { ProcessEntry } from "./entry.js";

// Positions after the closing parenthesis of the command's name, counted from 0: field 3 of the manual page is 0 here.
const STATE = 0;
const PARENT_PID = 1;
const GROUP_ID = 2;
const SESSION_ID = 3;
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;
const THREAD_COUNT = 17;
const START_TIME = 19;
const ENVIRONMENT_END = 48;

/**
 * The command's name is chosen by the process and may hold ") (" and newlines; the last parenthesis is the kernel's.
 */
function fieldsOf(text: string): string[] | undefined {
  const nameEnd = text.lastIndexOf(")");
  return nameEnd === -1 ? undefined : text.slice(nameEnd + 2).split(" ");
}

/**
 * Parses the text of /proc/PID/stat.
 *
 * @returns `undefined` for a text that is not of that form, such as one cut short.
 */
export function parseProcStat(text: string): ProcessEntry | undefined {
  const pid = Number.parseInt(text, 10);
  const fields = fieldsOf(text);
  const startTime = Number(fields?.[START_TIME]);
  const state = fields?.[STATE];
  if (fields === undefined || !(pid > 0) || !Number.isFinite(startTime) || state === undefined) return undefined;
  return {
    pid,
    parentPid: Number(fields[PARENT_PID]),
    groupId: Number(fields[GROUP_ID]),
    sessionId: Number(fields[SESSION_ID]),
    startTime,
    // The state is that of the first thread: a zombie with further threads still runs (the first one called
    // pthread_exit).
    isAlive: !((state === "Z" || state === "X" || state === "x") && Number(fields[THREAD_COUNT]) <= 1),
  };
}

/** Reads /proc/PID/stat; `undefined` when there is no such process, or no /proc. */
export function readProcStat(platform: Platform, pid: number): ProcessEntry | undefined {
  try {
    return parseProcStat(platform.readText(`/proc/${pid}/stat`));
  } catch {
    return undefined;
  }
}

/** What a process, with all its threads, is doing. */
export interface ProcActivity {
  /** CPU time that it has had, in clock ticks. */
  readonly cpuTicks: number;
  /** Whether it can't go on: it is stopped or traced, or its core is being written. */
  readonly isHeld: boolean;
}

/** Tells what a process is doing; `undefined` when there is no such process, or no /proc. */
export function readProcActivity(platform: Platform, pid: number): ProcActivity | undefined {
  try {
    const fields = fieldsOf(platform.readText(`/proc/${pid}/stat`));
    if (fields === undefined) return undefined;
    const isStopped = fields[STATE] === "T" || fields[STATE] === "t";
    // Source: proc_pid_status(5).
    const isHeld = isStopped || /^CoreDumping:\s*1/m.test(platform.readText(`/proc/${pid}/status`));
    return { cpuTicks: Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS]), isHeld };
  } catch {
    return undefined;
  }
}

/**
 * Tells of a process whose environment reads as empty whether it has none yet, or no longer: in the midst of execve
 * the kernel hasn't set where it ends, and one that ends has no memory left. A program that was started with an empty
 * one has a place for it.
 */
export function hasNoEnvironment(platform: Platform, pid: number): boolean {
  try {
    return !(Number(fieldsOf(platform.readText(`/proc/${pid}/stat`))?.[ENVIRONMENT_END]) > 0);
  } catch {
    return false;
  }
}
