/** What waits for futures, as its counterparts in Python's concurrent.futures do. */

import { checkAsCompletedOptions } from "./options/check-wait.js";
import { checkWaitOptions } from "./options/check-wait.js";
import { completionsOf } from "./outcome/completions.js";
import { waitFor } from "./outcome/completions.js";
import type { AsCompletedOptions } from "./options/check-wait.js";
import type { Completion } from "./outcome/completions.js";
import type { WaitOptions } from "./options/check-wait.js";
import type { Waited } from "./outcome/completions.js";

/**
 * Gives futures in the order in which they settle, each with what came of it: `{ future, status, value }` or
 * `{ future, status, reason }`. A failure doesn't end the loop, and is no unhandled rejection, also when the loop has
 * not reached it. A future that is there twice is given once. Leaving the loop cancels nothing.
 *
 * @param futures - Futures, or any promises.
 * @returns An async iterable. It fails with a `WaitTimeoutError` when futures are pending `timeoutMs` after the call.
 * @throws InvalidOptionError for what is no list of futures, and for wrong options.
 */
export function asCompleted<F extends PromiseLike<unknown>>(
  futures: Iterable<F>,
  options: AsCompletedOptions = {},
): AsyncIterableIterator<Completion<F>, undefined> {
  const { timeoutMs } = checkAsCompletedOptions(options);
  return completionsOf(futures, timeoutMs);
}

/**
 * Waits until some of the futures have settled, or all of them. It cancels nothing, and failures of the futures are no
 * unhandled rejections.
 *
 * @param futures - Futures, or any promises.
 * @returns Resolves with the futures that have settled, and with the others; also when `timeoutMs` is over. Rejects
 * with an `InvalidOptionError` for what is no list of futures, and for wrong options.
 */
export async function wait<F extends PromiseLike<unknown>>(
  futures: Iterable<F>,
  options: WaitOptions = {},
): Promise<Waited<F>> {
  const { returnWhen = "ALL_COMPLETED", timeoutMs } = checkWaitOptions(options);
  return await waitFor(futures, returnWhen, timeoutMs);
}
