/** Measures of many small tasks: the cost of a task beside its work. */

import { ASYNCCPU } from "./contender-names.js";
import { RAW_LIMIT } from "./contender-names.js";
import { WORKERS } from "./contender.js";
import { burst } from "./measure.js";
import { check } from "./measure.js";
import { churn } from "./jobs.js";
import { median } from "./measure.js";
import { peakRssMib } from "./process-memory.js";
import { timeMs } from "./measure.js";
import { warmUp } from "./measure.js";
import { withReady } from "./measure.js";
import { withWarm } from "./measure.js";
import type { Contender } from "./contender.js";
import type { JobName } from "./jobs.js";
import type { Measure } from "./measure.js";
import type { Row } from "./measure.js";
import type { TimedChurn } from "./jobs.js";

const IN_FLIGHT = 64;

/**
 * Bursts of tasks that do nothing go before long ones: so many times smaller than the others, as there are few to
 * follow.
 */
const SMALLER_WARM_UP = 4;

/** A millisecond, in units of 50 µs. */
const STEPS_FACTOR_PER_MS = 20;

/** Different seeds, and few enough to know each result beforehand. */
const SEEDS = [11, 22, 33, 44];

function thousands(count: number): string {
  return count.toLocaleString("en");
}

/** Watches the event loop while something runs; gives the longest time in which it did not turn. */
async function longestBlockMs(body: () => Promise<void>): Promise<number> {
  let last = performance.now();
  let longestMs = 0;
  const look = (): void => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last);
    last = now;
  };
  const timer = setInterval(look, 1);
  await body();
  look();
  clearInterval(timer);
  return longestMs;
}

/** Warms up first. One burst gives all three, because some need ten seconds for it. */
async function measureBurst(contender: Contender, count: number, warmTasks: number): Promise<Record<string, number>> {
  await warmUp(warmTasks, (warmCount) => burst(contender, warmCount));
  let wallMs = 0;
  const block = await longestBlockMs(async () => {
    wallMs = await timeMs(() => burst(contender, count));
  });
  return { rate: (count / wallMs) * 1000, block, peak: peakRssMib() };
}

function burstRows(count: number): readonly Row[] {
  return [
    { key: "rate", title: `${thousands(count)} no-op tasks submitted at once`, unit: "tasks/s", isHigherBetter: true },
    { key: "block", title: "longest block of the event loop meanwhile", unit: "ms", isHigherBetter: false },
    { key: "peak", title: "the parent's peak RSS meanwhile", unit: "MiB", isHigherBetter: false },
  ];
}

const atOnce: Measure = {
  id: "at-once",
  rows: ({ tasks, warmTasks }) => [
    ...burstRows(tasks),
    {
      key: "cold",
      title: `first ${thousands(warmTasks)} no-op tasks of a program`,
      unit: "ms",
      isHigherBetter: false,
    },
  ],
  run: (load, { tasks, warmTasks }) =>
    withReady(load, async (contender) => {
      const cold = await timeMs(() => burst(contender, warmTasks));
      return { ...(await measureBurst(contender, tasks, warmTasks)), cold };
    }),
};

const million: Measure = {
  id: "many-at-once",
  contenders: [ASYNCCPU, RAW_LIMIT],
  isSlow: true,
  rows: ({ manyTasks }) => burstRows(manyTasks),
  run: (load, { manyTasks, warmTasks }) =>
    withReady(load, (contender) => measureBurst(contender, manyTasks, warmTasks)),
};

/** No-op tasks by callers that each await one before the next. */
export async function runInFlight(contender: Contender, count: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const mine = next;
      next += 1;
      check((await contender.run("noop", mine)) === mine, "a no-op task gave something else than its argument");
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

const inFlight: Measure = {
  id: "in-flight",
  rows: () => [{ key: "rate", title: `no-op tasks, ${IN_FLIGHT} in flight`, unit: "tasks/s", isHigherBetter: true }],
  run: (load, { inFlightTasks: count, warmTasks }) =>
    withReady(load, async (contender) => {
      await warmUp(warmTasks, (warmCount) => runInFlight(contender, warmCount));
      return { rate: (count / (await timeMs(() => runInFlight(contender, count)))) * 1000 };
    }),
};

const roundTrip: Measure = {
  id: "round-trip",
  rows: () => [{ key: "p50", title: "round trip, one in flight, p50", unit: "µs", isHigherBetter: false }],
  run: (load, sizes) =>
    withWarm(load, sizes, async (contender) => {
      const { trips } = sizes;
      const timesUs: number[] = [];
      // The first three fifths warm the path of a lone task: V8 takes some 3,000 until it has compiled it, also that
      // of the raw limit.
      for (let i = 0; i < trips * 2.5; i += 1) {
        const start = performance.now();
        const value = await contender.run("noop", i);
        timesUs.push((performance.now() - start) * 1000);
        check(value === i, "a no-op task gave something else than its argument");
      }
      return { p50: median(timesUs.slice(-trips)) };
    }),
};

const shortTasks: Measure = {
  id: "short-tasks",
  rows: ({ shortTasks: count }) => [
    { key: "wall", title: `${thousands(count)} tasks of 50 µs CPU, wall`, unit: "ms", isHigherBetter: false },
  ],
  run: (load, { shortTasks, stepsPer50us, warmTasks }) =>
    withReady(load, async (contender) => {
      const expected = SEEDS.map((seed) => churn([stepsPer50us, seed]));
      const seedOf = (i: number): number => i % SEEDS.length;
      const submit = async (count: number): Promise<void> => {
        const results: Promise<unknown>[] = [];
        for (let i = 0; i < count; i += 1) results.push(contender.run("churn", [stepsPer50us, SEEDS[seedOf(i)]]));
        const values = await Promise.all(results);
        check(
          values.every((value, i) => value === expected[seedOf(i)]),
          "a task of 50 µs computed something else",
        );
      };
      await warmUp(Math.min(warmTasks, shortTasks), submit);
      return { wall: await timeMs(() => submit(shortTasks)) };
    }),
};

/** What is lost between tasks that take longer than the way to a worker. */
function overheadOf(id: string, count: number, durationMs: number): Measure {
  const title = `${count} tasks of ${durationMs} ms CPU, overhead over ideal`;
  return {
    id,
    rows: () => [{ key: "overhead", title, unit: "ms", isHigherBetter: false }],
    run: (load, { stepsPer50us, warmTasks }) =>
      withReady(load, async (contender) => {
        const submit = async (job: JobName, taskCount: number, args: unknown, expected: number): Promise<number> => {
          const results = Array.from({ length: taskCount }, () => contender.run(job, args));
          let sumMs = 0;
          for (const { value, ms } of (await Promise.all(results)) as TimedChurn[]) {
            check(value === expected, `${job} computed something else`);
            sumMs += ms;
          }
          return sumMs;
        };
        const warmCount = Math.ceil(warmTasks / SMALLER_WARM_UP);
        await warmUp(warmCount, async (each) => void (await submit("timedNoop", each, [1, 7], 7)));
        const args = [stepsPer50us * STEPS_FACTOR_PER_MS * durationMs, 7] as const;
        const expected = churn(args);
        const start = performance.now();
        const sumMs = await submit("timedChurn", count, args, expected);
        return { overhead: performance.now() - start - sumMs / WORKERS };
      }),
  };
}

const midTasks = overheadOf("mid-tasks", 400, 5);
const longTasks = overheadOf("long-tasks", 16, 100);

export const MANY_TASKS: readonly Measure[] = [atOnce, million, inFlight, roundTrip, shortTasks, midTasks, longTasks];
