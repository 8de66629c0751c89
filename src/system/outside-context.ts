import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Runs a function in the asynchronous context in which the library was loaded, rather than in the caller's.
 *
 * For what outlives the call: a process or a timer that was made in the context of a request holds that context (a user, a
 * transaction), and runs all of its callbacks there, also those that belong to another request.
 */
export const runOutside: <A extends unknown[], R>(body: (...args: A) => R, ...args: A) => R =
  AsyncLocalStorage.snapshot();
