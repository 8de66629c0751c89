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
  /**
   * Tasks of each burst that goes before, so that V8 has compiled what is measured; a quarter where tasks are long.
   */
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

/** How long something takes, in milliseconds. */
export async function timeMs(body: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

/**
 * So many bursts of its own kind go before a measure of many tasks; the time of each falls until V8 has compiled all,
 * about the sixth.
 */
const WARM_BURSTS = 6;

/** Where tasks take longer than all that is beside them, so many no-op ones do. */
const SHORT_WARM_UP_BURSTS = 2;

/** Warms a path up: runs bursts of so many tasks of some kind through it. */
export async function warmUp(
  warmTasks: number,
  submit: (count: number) => Promise<void>,
  bursts: number = WARM_BURSTS,
): Promise<void> {
  for (let i = 0; i < bursts; i += 1) await submit(warmTasks);
}

/** Opens a contender, brings its workers to life, and closes it whatever happens. */
export async function withReady<T>(
  load: LoadContender,
  body: (contender: Contender) => Promise<T>,
  workers: number = WORKERS,
): Promise<T> {
  const contender = (await load())(workers);
  try {
    await waitForWorkers(contender, workers);
    return await body(contender);
  } finally {
    await contender.close();
  }
}

/** As `withReady`, and brings V8 to some speed with no-op tasks. */
export function withWarm<T>(
  load: LoadContender,
  { warmTasks }: Pick<Sizes, "warmTasks">,
  body: (contender: Contender) => Promise<T>,
  workers: number = WORKERS,
): Promise<T> {
  return withReady(
    load,
    async (contender) => {
      await warmUp(warmTasks, (count) => burst(contender, count), SHORT_WARM_UP_BURSTS);
      return body(contender);
    },
    workers,
  );
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
