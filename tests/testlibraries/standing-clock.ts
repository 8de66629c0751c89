/**
 * A clock that stands still, for what is to be as if no time went by: a busy machine may take any time from one line
 * to the next.
 */

import { mock } from "node:test";

import { performance } from "../../src/system/timers.js";

/** Runs a function during which the library's clock gives the same time. */
export function whileClockStands<T>(run: () => T): T {
  const nowMs = performance.now();
  const clock = mock.method(performance, "now", () => nowMs);
  try {
    return run();
  } finally {
    clock.mock.restore();
  }
}
