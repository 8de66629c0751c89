/** Warns of captured variables whose look keeps blocking the event loop at every submission. */

import process from "node:process";

import type { Place } from "./graph-writer.js";

/** A look that takes longer is a slow one. */
const SLOW_LOOK_MS = 20;
/**
 * So many slow looks in a row: the first one is always the longest, and a busy machine makes a quick one slow now and
 * then.
 */
const SLOW_LOOKS_BEFORE_WARNING = 3;
/** Variables that are counted; a program with more of them has been warned often enough. */
const MAX_VARIABLES = 1000;

const slowLooks = new Map<string, number>();

/**
 * Whether a variable of this name is counted. It asks for no position: that takes longer to find than most looks take.
 */
function isCounted({ step }: Place): boolean {
  for (const key of slowLooks.keys()) if (key.startsWith(`${step} `)) return true;
  return false;
}

/** Code that istanbul counts calls a function of such a name, which holds all counters of its file. */
const ISTANBUL_COUNTER = /^cov_\w+$/;

function adviceFor(name: string): string {
  return ISTANBUL_COUNTER.test(name)
    ? "It holds the counters of istanbul, which change all the time. Measure coverage with V8 (c8, or the provider v8 of Jest and Vitest)."
    : "Make it in the worker: inside the task, or in `initializer`; or export the function from a module of its own.";
}

/**
 * The variables whose look was a slow one, with their positions: a place by itself keeps what is known of its script.
 */
export function slowVariables(durations: ReadonlyMap<Place, number>): Map<Place | undefined, Place> {
  const slow = new Map<Place | undefined, Place>();
  for (const [place, durationMs] of durations) {
    if (durationMs > SLOW_LOOK_MS) slow.set(place, { step: place.step, position: place.position });
  }
  return slow;
}

/**
 * Notes how long the look at a function's variables took.
 *
 * @param functionName - As in errors.
 * @param durations - In milliseconds, by variable.
 */
export function noteLook(functionName: string, durations: ReadonlyMap<Place, number>): void {
  for (const [place, durationMs] of durations) {
    const isSlow = durationMs > SLOW_LOOK_MS;
    if (!isSlow && !isCounted(place)) continue;
    const { step, position = "" } = place;
    // Each function that uses it has another position.
    const key = `${step} ${position.replace(/:\d+:\d+$/, "")}`;
    const known = slowLooks.get(key) ?? 0;
    if (!isSlow) {
      if (known < SLOW_LOOKS_BEFORE_WARNING) slowLooks.delete(key);
      continue;
    }
    const count = known + 1;
    if (count > SLOW_LOOKS_BEFORE_WARNING || slowLooks.size >= MAX_VARIABLES) continue;
    slowLooks.set(key, count);
    if (count < SLOW_LOOKS_BEFORE_WARNING) continue;
    const cost = `The variable "${step}" of the function "${functionName}" is looked at anew at every submission, as it might have changed. `;
    const last = `The last look kept the event loop from going on for ${Math.round(durationMs)} ms (${position}). `;
    process.emitWarning(cost + last + adviceFor(step), { type: "AsyncCpuWarning", code: "ASYNCCPU_SLOW_CAPTURE" });
  }
}
