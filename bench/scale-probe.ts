/**
 * One point of the scale run in a process of its own.
 *
 *     node scale-probe.js CONTENDER workers COUNT       prints the figures as one line of JSON
 *     node scale-probe.js CONTENDER payload BYTES
 */

import { CONTENDERS } from "./contenders.js";
import { WORKERS } from "./contender.js";
import { burst } from "./measure.js";
import { calibrate } from "./machine.js";
import { check } from "./measure.js";
import { checksum } from "./jobs.js";
import { churn } from "./jobs.js";
import { descendantPids } from "./process-memory.js";
import { median } from "./measure.js";
import { peakRssMib } from "./process-memory.js";
import { proportionalMib } from "./process-memory.js";
import { withWarm } from "./measure.js";
import type { Contender } from "./contender.js";

const NOOP_TASKS = 200_000;
const CPU_TASKS = 20_000;

/**
 * Before that for each worker, so that V8 has compiled in every one what is measured: no-op tasks, twice, and tasks of
 * 50 µs.
 */
const WARM_TASKS = 5000;
const WARM_CPU_TASKS = 1000;

/** About so many bytes go each way, in at least three trips and at most a thousand. */
const PAYLOAD_BUDGET_BYTES = 512 * 1024 * 1024;
const MIN_TRIPS = 3;
const MAX_TRIPS = 1000;

async function timeMs(body: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

async function measureWorkers(contender: Contender, workers: number): Promise<Record<string, number>> {
  const steps = calibrate();
  const expected = churn([steps, 9]);
  const runCpuTasks = async (count: number): Promise<void> => {
    const tasks = Array.from({ length: count }, () => contender.run("churn", [steps, 9]));
    for (const value of await Promise.all(tasks)) check(value === expected, "a task of 50 µs computed something else");
  };
  const noopMs = await timeMs(() => burst(contender, NOOP_TASKS));
  await runCpuTasks(WARM_CPU_TASKS * workers);
  const cpuMs = await timeMs(() => runCpuTasks(CPU_TASKS));
  const children = descendantPids();
  const childrenMib = children.reduce((sum, pid) => sum + proportionalMib(pid), 0);
  return {
    noopPerSecond: (NOOP_TASKS / noopMs) * 1000,
    cpuTasksPerSecond: (CPU_TASKS / cpuMs) * 1000,
    parentMib: proportionalMib("self"),
    childrenMib,
  };
}

async function measurePayload(contender: Contender, sizeBytes: number): Promise<Record<string, number>> {
  const bytes = new Uint8Array(sizeBytes).fill(7);
  const expected = checksum(bytes);
  const trips = Math.min(Math.max(Math.floor(PAYLOAD_BUDGET_BYTES / Math.max(sizeBytes, 1)), MIN_TRIPS), MAX_TRIPS);
  const argumentMs: number[] = [];
  const echoMs: number[] = [];
  for (let i = 0; i < trips; i += 1) {
    argumentMs.push(
      await timeMs(async () => {
        check((await contender.run("checksum", bytes)) === expected, "the array arrived as another one");
      }),
    );
    let back: unknown;
    echoMs.push(
      await timeMs(async () => {
        back = await contender.run("echo", bytes);
      }),
    );
    check(back instanceof Uint8Array && checksum(back) === expected, "another array came back");
  }
  return {
    trips,
    argumentMs: median(argumentMs),
    echoMs: median(echoMs),
    parentPeakMib: peakRssMib(),
    childrenPeakMib: Math.max(...descendantPids().map((pid) => peakRssMib(pid))),
  };
}

const [name, kind, value] = process.argv.slice(2);
const contender = CONTENDERS.find((entry) => entry.name === name);
if (contender === undefined) throw new Error(`No contender is called ${name}.`);
const workers = kind === "workers" ? Number(value) : WORKERS;
const figures = await withWarm(
  contender.load,
  { warmTasks: WARM_TASKS * workers },
  (opened) => (kind === "workers" ? measureWorkers(opened, workers) : measurePayload(opened, Number(value))),
  workers,
);
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
