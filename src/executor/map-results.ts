import { appendSubmissionStack } from "../values/thrown.js";
import { ChunkResult } from "./outcome/settle-future.js";
import { stackOf } from "../values/errors/stacks.js";
import { unlessAborted } from "../live/abort-subscriptions.js";
import type { ProcessFuture } from "./outcome/process-future.js";
import type { SubmissionStack } from "./outcome/submission-stack.js";
import type { TakenArguments } from "./submit/encoded-arguments.js";

/** Anything that `map` can iterate over, sync or async. */
export type AnyIterable<T> = Iterable<T> | AsyncIterable<T>;

/** How a map runs. */
export interface MapPlan {
  readonly iterables: readonly AnyIterable<unknown>[];
  readonly chunkSize: number;
  readonly maxInFlight: number;
  /** Ends the map when it is aborted, also while it waits for an item. */
  readonly signal: AbortSignal | undefined;
  /** Where `map` was called. */
  readonly stack: SubmissionStack;
  /** Begins a chunk. */
  takeArguments(): TakenArguments;
  /** Its future gives a `ChunkResult`; that of a single call gives what the call gives. */
  submit(taken: TakenArguments): ProcessFuture<unknown>;
}

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

/** As `for await` does: a text has no asynchronous iterator, and something else may have one that is `undefined`. */
function iteratorOf(iterable: AnyIterable<unknown>): AnyIterator {
  const { [Symbol.asyncIterator]: later } = iterable as Partial<AsyncIterable<unknown>>;
  return later == null ? (iterable as Iterable<unknown>)[Symbol.iterator]() : later.call(iterable);
}

/** Takes items, and makes chunks of them. */
class ChunkTaker {
  readonly #iterators: readonly AnyIterator[];
  readonly #plan: MapPlan;
  /** The chunk that is being filled, or is full and has not been handed over. */
  #current: TakenArguments | undefined;
  /** A chunk that was begun with what didn't fit into the one before it. */
  #next: TakenArguments | undefined;
  #isLeft = false;
  #isExhausted: boolean;
  /** What ended the iterables in place of their end. */
  failure: { readonly error: unknown } | undefined;

  constructor(iterators: readonly AnyIterator[], plan: MapPlan) {
    this.#iterators = iterators;
    this.#plan = plan;
    this.#isExhausted = iterators.length === 0;
  }

  /** Whether nothing is left to take. */
  get isDone(): boolean {
    return this.#isExhausted && this.#next === undefined;
  }

  /**
   * Takes up to `chunkSize` argument lists, each as it is when it is there; fewer when the shortest iterable has
   * ended, or one of them has failed. What came before that counts, so it never rejects because of an iterable.
   */
  async take(): Promise<TakenArguments> {
    const chunk = this.#next ?? this.#plan.takeArguments();
    this.#current = chunk;
    this.#next = undefined;
    try {
      while (chunk.length < this.#plan.chunkSize && !chunk.hasFailed) {
        const args = await this.#takeList();
        // The item came after all, when nobody wants it any more.
        if (this.#isLeft) break;
        if (args === undefined) {
          this.#isExhausted = true;
          break;
        }
        if (chunk.add(args)) continue;
        this.#next = this.#plan.takeArguments();
        this.#next.add(args);
        break;
      }
    } catch (error) {
      this.failure = { error };
      this.#isExhausted = true;
    }
    return chunk;
  }

  async #takeList(): Promise<unknown[] | undefined> {
    const args: unknown[] = [];
    for (const iterator of this.#iterators) {
      // The next item is only asked for when the one before it is there: an iterator may not be asked twice at a time.
      const next = await iterator.next();
      if (next.done === true) return undefined;
      args.push(next.value);
    }
    return args;
  }

  /** The chunk that was taken is somebody else's from now on. */
  handOver(): void {
    this.#current = undefined;
  }

