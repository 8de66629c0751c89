import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Runs a function in an asynchronous context: what `AsyncLocalStorage` has there is what the function, and all that it
 * starts, sees.
 */
export type InContext = <A extends unknown[], R>(body: (...args: A) => R, ...args: A) => R;

/** The caller's context. It is held as long as the function returned. */
export function captureContext(): InContext {
  return AsyncLocalStorage.snapshot();
}

/**
 * The context in which the library was loaded, rather than the caller's.
 *
 * For what outlives the call: a process or a timer that was made in the context of a request holds that context (a
 * user, a transaction), and runs all of its callbacks there, also those that belong to another request.
 */
export const runOutside: InContext = captureContext();
