import { appendSubmissionStack } from "../wire/error-codec.js";
import { decodeThrown } from "../wire/error-codec.js";
import type { ProcessFuture } from "./process-future.js";
import type { SubmissionStack } from "./submission-stack.js";

/** What `map` takes: anything that can be iterated, at once or over time. */
export type AnyIterable<T> = Iterable<T> | AsyncIterable<T>;

/** The outcome of one chunk, as a worker sends it. */
export interface ChunkResult<T> {
  readonly results: readonly T[];
  /** The encoded error that ended the chunk early. */
  readonly failure?: Uint8Array;
}

/** How a map runs. */
export interface MapPlan<T> {
  readonly iterables: readonly AnyIterable<unknown>[];
  readonly chunkSize: number;
  readonly maxInFlight: number;
  /** Where `map` was called. */
  readonly stack: SubmissionStack;
  submitChunk(argLists: readonly unknown[][]): ProcessFuture<ChunkResult<T>>;
}

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

function iteratorOf(iterable: AnyIterable<unknown>): AnyIterator {
  return Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
}

/** Takes up to `chunkSize` argument lists; fewer when the shortest iterable has ended. */
async function takeChunk(iterators: readonly AnyIterator[], chunkSize: number): Promise<unknown[][]> {
  const chunk: unknown[][] = [];
  while (chunk.length < chunkSize) {
    const args: unknown[] = [];
    for (const iterator of iterators) {
      // The next item is only asked for when the one before it is there: an iterator may not be asked twice at a time.
      const next = await iterator.next();
      if (next.done === true) return chunk;
      args.push(next.value);
    }
    chunk.push(args);
  }
  return chunk;
}

/** Whatever comes of a promise, as something that never rejects. */
async function settled(promise: Promise<unknown>): Promise<undefined> {
  try {
    await promise;
  } catch {
    // Whoever awaits the promise itself hears of it.
  }
  return undefined;
}

function thrownIn(failure: Uint8Array, { stack = "" }: SubmissionStack): unknown {
  const error = decodeThrown(failure);
  appendSubmissionStack(error, stack);
  return error;
}

/** Closes the iterables. One that is still asked for its next item can't be waited for: the item may never come. */
async function close(iterators: readonly AnyIterator[], isAsked: boolean): Promise<void> {
  for (const iterator of iterators) {
    const closing = iterator.return?.();
    if (isAsked) void settled(Promise.resolve(closing));
    else await closing;
  }
}

/**
 * Runs a function over iterables and gives its results in their order.
 *
 * Lazy: items are taken from the iterables only as results are asked for, and never more than `maxInFlight` chunks are under
 * way. A result that is there doesn't wait for a slow iterable. Leaving the loop early cancels what is under way and
 * closes the iterables.
 */
export async function* mapResults<T>(plan: MapPlan<T>): AsyncGenerator<Awaited<T>, void, undefined> {
  const iterators = plan.iterables.map(iteratorOf);
  const inFlight: ProcessFuture<ChunkResult<T>>[] = [];
  let isExhausted = iterators.length === 0;
  let taking: Promise<unknown[][]> | undefined;
  try {
    while (true) {
      while (!isExhausted && inFlight.length < plan.maxInFlight) {
        taking ??= takeChunk(iterators, plan.chunkSize);
        const [first] = inFlight;
        const chunk = await (first === undefined ? taking : Promise.race([taking, settled(first)]));
        if (chunk === undefined) break;
        taking = undefined;
        isExhausted = chunk.length < plan.chunkSize;
        if (chunk.length > 0) {
          const future = plan.submitChunk(chunk);
          // Its failure is reported when its turn comes; until then it is not unhandled.
          future.catch(() => {});
          inFlight.push(future);
        }
      }
      const next = inFlight.shift();
      if (next === undefined) return;
      const { results, failure } = await next;
      for (const result of results) yield result as Awaited<T>;
      if (failure !== undefined) throw thrownIn(failure, plan.stack);
    }
  } finally {
    for (const future of inFlight) future.cancel("The map was left before its end.");
    if (taking !== undefined) void settled(taking);
    await close(iterators, taking !== undefined);
  }
}
