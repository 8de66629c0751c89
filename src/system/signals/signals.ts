/** The signals of this process: one coordinator for all that has to be cleaned up. */

import process from "node:process";
import { constants } from "node:os";
import { isMainThread } from "node:worker_threads";

import type { SignalGuard } from "./coordinator.js";
import type { SignalHost } from "./coordinator.js";
import { SignalCoordinator } from "./coordinator.js";
import { runOutside } from "../async-context.js";

export { onProcessExit } from "./process-exit.js";
export type { SignalGuard } from "./coordinator.js";

/**
 * Where `signal-exit` counts its listeners. Source: its index.js, version 4 (global symbol) and 3 (process property).
 */
interface SignalExitCounter {
  readonly count?: unknown;
}

function countOf(counter: unknown): number {
  const { count } = (counter ?? {}) as SignalExitCounter;
  return typeof count === "number" ? count : 0;
}

/**
 * `signal-exit`, which comes with many packages, listens to everything and leaves the end to any other listener. If
 * its listener were taken for a user's, each would wait for the other and the process would not end.
 */
function countSignalExitListeners(): number {
  const byVersion4 = (globalThis as Record<symbol, unknown>)[Symbol.for("signal-exit emitter")];
  const byVersion3 = (process as unknown as Record<string, unknown>)["__signal_exit_emitter__"];
  return countOf(byVersion4) + countOf(byVersion3);
}

/** Ends this process by the signal, so that a shell sees 143, 130 or 129. */
function raise(signal: NodeJS.Signals): void {
  // On Windows `process.kill` with a signal ends the process with status 1. And pid 1 of a container is not ended by a
  // signal that it doesn't handle.
  if (process.platform === "win32" || process.pid === 1) process.exit(128 + constants.signals[signal]);
  process.kill(process.pid, signal);
}

const host: SignalHost = {
  platform: process.platform,
  isMainThread,
  listeners: (signal) => process.listeners(signal),
  // Outside: Node keeps the context in which a signal was first listened to, and a request's is to go with the
  // request.
  prependListener: (signal, listener) => {
    runOutside(() => process.prependListener(signal, listener));
  },
  removeListener: (signal, listener) => {
    process.removeListener(signal, listener);
  },
  raise,
  deferringListenerCount: countSignalExitListeners,
};

const coordinator = new SignalCoordinator(host);

/**
 * Has something cleaned up before this process ends by SIGTERM, SIGINT or SIGHUP.
 *
 * When the signal comes, all guards clean up, each within its limit; then this package's listeners are removed and the
 * signal is raised again, so that the process ends by it. If the user listens to the signal, too, the process goes on:
 * its end is the user's to decide. A second signal during the clean-up calls `onEmergency` of all guards.
 *
 * @returns Unregisters the guard. Nothing listens to signals any more when none is registered.
 */
export function guardSignals(guard: SignalGuard): () => void {
  return coordinator.guard(guard);
}
