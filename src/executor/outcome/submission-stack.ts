import { performance } from "../../system/timers.js";
import { AsyncCpuError } from "../../errors.js";
import { FunctionNotPicklableError } from "../../errors.js";
import { setStack } from "../../values/errors/stacks.js";
import { stackOf } from "../../values/errors/stacks.js";

/** Where a task was submitted. V8 formats the stack only when it is read, which only an error does. */
export interface SubmissionStack {
  readonly stack?: string;
  /** Whether the stack is that of a call shortly before, of the same function. */
  readonly isNearby: boolean;
}

class CapturedStack implements SubmissionStack {
  declare readonly stack?: string;
  readonly isNearby = false;
}

class NearbyStack implements SubmissionStack {
  readonly #captured: CapturedStack;
  readonly isNearby = true;

  constructor(captured: CapturedStack) {
    this.#captured = captured;
  }

  get stack(): string {
    return stackOf(this.#captured) ?? "";
  }
}

/** Has an error of this library begin its stack with the user's call, and not with frames of ours. */
export function showCall(error: unknown, calledFrom: (...args: never[]) => unknown, call?: SubmissionStack): void {
  if (!(error instanceof AsyncCpuError)) return;
  // Of a function in an argument.
  if (error.cause instanceof FunctionNotPicklableError) showCall(error.cause, calledFrom, call);
  if (call === undefined) Error.captureStackTrace(error, calledFrom);
  else setStack(error, [String(error), ...(stackOf(call) ?? "").split("\n").slice(1)].join("\n"));
}

/** Does what a call of the user asks for; an error of this library that it throws begins its stack with that call. */
export function asCalled<T>(calledFrom: (...args: never[]) => unknown, act: () => T): T {
  try {
    return act();
  } catch (error) {
    showCall(error, calledFrom);
    throw error;
  }
}

/** Captures the stack of one call; frames above `calledFrom` are left out. */
export function captureStack(calledFrom: (...args: never[]) => unknown): SubmissionStack {
  const captured = new CapturedStack();
  Error.captureStackTrace(captured, calledFrom);
  return captured;
}

/** So many calls may follow one another as quickly as they can, and each has its own stack. */
const BURST = 64;

/** After those, one call in so many microseconds. */
const PAUSE_US = 2000;

/** The clock itself costs as much as a tenth of a submission: in a burst, one call in so many looks at it. */
const LOOK_EVERY = 16;

/**
 * Captures stacks, which cost more than all else of a submission (1 to 5 µs, and 0.3 to 0.8 kB), and no more of them
 * than a program feels: of thousands of submissions of one function in a row, one every 2 ms has its own, and the
 * others have the last one, and say so.
 */
export class SubmissionStacks {
  #left = BURST;
  #unlooked = 0;
  #refilledMs = 0;
  #last: CapturedStack | undefined;
  #lastNearby: NearbyStack | undefined;
  #lastFnId = 0;

  /**
   * @param fnId - The number of the function, which itself isn't kept here, nor what it captures.
   * @param calledFrom - Frames above this function are left out.
   */
  capture(fnId: number, calledFrom: (...args: never[]) => unknown): SubmissionStack {
    if (this.#left < 1 && fnId === this.#lastFnId && this.#last !== undefined) {
      this.#unlooked += 1;
      if (this.#unlooked % LOOK_EVERY !== 0) return (this.#lastNearby ??= new NearbyStack(this.#last));
      const nowMs = performance.now();
      this.#left = Math.min(BURST, this.#left + ((nowMs - this.#refilledMs) * 1000) / PAUSE_US);
      this.#refilledMs = nowMs;
      if (this.#left < 1) return (this.#lastNearby ??= new NearbyStack(this.#last));
    }
    this.#left = Math.max(0, this.#left - 1);
    const captured = new CapturedStack();
    Error.captureStackTrace(captured, calledFrom);
    this.#last = captured;
    this.#lastNearby = undefined;
    this.#lastFnId = fnId;
    return captured;
  }
}
