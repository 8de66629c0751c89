/** The types of what maps take and give. */

/** Anything that a map can iterate over, sync or async. */
export type AnyIterable<T> = Iterable<T> | AsyncIterable<T>;

/** The iterables whose items are the arguments of a function. */
export type IterablesOf<A extends readonly unknown[]> = { [K in keyof A]: AnyIterable<A[K]> };

/** What a call of a map was made of: the item of its iterable; of several iterables, the tuple of their items. */
export type MappedItem<A extends readonly unknown[]> = A extends readonly [infer One]
  ? One
  : A extends readonly [unknown, unknown, ...unknown[]]
    ? A
    : A | A[0];

/** What came of one item of a map with `onError: "continue"`, as `Promise.allSettled` has it. */
export type MapOutcome<I, R> = {
  /** The place of the item in the iteration, from 0 on. */
  readonly index: number;
  /** The item; with several iterables, the array of their items. */
  readonly item: I;
} & (
  | {
      readonly status: "fulfilled";
      /** The result. */
      readonly value: R;
    }
  | {
      readonly status: "rejected";
      /** What the call has failed with. */
      readonly reason: unknown;
    }
);
