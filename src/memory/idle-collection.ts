/**
 * Lets go of what tasks have left behind. A worker without work allocates nothing, so V8 would not collect, and shared
 * memory that nobody uses any more would stay mapped here for as long as the worker waits.
 */

import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";

import { clearTimeout } from "../system/timers.js";
import { performance } from "../system/timers.js";
import { setTimeout } from "../system/timers.js";

/** How long a worker has to be idle, in milliseconds. */
const IDLE_MS = 100;

/** A collection that takes long, since the heap is large, comes after that many times its duration. */
const PATIENCE = 20;

/** What the first collection finds through a weak reference that was just read, only the second one frees. */
const ROUNDS = 2;

/** Whether shared memory was made or opened since the last collection. */
let hasNewSegments = false;
let lastMs = 0;
let timer: NodeJS.Timeout | undefined;
let collect: (() => void) | undefined;

/** Has V8 collect all that nobody holds. */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
    // Contexts that the program makes are not to have it.
    setFlagsFromString("--no-expose-gc");
  }
  collect();
}

function collectNow(roundsLeft: number): void {
  const startMs = performance.now();
  collectGarbage();
  lastMs = performance.now() - startMs;
  timer = undefined;
  if (roundsLeft > 1) schedule(roundsLeft - 1);
  else hasNewSegments = false;
}

function schedule(rounds: number): void {
  timer = setTimeout(() => collectNow(rounds), Math.max(IDLE_MS, lastMs * PATIENCE));
  timer.unref();
}

/**
 * To be called when this process has nothing to do. Collects, soon and once, when shared memory was opened since the
 * last time.
 */
export function collectWhenIdle(): void {
  if (hasNewSegments && timer === undefined) schedule(ROUNDS);
}

/** To be called when this process makes or opens shared memory, a copy included. */
export function noteSegment(): void {
  hasNewSegments = true;
}

/** To be called when this process has something to do again. */
export function postponeCollection(): void {
  if (timer === undefined) return;
  clearTimeout(timer);
  timer = undefined;
}
