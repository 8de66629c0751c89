/** How a worker died, and what it wrote last. */

import { clearTimeout } from "../../system/timers.js";
import { setImmediate } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";
import type { PoolTask } from "../queue/pool-task.js";

/** How a process ended; both `null` for one that never ran. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** For a message. */
export function describeProcessEnd({ exitCode, signal }: ProcessEnd): string {
  return signal === null ? `the process exited with code ${exitCode}` : `the process was ended by ${signal}`;
}

/** How a worker died. */
export interface WorkerDeath extends ProcessEnd {
  /** Whether it had ever been ready for a task. */
  readonly wasReady: boolean;
  /** Whether its pool had told it to end. */
  readonly wasToldToEnd: boolean;
  /** Whether it ended although its pool had neither told it to end nor killed it. */
  readonly wasCrash: boolean;
  /** What happened, for a message. */
  readonly what: string;
  readonly stderr: string;
  /** The task that it held and had not begun. */
  readonly unbegun: PoolTask | undefined;
}

/** How long to wait, in milliseconds, for what a dead worker wrote last: a descendant may hold its pipes open. */
const LIMIT_MS = 500;

/** Waits for the ends of a dead worker's pipes, but not for ever. */
export async function waitForLastWords(ends: readonly Promise<void>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    // A full turn of the event loop later: this process may have been busy since, and what has come is still to be
    // read.
    timer = setTimeout(() => setImmediate(resolve), LIMIT_MS);
  });
  // Whoever waits for a task of this worker keeps the program running; nobody else needs to.
  timer?.unref();
  await Promise.race([Promise.all(ends), limit]);
  clearTimeout(timer);
}
