import process from "node:process";

import { showValue } from "../../show-value.js";

/** Makes a process warning of what a function of the user's has failed with. */
export function warnOf(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : showValue(error), "AsyncCpuCallbackWarning");
}

/**
 * Calls a function of the user's whose failure is to harm nobody else. Never throws.
 *
 * @param warn - Is given what it throws, or what the promise that it gives is rejected with.
 */
export function callUser(call: () => unknown, warn: (error: unknown) => void = warnOf): void {
  try {
    const returned = call();
    if (returned instanceof Promise) returned.catch(warn);
  } catch (error) {
    warn(error);
  }
}
