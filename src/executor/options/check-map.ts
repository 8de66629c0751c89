import { isPromise } from "node:util/types";

import { InvalidOptionError } from "../../errors.js";
import { PromisePassedError } from "../../errors.js";
import { showValue } from "../../show-value.js";

/** As `for await` asks: what has neither method can't be iterated, nor can what throws when it is asked. */
function isIterable(value: unknown): boolean {
  try {
    if (value === undefined || value === null) return false;
    const { [Symbol.asyncIterator]: later, [Symbol.iterator]: atOnce } = Object(value) as Record<symbol, unknown>;
    return typeof (later ?? atOnce) === "function";
  } catch {
    return false;
  }
}

/** @throws InvalidOptionError, or PromisePassedError, for what a map can't run. */
export function checkMapArguments(call: "map" | "mapUnordered", fn: unknown, iterables: readonly unknown[]): void {
  if (isPromise(fn)) throw new PromisePassedError();
  if (typeof fn !== "function") {
    throw new InvalidOptionError(
      "fn",
      `${call}() takes the function first, then what to run it over: ${call}(fn, [1, 2]). It was given ${showValue(fn)} first.`,
    );
  }
  for (const [index, iterable] of iterables.entries()) {
    if (isIterable(iterable)) continue;
    const advice = isPromise(iterable)
      ? "Await it first."
      : "Pass an array, a generator, a stream or another sync or async iterable.";
    throw new InvalidOptionError(
      `iterables[${index}]`,
      `${call}() takes iterables after the function, but was given ${showValue(iterable)}. ${advice}`,
    );
  }
}
