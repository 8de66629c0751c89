/**
 * Timers and clocks as they were when the library was loaded.
 *
 * A program's fake timers (node:test, sinon, Jest, Vitest) take the place of the global ones later. A pool must not
 * stand still with them, nor its time limits. All of `src/` has its timers from here; oxlint and
 * scripts/lint-layers.mjs see to that.
 */

import process from "node:process";
import timers from "node:timers";

import { runOutside } from "./async-context.js";

// From the module: a runner that has faked the globals before the library is loaded (Jest, when told so) leaves it
// alone. Taken at once: others put their fakes there, too.
const startTimeout: (callback: () => void, delayMs: number) => NodeJS.Timeout = timers.setTimeout;
const startInterval: (callback: () => void, delayMs: number) => NodeJS.Timeout = timers.setInterval;
const steadyClock = globalThis.performance;

/** As the global one, but outside of the caller's asynchronous context, which it doesn't hold. */
export function setTimeout(callback: () => void, delayMs: number): NodeJS.Timeout {
  return runOutside(startTimeout, callback, delayMs);
}

/** As the global one, but outside of the caller's asynchronous context, which it doesn't hold. */
export function setInterval(callback: () => void, delayMs: number): NodeJS.Timeout {
  return runOutside(startInterval, callback, delayMs);
}

/** Timers that something goes by: these, or a test's fake ones where it runs in the test's own process. */
export interface Timers {
  setTimeout(callback: () => void, delayMs: number): NodeJS.Timeout;
  clearTimeout(timer: NodeJS.Timeout | undefined): void;
}

/** As the global one. */
export const clearTimeout: (timer: NodeJS.Timeout | undefined) => void = timers.clearTimeout;

/** As the global one. */
export const clearInterval: (timer: NodeJS.Timeout | undefined) => void = timers.clearInterval;

/** As the global one. */
export const setImmediate: (callback: () => void) => unknown = timers.setImmediate;

/** As `process.nextTick`. */
export const nextTick: (callback: () => void) => void = process.nextTick;

/** Resolves after a time; the program goes on until then. */
export function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}

/** As `sleep`, but the program need not go on until then. */
export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs).unref());
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The steady clock. */
export const performance: { now(): number } = { now: steadyClock.now.bind(steadyClock) };

/** As `Date.now`. */
export const dateNow: () => number = Date.now;
