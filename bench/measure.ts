import type { Contender } from "./contender.js";

/** How much of everything; the same for all contenders of one run. */
export interface Sizes {
  /** No-op tasks submitted at once, and with 64 in flight. */
  readonly tasks: number;
  /** Tasks of 50 µs. */
  readonly shortTasks: number;
  /** Round trips, one after the other. */
  readonly trips: number;
  /** Trips of a large array, each way, of which the median counts; one more goes before them. */
  readonly bigTrips: number;
  /** Tasks that wait while memory is measured. */
  readonly queuedTasks: number;
  /** Steps of `churn` that take about 50 µs here. */
  readonly stepsPer50us: number;
}

/** One line of the table. */
export interface Row {
  readonly key: string;
  readonly title: string;
  readonly unit: string;
  readonly isHigherBetter: boolean;
}

/** Something to be measured, in a process of its own. It gives one number for each of its rows. */
export interface Measure {
  readonly id: string;
  rows(sizes: Sizes): readonly Row[];
  /** Only asynccpu can do it. */
  readonly isOwn?: boolean;
  /** Only with `--full`: it takes long, or much memory. */
  readonly isOnlyFull?: boolean;
  /**
   * Measures, and checks every result.
   *
   * @param open - Makes a fresh contender; the measure closes it.
   */
  run(open: () => Contender, sizes: Sizes): Promise<Record<string, number>>;
}

/** @throws Error when a result is not what it must be: a figure for wrong results is worth nothing. */
export function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`Wrong result: ${what}.`);
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Opens a contender, brings both children to life and V8 to speed, and closes it whatever happens. */
export async function withWarm<T>(open: () => Contender, body: (contender: Contender) => Promise<T>): Promise<T> {
  const contender = open();
  try {
    await distinctChildren(contender);
    await burst(contender, 3000);
    await burst(contender, 3000);
    return await body(contender);
  } finally {
    await contender.close();
  }
}

/** Submits no-op tasks in one turn, awaits and checks all. */
export async function burst(contender: Contender, count: number): Promise<void> {
  const results: Promise<unknown>[] = [];
  for (let i = 0; i < count; i += 1) results.push(contender.run("noop", i));
  const values = await Promise.all(results);
  check(
    values.length === count && values.every((value, i) => value === i),
    "a no-op task gave something else than its argument",
  );
}

/** Waits until both children have answered; gives their process ids. */
export async function distinctChildren(contender: Contender): Promise<number[]> {
  const seen = new Set<number>();
  while (seen.size < 2) {
    const pids = await Promise.all([contender.run("processId", 1), contender.run("processId", 1)]);
    for (const pid of pids) seen.add(Number(pid));
  }
  return [...seen];
}
