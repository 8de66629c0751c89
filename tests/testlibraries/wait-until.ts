/** Waiting for something to become true, without guessing how long it takes. */

import { setTimeout as sleep } from "node:timers/promises";

/** What is awaited, and how long at most. */
export interface WaitOptions {
  /** Longest wait, in milliseconds. Default: 30000. */
  readonly deadlineMs?: number;
  /** Completes the sentence "Waited ... ms in vain for ...". */
  readonly what: string;
}

/** No measure of speed: three suites at a time on two cores make a program's start take over ten seconds. */
const DEFAULT_DEADLINE_MS = 30_000;
const FIRST_POLL_MS = 2;
const MAX_POLL_MS = 50;

/**
 * Asks a condition again and again until it holds.
 *
 * @returns The first truthy answer.
 * @throws Error that names what was awaited and the last answer, when the deadline passes.
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { deadlineMs = DEFAULT_DEADLINE_MS, what }: WaitOptions,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 2, MAX_POLL_MS)) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() >= deadline) {
      throw new Error(`Waited ${deadlineMs} ms in vain for ${what}; the last answer was ${String(answer)}.`);
    }
    await sleep(pollMs);
  }
}
