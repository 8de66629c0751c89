/**
 * Wakes stopped workers when this process is gone.
 *
 * A worker's watchdog sees the parent's end, but not while the whole process is stopped (SIGSTOP): when the parent is
 * killed then, nobody is left who would end the worker. So one tiny shell per process, away from terminals, holds the
 * other end of a pipe and a list of pids. At the end of the pipe it sends SIGCONT to each; their watchdogs do the
 * rest. SIGCONT, not SIGKILL: a pid that belongs to another process by then comes to no harm, and the watchdog also
 * finds the descendants.
 */

import process from "node:process";
import type { Socket } from "node:net";

import { startProcess } from "../system/start/start-process.js";
import { clearTimeout } from "../system/timers.js";
import { setTimeout } from "../system/timers.js";
import type { StartedProcess } from "../system/start/start-process.js";

/** The last whole line counts: one that was cut short by this process's end is ignored. */
const SCRIPT = 'pids=; while read -r line; do pids=$line; done; for pid in $pids; do kill -s CONT "$pid"; done';

/** Starting a process blocks this one for some milliseconds. A short program ends before it would need the shell. */
const START_DELAY_MS = 1000;

const pids = new Set<number>();
let shell: StartedProcess | undefined;
let shellInput: Socket | undefined;
let startTimer: NodeJS.Timeout | undefined;

function sendList(): void {
  shellInput?.write(`${[...pids].join(" ")}\n`);
}

/** What can't be started (no descriptor is left, there is no shell) is missed only by workers that are stopped. */
function start(): void {
  startTimer = undefined;
  if (shell !== undefined || pids.size === 0) return;
  // A session of its own keeps it out of the reach of a terminal's Ctrl-C, which it must survive.
  const child = startProcess("/bin/sh", ["-c", SCRIPT], {
    stdio: ["pipe", "ignore", "ignore"],
    env: process.env,
    cwd: "/",
  });
  const forget = (): void => {
    if (shell !== child) return;
    shell = undefined;
    shellInput = undefined;
  };
  child.on("error", forget);
  child.on("exit", forget);
  const stdin = child.stdio?.[0] as Socket | null | undefined;
  stdin?.on("error", forget);
  stdin?.unref();
  if (child.pid === undefined) return;
  shell = child;
  shellInput = stdin ?? undefined;
  sendList();
}

function startLater(): void {
  startTimer ??= setTimeout(() => {
    try {
      start();
    } catch {
      // The next worker's start is the next try.
    }
  }, START_DELAY_MS).unref();
}

/** Has a worker woken when this process ends and the worker is stopped. Not on Windows, which has no such state. */
export function wakeWhenOrphaned(pid: number): void {
  if (process.platform === "win32") return;
  pids.add(pid);
  if (shell === undefined) startLater();
  else sendList();
}

/** Takes that back: the worker is gone. The shell ends with the last one. */
export function needNotWake(pid: number): void {
  if (!pids.delete(pid)) return;
  sendList();
  if (pids.size > 0) return;
  clearTimeout(startTimer);
  startTimer = undefined;
  shellInput?.end();
  shell = undefined;
  shellInput = undefined;
}
