import { FillTime } from "./chunk-limits.js";
import { fixedLimits } from "./chunk-limits.js";
import { isThenable } from "../../values/classes/thenable.js";
import { LATE } from "./chunk-limits.js";
import { MeasuredLimits } from "./chunk-limits.js";
import { settled } from "./iterables.js";
import type { AnyIterator } from "./iterables.js";
import type { ChunkLimits } from "./chunk-limits.js";
import type { MapPlan } from "./map-plan.js";
import type { TakenArguments } from "../submit/encoded-arguments.js";

type ArgumentList = readonly unknown[];

/** Calls that go to a worker together. */
export class Chunk {
  readonly taken: TakenArguments;
  /** The place of its first call in the iteration. */
  readonly firstIndex: number;
  readonly #lists: ArgumentList[] | undefined;

  /** @param isKept - Whether the arguments are kept as they are here, too. */
  constructor(taken: TakenArguments, firstIndex: number, isKept: boolean) {
    this.taken = taken;
    this.firstIndex = firstIndex;
    this.#lists = isKept ? [] : undefined;
  }

  get isEmpty(): boolean {
    return this.taken.length === 0 && !this.taken.hasFailed;
  }

  /** How many calls it is. A single one whose arguments can't be sent counts. */
  get callCount(): number {
    return this.taken.hasFailed ? 1 : this.taken.length;
  }

  /** Takes a call. @returns Whether it is in; if not, it belongs into a chunk of its own. */
  add(list: ArgumentList): boolean {
    if (!this.taken.add(list)) return false;
    this.#lists?.push(list);
    return true;
  }

  /** What a call was made of: the item of one iterable, or those of several. */
  itemAt(place: number): unknown {
    const list = this.#lists?.[place];
    return list?.length === 1 ? list[0] : list;
  }
}

/** Takes items, and makes chunks of them. */
export class ChunkTaker {
  readonly #iterators: readonly AnyIterator[];
  readonly #plan: MapPlan;
  readonly #measured = new MeasuredLimits();
  /** The next list, which was asked for, and for which a chunk didn't wait. */
  #coming: Promise<ArgumentList | undefined> | undefined;
  /** The chunk that is being filled, or is full and has not been handed over. */
  #current: Chunk | undefined;
  /** A chunk that was begun with what didn't fit into the one before it. */
  #next: Chunk | undefined;
  #takenCount = 0;
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

  /** Whether an iterable was asked for an item that has not come. */
  get isAsking(): boolean {
    return this.#coming !== undefined;
  }

  /**
   * Takes the lists of a chunk, each as it is when it is there; fewer when the shortest iterable has ended, or one of
   * them has failed. What came before that counts, so it never rejects because of an iterable.
   */
  async take(): Promise<Chunk> {
    const chunk = this.#next ?? this.#begin();
    this.#current = chunk;
    this.#next = undefined;
    const limits = this.#limits();
    const time = limits.size === 1 || limits.fillMs === Infinity ? undefined : new FillTime(limits.fillMs);
    try {
      await this.#fill(chunk, limits, time);
    } catch (error) {
      this.fail(error);
    } finally {
      time?.end();
    }
    return chunk;
  }

  #begin(): Chunk {
    return new Chunk(this.#plan.takeArguments(), this.#takenCount, this.#plan.goesOn);
  }

  #limits(): ChunkLimits {
    const { chunkSize } = this.#plan;
    return chunkSize === undefined ? this.#measured.next(this.#plan.callUs()) : fixedLimits(chunkSize);
  }

  async #fill(chunk: Chunk, { size, fullBytes }: ChunkLimits, time: FillTime | undefined): Promise<void> {
    const { taken } = chunk;
    while (taken.length < size && taken.sizeBytes < fullBytes && !taken.hasFailed) {
      if (time?.isOver === true && !chunk.isEmpty) return;
      const asked = this.#coming ?? this.#takeList();
      const list = asked instanceof Promise ? await this.#await(asked, chunk.isEmpty ? undefined : time) : asked;
      // The item came after all, when nobody wants it any more.
      if (this.#isLeft || list === LATE) return;
      if (list === undefined) {
        this.#isExhausted = true;
        return;
      }
      if (!this.#add(list, chunk)) return;
    }
  }

  /** @returns Whether the list is in this chunk. */
  #add(list: ArgumentList, chunk: Chunk): boolean {
    const isIn = chunk.add(list);
    if (!isIn) {
      this.#next = this.#begin();
      this.#next.add(list);
    }
    this.#takenCount += 1;
    return isIn;
  }

  async #await(
    asked: Promise<ArgumentList | undefined>,
    time: FillTime | undefined,
  ): Promise<ArgumentList | undefined | typeof LATE> {
    this.#coming = asked;
    let isLate = false;
    try {
      const list = await (time === undefined ? asked : Promise.race([asked, time.late]));
      isLate = list === LATE;
      return list;
    } finally {
      // A failure of what comes late is the next chunk's to find.
      if (isLate) void settled(asked);
      else this.#coming = undefined;
    }
  }

  /** Without a promise where there is none: a list of a million items is taken as it is. */
  #takeList(): ArgumentList | undefined | Promise<ArgumentList | undefined> {
    const args: unknown[] = [];
    for (const iterator of this.#iterators) {
      const next = iterator.next();
      if (isThenable(next)) return this.#takeListLater(args, next as PromiseLike<IteratorResult<unknown>>);
      if (next.done === true) return undefined;
      args.push(next.value);
    }
    return args;
  }

  async #takeListLater(
    args: unknown[],
    first: PromiseLike<IteratorResult<unknown>>,
  ): Promise<ArgumentList | undefined> {
    let next = await first;
    while (next.done !== true) {
      args.push(next.value);
      const iterator = this.#iterators[args.length];
      if (iterator === undefined) return args;
      // The next item is only asked for when the one before it is there: an iterator may not be asked twice at a time.
      next = await iterator.next();
    }
    return undefined;
  }

  /** Nothing more is to be taken, because of this. */
  fail(error: unknown): void {
    this.failure ??= { error };
    this.#isExhausted = true;
    this.#next?.taken.release();
    this.#next = undefined;
  }

  /** The chunk that was taken is somebody else's from now on. */
  handOver(): void {
    this.#current = undefined;
  }

  /** Gives back what was taken and not handed over, at once: the next item may never come. */
  release(): void {
    this.#isLeft = true;
    this.#current?.taken.release();
    this.#next?.taken.release();
  }
}
