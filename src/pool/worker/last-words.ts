import { clearTimeout } from "../../system/timers.js";
import { setImmediate } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";

/** How long to wait, in milliseconds, for what a dead worker wrote last: a descendant may hold its pipes open. */
const LIMIT_MS = 500;

/** Waits for the ends of a dead worker's pipes, but not for ever. */
export async function waitForLastWords(ends: readonly Promise<void>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    // A full turn of the event loop later: this process may have been busy since, and what has come is still to be read.
    timer = setTimeout(() => setImmediate(resolve), LIMIT_MS);
  });
  // Whoever waits for a task of this worker keeps the program running; nobody else needs to.
  timer?.unref();
  await Promise.race([Promise.all(ends), limit]);
  clearTimeout(timer);
}
