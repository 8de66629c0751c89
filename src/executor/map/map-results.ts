import { appendSubmissionStack } from "../../values/thrown.js";
import { ChunkResult } from "../outcome/settle-future.js";
import { ChunkTaker } from "./chunk-taker.js";
import { close } from "./iterables.js";
import { FailedCall } from "../outcome/settle-future.js";
import { Flight } from "./flight.js";
import { open } from "./iterables.js";
import { settled } from "./iterables.js";
import { stackOf } from "../../values/errors/stacks.js";
import { unlessAborted } from "../../live/abort-subscriptions.js";
import type { AnyIterator } from "./iterables.js";
import type { Chunk } from "./chunk-taker.js";
import type { Landing } from "./flight.js";
import type { MapOutcome } from "../options/map-types.js";
import type { MapPlan } from "./map-plan.js";

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

/** A map on its way. */
class Run {
  readonly #plan: MapPlan;
  readonly #exit: Exit;
  readonly #iterators: readonly AnyIterator[];
  readonly #taker: ChunkTaker;
  readonly #flight: Flight;
  #taking: Promise<Chunk> | undefined;

  constructor(plan: MapPlan, exit: Exit, iterators: readonly AnyIterator[]) {
    this.#plan = plan;
    this.#exit = exit;
    this.#iterators = iterators;
    this.#taker = new ChunkTaker(iterators, plan);
    this.#flight = new Flight(plan.isOrdered);
  }

  /**
   * Waits for the next results, and sees to it that as many chunks are under way as may be.
   *
   * @returns `undefined` when all results were given, or the map is left.
   * @throws What ended the iterables in place of their end, after all results.
   */
  async next(): Promise<Landing | undefined> {
    await this.#fill();
    if (this.#exit.isTaken) return undefined;
    if (this.#flight.size === 0) {
      if (this.#taker.failure === undefined) return undefined;
      throw this.#taker.failure.error;
    }
    await this.#exit.wait(this.#flight.landed());
    return this.#exit.isTaken ? undefined : this.#flight.takeLanding();
  }

  get #hasRoom(): boolean {
    return !this.#exit.isTaken && this.#flight.size < this.#plan.maxInFlight;
  }

  async #fill(): Promise<void> {
    while (this.#hasRoom && (this.#taking !== undefined || !this.#taker.isDone)) {
      // What is there is given before more is waited for.
      if (this.#flight.size > 0 && !this.#plan.hasRoom()) return;
      this.#taking ??= this.#taker.take();
      const chunk = await this.#exit.wait(this.#takenBefore(this.#taking));
      if (chunk === undefined) return;
      this.#taking = undefined;
      this.#taker.handOver();
      if (!chunk.isEmpty) await this.#submit(chunk);
    }
  }

  /** The chunk that is being taken; nothing when results are there before: they don't wait for a slow iterable. */
  #takenBefore(taking: Promise<Chunk>): Promise<Chunk | undefined> {
    const { signal } = this.#plan;
    const coming = this.#flight.size === 0 ? taking : Promise.race([taking, this.#flight.landed()]);
    return signal === undefined ? coming : unlessAborted(signal, coming);
  }

  async #submit(chunk: Chunk): Promise<void> {
    if (!this.#plan.hasRoom() && !(await this.#findsRoom(chunk))) return;
    const future = this.#plan.submit(chunk.taken);
    // Refused at once, and not for what is in it: so would be all others.
    if (future.done && !chunk.taken.hasFailed) this.#taker.fail(await future.exception());
    else this.#flight.add(chunk, future);
  }

  /** Waits until the executor takes the chunk; false when it won't be wanted any more. */
  async #findsRoom(chunk: Chunk): Promise<boolean> {
    const { signal } = this.#plan;
    try {
      while (!this.#exit.isTaken && !this.#plan.hasRoom()) {
        const room = this.#plan.room();
        await this.#exit.wait(signal === undefined ? room : unlessAborted(signal, room));
      }
      if (!this.#exit.isTaken) return true;
    } catch (error) {
      this.#taker.fail(error);
    }
    chunk.taken.release();
    return false;
  }

  /** The results in what has landed. @throws What a call has failed with, unless the map goes on. */
  *resultsIn(landing: Landing): Generator<unknown, void> {
    let index = landing.chunk.firstIndex;
    for (const result of this.#callsOf(landing)) {
      if (this.#plan.goesOn) yield outcomeOf(result, index, landing.chunk);
      else if (result instanceof FailedCall) throw result.error;
      else yield result;
      index += 1;
    }
  }

  /** Of each call its result, or a `FailedCall`. @throws What all of it has failed with, if that ends the map. */
  #callsOf({ chunk, outcome }: Landing): readonly unknown[] {
    if ("error" in outcome) {
      const { error } = outcome;
      if (!this.#plan.goesOn || this.#plan.isEnding()) throw error;
      return Array.from({ length: chunk.callCount }, () => new FailedCall(error));
    }
    if (!(outcome.value instanceof ChunkResult)) return [outcome.value];
    const { results } = outcome.value;
    for (const result of results) {
      if (result instanceof FailedCall) appendSubmissionStack(result.error, stackOf(this.#plan.stack) ?? "");
    }
    return results;
  }

  /** Cancels what is under way, and closes the iterables. @throws What these throw, unless the map has failed. */
  async end(hasFailed: boolean): Promise<void> {
    this.#flight.cancel();
    this.#taker.release();
    if (this.#taking !== undefined) void settled(this.#taking);
    const isAsked = this.#taking !== undefined || this.#taker.isAsking;
    await close(this.#iterators, { isAsked, hasFailed });
  }
}

function outcomeOf(result: unknown, index: number, chunk: Chunk): MapOutcome<unknown, unknown> {
  const item = chunk.itemAt(index - chunk.firstIndex);
  if (result instanceof FailedCall) return { index, item, status: "rejected", reason: result.error };
  return { index, item, status: "fulfilled", value: result };
}

async function* runMap<T>(plan: MapPlan, exit: Exit): AsyncGenerator<T, void, undefined> {
  const run = new Run(plan, exit, await open(plan.iterables));
  const progress = plan.startProgress();
  let hasFailed = false;
  try {
    for (let landing = await run.next(); landing !== undefined; landing = await run.next()) {
      for (const result of run.resultsIn(landing)) {
        progress?.note(plan.goesOn && (result as MapOutcome<unknown, unknown>).status === "rejected");
        yield result as T;
      }
    }
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    progress?.end();
    await run.end(hasFailed);
  }
}

/**
 * Runs a function over iterables and gives its results.
 *
 * Lazy: items are taken from the iterables only as results are asked for, and never more than `maxInFlight` chunks are
 * under way. A result that is there doesn't wait for a slow iterable. Leaving the loop early cancels what is under way
 * and closes the iterables; so do `return()` and `throw()`, also while a result is waited for, which then is the end.
 */
export function mapResults<T>(plan: MapPlan): AsyncGenerator<T, void, undefined> {
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
