import { WORKERS } from "./contender.js";
import type { Contender } from "./contender.js";
import type { LoadContender } from "./contender.js";

/** How much of everything; the same for all contenders of one run. */
export interface Sizes {
  /** No-op tasks submitted at once. */
  readonly tasks: number;
  /** No-op tasks with 64 in flight. */
  readonly inFlightTasks: number;
  /** No-op tasks submitted at once to those that can take very many. */
  readonly manyTasks: number;
  /** Tasks of 50 µs. */
  readonly shortTasks: number;
  /** Round trips, one after the other. */
  readonly trips: number;
  /** Trips of a large array, each way, of which the median counts; one more goes before them. */
  readonly bigTrips: number;
  /** No-op tasks that go before, twice, so that V8 has compiled what is measured. */
  readonly warmTasks: number;
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
  /** The names of those who are measured; everybody when it is absent. */
  readonly contenders?: readonly string[];
  /** Whether its tasks have binary data. */
  readonly hasBytes?: boolean;
  /** Takes too long for `--quick`. */
  readonly isSlow?: boolean;
  /** Measures, and checks every result. */
  run(load: LoadContender, sizes: Sizes): Promise<Record<string, number>>;
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

/** Opens a contender, brings its workers to life and V8 to speed, and closes it whatever happens. */
export async function withWarm<T>(
  load: LoadContender,
  { warmTasks }: Pick<Sizes, "warmTasks">,
  body: (contender: Contender) => Promise<T>,
  workers = WORKERS,
): Promise<T> {
  const contender = (await load())(workers);
  try {
    await waitForWorkers(contender, workers);
    await burst(contender, warmTasks);
    await burst(contender, warmTasks);
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

/** Waits until all workers have answered. */
export async function waitForWorkers(contender: Contender, workers: number): Promise<void> {
  const seen = new Set<unknown>();
  while (seen.size < workers) {
    const tasks = Array.from({ length: workers }, () => contender.run("workerId", 1));
    for (const id of await Promise.all(tasks)) seen.add(id);
  }
  check(seen.size === workers, "there are more workers than were asked for");
}
