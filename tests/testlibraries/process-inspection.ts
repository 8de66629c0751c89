/**
 * Looks at processes in Linux's /proc. Written apart from src/system on purpose: what is tested must not be its own
 * measure.
 */

import { readFileSync } from "node:fs";
import { readdirSync } from "node:fs";

/** One process as /proc shows it. */
export interface ProcessSight {
  readonly pid: number;
  readonly state: string;
  readonly parentPid: number;
  readonly groupId: number;
  readonly sessionId: number;
  /** CPU time used by all its threads, user and system, in milliseconds (steps of 10). */
  readonly cpuTimeMs: number;
}

const MS_PER_TICK = 10;

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

/** What /proc shows of a process; `undefined` when it is gone. */
function seeProcess(pid: number): ProcessSight | undefined {
  const text = tryRead(`/proc/${pid}/stat`);
  const match = text === undefined ? null : /^.*\) (.*)$/s.exec(text);
  if (match === null) return undefined;
  const fields = (match[1] ?? "").trim().split(" ");
  return {
    pid,
    state: fields[0] ?? "",
    parentPid: Number(fields[1]),
    groupId: Number(fields[2]),
    sessionId: Number(fields[3]),
    cpuTimeMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK,
  };
}

/** Ids of all processes. */
function allPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Whether a process runs; a zombie doesn't. */
export function isAlive(pid: number): boolean {
  const sight = seeProcess(pid);
  return sight !== undefined && sight.state !== "Z" && sight.state !== "X";
}

/** Whether a process is stopped, by SIGSTOP for example. */
export function isStopped(pid: number): boolean {
  return seeProcess(pid)?.state === "T";
}

/** CPU time used by a process, in milliseconds (steps of 10); 0 when it is gone. */
export function cpuTimeMsOf(pid: number): number {
  return seeProcess(pid)?.cpuTimeMs ?? 0;
}

/** Ids of all processes whose parent this is, zombies too. */
export function childrenOf(pid: number): number[] {
  return allPids().filter((each) => seeProcess(each)?.parentPid === pid);
}

/** Whether a process has the shell that wakes its stopped workers when it is gone. */
export function hasWakingShell(pid: number): boolean {
  return childrenOf(pid).some((child) => tryRead(`/proc/${child}/cmdline`)?.includes("kill -s CONT") === true);
}

/** Ids of all living descendants of a process, by parent pid alone. */
export function descendantsOf(pid: number): number[] {
  const sights = allPids()
    .map(seeProcess)
    .filter((sight) => sight !== undefined);
  const found = new Set([pid]);
  for (const ancestor of found) {
    for (const sight of sights) if (sight.parentPid === ancestor) found.add(sight.pid);
  }
  found.delete(pid);
  return [...found].filter(isAlive);
}

/**
 * Ids of all living processes, but this one, that were started with an environment variable.
 *
 * @param value Without it, whatever its value is. A cookie counts when it is one of several separated by colons.
 */
export function processesCarrying(variable: string, value?: string): number[] {
  return allPids().filter((pid) => {
    if (pid === process.pid) return false;
    const line = tryRead(`/proc/${pid}/environ`)
      ?.split("\0")
      .find((each) => each.startsWith(`${variable}=`));
    if (line === undefined || !isAlive(pid)) return false;
    return (
      value === undefined ||
      line
        .slice(variable.length + 1)
        .split(":")
        .includes(value)
    );
  });
}
