/** Measures with little warm-up, as most programs have it. */

import { availableParallelism } from "node:os";
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

import { check } from "./measure.js";
import { burst } from "./measure.js";
import { churn } from "./jobs.js";
import { median } from "./measure.js";
import { runInFlight } from "./many-tasks.js";
import { timeMs } from "./measure.js";
import { waitForWorkers } from "./measure.js";
import { withReady } from "./measure.js";
import type { Contender } from "./contender.js";
import type { Measure } from "./measure.js";

const TASKS_PER_MS = 20;

/** How long a pool is left alone before it counts as idle. */
const SETTLE_MS = 100;

const inFlight: Measure = {
  id: "little-warm-in-flight",
  rows: () => [
    { key: "rate", title: "30,000 no-op tasks, 64 in flight, after 3,000", unit: "tasks/s", isHigherBetter: true },
  ],
  run: (load) =>
    withReady(load, async (contender) => {
      await runInFlight(contender, 3000);
      return { rate: (30_000 / (await timeMs(() => runInFlight(contender, 30_000)))) * 1000 };
    }),
};

const atOnce: Measure = {
  id: "little-warm-at-once",
  rows: () => [
    { key: "rate", title: "100,000 no-op tasks at once, after 3,000", unit: "tasks/s", isHigherBetter: true },
  ],
  run: (load) =>
    withReady(load, async (contender) => {
      await burst(contender, 3000);
      return { rate: (100_000 / (await timeMs(() => burst(contender, 100_000)))) * 1000 };
    }),
};

const shortTasks: Measure = {
  id: "little-warm-short",
  rows: () => [{ key: "wall", title: "20,000 tasks of 50 µs, after 4,000", unit: "ms", isHigherBetter: false }],
  run: (load, { stepsPer50us }) =>
    withReady(load, async (contender) => {
      const args = [stepsPer50us, 7] as const;
      const expected = churn(args);
      const submit = async (count: number): Promise<void> => {
        const values = await Promise.all(Array.from({ length: count }, () => contender.run("churn", args)));
        check(
          values.every((value) => value === expected),
          "a task of 50 µs computed something else",
        );
      };
      await submit(4000);
      return { wall: await timeMs(() => submit(20_000)) };
    }),
};

/** Moves this process, and so what it starts, to one CPU. */
function stayOnOneCpu(): void {
  if (process.platform !== "linux" || availableParallelism() === 1) return;
  execFileSync("taskset", ["-a", "-p", "-c", "0", String(process.pid)], { stdio: "ignore" });
}

async function timeTrips(contender: Contender, count: number): Promise<number[]> {
  const timesUs: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const start = performance.now();
    const value = await contender.run("noop", i);
    timesUs.push((performance.now() - start) * 1000);
    check(value === i, "a no-op task gave something else than its argument");
  }
  return timesUs;
}

const oneAtATime: Measure = {
  id: "little-warm-trips",
  rows: () => [
    { key: "p50", title: "one at a time on one CPU, 5,000 after 2,000, p50", unit: "µs", isHigherBetter: false },
    { key: "p99", title: "the same, p99", unit: "µs", isHigherBetter: false },
  ],
  run: (load) => {
    stayOnOneCpu();
    return withReady(load, async (contender) => {
      await timeTrips(contender, 2000);
      const sorted = (await timeTrips(contender, 5000)).toSorted((a, b) => a - b);
      return { p50: median(sorted), p99: sorted[4950] ?? Number.NaN };
    });
  },
};

function echoOf(id: string, sizeBytes: number, count: number): Measure {
  const title = `echo of ${sizeBytes / 1024} KiB, one at a time, ${count.toLocaleString("en")} after 50, p50`;
  return {
    id,
    hasBytes: true,
    rows: () => [{ key: "p50", title, unit: "µs", isHigherBetter: false }],
    run: (load) =>
      withReady(load, async (contender) => {
        const bytes = new Uint8Array(sizeBytes).fill(7);
        const timesUs: number[] = [];
        for (let i = -50; i < count; i += 1) {
          const start = performance.now();
          const back = await contender.run("echo", bytes);
          if (i >= 0) timesUs.push((performance.now() - start) * 1000);
          check(back instanceof Uint8Array && back.byteLength === sizeBytes, "another array came back");
        }
        return { p50: median(timesUs) };
      }),
  };
}

/** Short tasks behind a long one: how long they take beside it, with one of two workers left. */
const fairness: Measure = {
  id: "fairness",
  rows: () => [
    {
      key: "short",
      title: "1,000 tasks of 1 ms submitted after one of 2 s: they end",
      unit: "ms",
      isHigherBetter: false,
    },
  ],
  run: (load, { stepsPer50us }) =>
    withReady(load, async (contender) => {
      const stepsPerMs = stepsPer50us * TASKS_PER_MS;
      await Promise.all(Array.from({ length: 8 }, () => contender.run("churn", [stepsPerMs, 7])));
      const long = contender.run("workerId", 2000);
      const shortMs = await timeMs(async () => {
        await Promise.all(Array.from({ length: 1000 }, () => contender.run("churn", [stepsPerMs, 7])));
      });
      await long;
      return { short: shortMs };
    }),
};

/** What a first task costs the program, and the end of its pool. */
const firstTask: Measure = {
  id: "first-task",
  rows: () => [
    { key: "block", title: "first submission blocks the loop for", unit: "ms", isHigherBetter: false },
    { key: "shutdown", title: "shutdown of an idle pool", unit: "ms", isHigherBetter: false },
  ],
  run: async (load) => {
    const open = await load();
    const contender = open(2);
    const start = performance.now();
    const first = contender.run("noop", 5);
    await Promise.resolve();
    const block = performance.now() - start;
    check((await first) === 5, "the first task gave something else than its argument");
    await waitForWorkers(contender, 2);
    await sleep(SETTLE_MS);
    return { block, shutdown: await timeMs(() => contender.close()) };
  },
};

export const LITTLE_WARM: readonly Measure[] = [
  firstTask,
  inFlight,
  atOnce,
  shortTasks,
  oneAtATime,
  echoOf("little-warm-echo-1k", 1024, 2000),
  echoOf("little-warm-echo-64k", 65_536, 400),
  fairness,
];