  /** Gives back what was taken and not handed over, at once: the next item may never come. */
  release(): void {
    this.#isLeft = true;
    this.#current?.release();
    this.#next?.release();
  }
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

/** How iterables are closed. */
interface Closing {
  /** One may still be asked for its next item: that can't be waited for, as the item may never come. */
  readonly isAsked: boolean;
  /** Something else went wrong before, which is what the user is to hear of. */
  readonly hasFailed: boolean;
}

/** Closes all iterables, as `for ... of` closes one. @throws The first error of those that can't be closed. */
async function close(iterators: readonly AnyIterator[], { isAsked, hasFailed }: Closing): Promise<void> {
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
async function open(iterables: readonly AnyIterable<unknown>[]): Promise<AnyIterator[]> {
  const iterators: AnyIterator[] = [];
  try {
    for (const iterable of iterables) iterators.push(iteratorOf(iterable));
    return iterators;
  } catch (error) {
    await close(iterators, { isAsked: false, hasFailed: true });
    throw error;
  }
}

/** Leaves a map at once, whatever it waits for: a generator by itself would take notice when that is there. */
class Exit {
  #isTaken = false;
  #cancelWait: (() => void) | undefined;

  get isTaken(): boolean {
    return this.#isTaken;
  }

  take(): void {
    this.#isTaken = true;
    this.#cancelWait?.();
  }

  /** @returns What comes of the promise; `undefined` when the map is left before. */
  wait<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#cancelWait = () => resolve(undefined);
      promise.then(resolve, reject);
    });
  }
}

/** The chunk that is being taken; nothing when a result is there before: that doesn't wait for a slow iterable. */
function takenBefore(
  first: ProcessFuture<unknown> | undefined,
  taking: Promise<TakenArguments>,
  signal: AbortSignal | undefined,
): Promise<TakenArguments | undefined> {
  const coming = first === undefined ? taking : Promise.race([taking, settled(first)]);
  return signal === undefined ? coming : unlessAborted(signal, coming);
}

/** Submits a chunk, unless there is nothing in it. */
function submitted(chunk: TakenArguments, plan: MapPlan): readonly ProcessFuture<unknown>[] {
  if (chunk.length === 0 && !chunk.hasFailed) return [];
  const future = plan.submit(chunk);
  // Its failure is reported when its turn comes; until then it is not unhandled.
  future.catch(() => {});
  return [future];
}

/** The results of a chunk, or of a single call. @throws What a call of the chunk has failed with, after them. */
function* resultsIn(outcome: unknown, plan: MapPlan): Generator<unknown, void> {
  if (!(outcome instanceof ChunkResult)) {
    yield outcome;
    return;
  }
  yield* outcome.results;
  if (outcome.failure === undefined) return;
  const { error } = outcome.failure;
  appendSubmissionStack(error, stackOf(plan.stack) ?? "");
  throw error;
}

async function* runMap<T>(plan: MapPlan, exit: Exit): AsyncGenerator<Awaited<T>, void, undefined> {
  const iterators = await open(plan.iterables);
  const taker = new ChunkTaker(iterators, plan);
  const inFlight: ProcessFuture<unknown>[] = [];
  let taking: Promise<TakenArguments> | undefined;
  let hasFailed = false;
  try {
    while (!exit.isTaken) {
      while (inFlight.length < plan.maxInFlight && (taking !== undefined || !taker.isDone)) {
        taking ??= taker.take();
        const chunk = await exit.wait(takenBefore(inFlight[0], taking, plan.signal));
        if (chunk === undefined) break;
        taking = undefined;
        taker.handOver();
        inFlight.push(...submitted(chunk, plan));
      }
      if (exit.isTaken) return;
      const [next] = inFlight;
      if (next === undefined) {
        if (taker.failure === undefined) return;
        throw taker.failure.error;
      }
      const outcome = await exit.wait(next);
      if (exit.isTaken) return;
      void inFlight.shift();
      for (const result of resultsIn(outcome, plan)) yield result as Awaited<T>;
    }
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    for (const future of inFlight) future.cancel("The map was left before its end.");
    taker.release();
    if (taking !== undefined) void settled(taking);
    await close(iterators, { isAsked: taking !== undefined, hasFailed });
  }
}

/**
 * Runs a function over iterables and gives its results in their order.
 *
 * Lazy: items are taken from the iterables only as results are asked for, and never more than `maxInFlight` chunks are
 * under way. A result that is there doesn't wait for a slow iterable. Leaving the loop early cancels what is under way
 * and closes the iterables; so do `return()` and `throw()`, also while a result is waited for, which then is the end.
 */
export function mapResults<T>(plan: MapPlan): AsyncGenerator<Awaited<T>, void, undefined> {
  const exit = new Exit();
  const results = runMap<T>(plan, exit);
  const { return: finish, throw: fail } = results;
  results.return = (value) => {
    exit.take();
    return finish.call(results, value);
  };
  results.throw = (error) => {
    exit.take();
    return fail.call(results, error);
  };
  return results;
}
