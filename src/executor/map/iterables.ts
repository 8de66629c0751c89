import type { AnyIterable } from "../options/map-types.js";

/** What gives items, one after the other. */
export type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

/** As `for await` does: a text has no asynchronous iterator, and something else may have one that is `undefined`. */
function iteratorOf(iterable: AnyIterable<unknown>): AnyIterator {
  const { [Symbol.asyncIterator]: later } = iterable as Partial<AsyncIterable<unknown>>;
  return later == null ? (iterable as Iterable<unknown>)[Symbol.iterator]() : later.call(iterable);
}

/** Whatever comes of a promise, as something that never rejects. */
export async function settled(promise: Promise<unknown>): Promise<undefined> {
  try {
    await promise;
  } catch {
    // Whoever awaits the promise itself hears of it.
  }
  return undefined;
}

/** How iterables are closed. */
export interface Closing {
  /** One may still be asked for its next item: that can't be waited for, as the item may never come. */
  readonly isAsked: boolean;
  /** Something else went wrong before, which is what the user is to hear of. */
  readonly hasFailed: boolean;
}

/** Closes all iterables, as `for ... of` closes one. @throws The first error of those that can't be closed. */
export async function close(iterators: readonly AnyIterator[], { isAsked, hasFailed }: Closing): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  for (const iterator of iterators) {
    try {
      const closing = iterator.return?.();
      if (isAsked) void settled(Promise.resolve(closing));
      else await closing;
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure !== undefined && !hasFailed) throw failure.error;
}

/** Opens the iterables: all, or none of them stays open. */
export async function open(iterables: readonly AnyIterable<unknown>[]): Promise<AnyIterator[]> {
  const iterators: AnyIterator[] = [];
  try {
    for (const iterable of iterables) iterators.push(iteratorOf(iterable));
    return iterators;
  } catch (error) {
    await close(iterators, { isAsked: false, hasFailed: true });
    throw error;
  }
}
