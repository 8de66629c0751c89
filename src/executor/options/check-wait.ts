import { checkInteger } from "./check-options.js";
import { InvalidOptionError } from "../../errors.js";
import { LONGEST_TIMER_MS } from "./check-options.js";
import { namesOf } from "../../option-names.js";
import { readOptions } from "../../option-names.js";
import type { OptionList } from "../../option-names.js";

/** Options of `asCompleted()`. */
export interface AsCompletedOptions {
  /** How long to wait for all of them, in milliseconds from the call on, 0 and more. Default: for ever. */
  readonly timeoutMs?: number | undefined;
}

/** Options of `wait()`. */
export interface WaitOptions {
  /**
   * What to wait for: the first future that settles, the first that fails (a cancelled one does not count), or all.
   * Default: `"ALL_COMPLETED"`.
   */
  readonly returnWhen?: "FIRST_COMPLETED" | "FIRST_EXCEPTION" | "ALL_COMPLETED" | undefined;
  /** How long to wait at most, in milliseconds, 0 and more. Default: for ever. */
  readonly timeoutMs?: number | undefined;
}

const OTHER_NAMES = { timeout: "timeoutMs", when: "returnWhen" };

const AS_COMPLETED_LIST: OptionList = {
  call: "asCompleted()",
  names: namesOf<AsCompletedOptions>({ timeoutMs: true }),
  example: "{ timeoutMs: 5000 }",
  otherNames: OTHER_NAMES,
};

const WAIT_LIST: OptionList = {
  call: "wait()",
  names: namesOf<WaitOptions>({ returnWhen: true, timeoutMs: true }),
  example: '{ returnWhen: "FIRST_COMPLETED" }',
  otherNames: OTHER_NAMES,
};

const RETURN_WHEN: ReadonlySet<unknown> = new Set([undefined, "FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"]);

/** @throws InvalidOptionError for an unknown option, and for one out of its range. */
export function checkAsCompletedOptions(given: AsCompletedOptions): AsCompletedOptions {
  const options = readOptions(given, { ...AS_COMPLETED_LIST, otherLists: [WAIT_LIST] });
  checkInteger("timeoutMs", options.timeoutMs, 0, LONGEST_TIMER_MS);
  return options;
}

/** @throws InvalidOptionError for an unknown option, and for one out of its range. */
export function checkWaitOptions(given: WaitOptions): WaitOptions {
  const options = readOptions(given, WAIT_LIST);
  checkInteger("timeoutMs", options.timeoutMs, 0, LONGEST_TIMER_MS);
  if (!RETURN_WHEN.has(options.returnWhen)) {
    throw new InvalidOptionError(
      "returnWhen",
      '"FIRST_COMPLETED", "FIRST_EXCEPTION" or "ALL_COMPLETED"',
      options.returnWhen,
    );
  }
  return options;
}
