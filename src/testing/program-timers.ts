import type { Timers } from "../system/timers.js";

/** The timers that the program has at the moment of the call: a test's fake ones, if it has set up such. */
export const programTimers: Timers = {
  // Reason: these are the ones that fake timers take the place of.
  // oxlint-disable-next-line no-restricted-globals
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  // Reason: as above.
  // oxlint-disable-next-line no-restricted-globals
  clearTimeout: (timer) => clearTimeout(timer),
};
