/**
 * Measures asynccpu beside what its machine can give at most, in interleaved rounds of one run, and checks every result.
 *
 *     npm run bench                 seven rounds in about 4 minutes
 *     npm run bench -- --quick      two smaller rounds in under a minute
 *     npm run bench -- --full       100,000 tasks in place of 20,000, and the parent's memory with them
 *     npm run bench -- --only=ID    one measure (repeatable); the results file is left as it is
 *
 * Each figure comes from a fresh process. The table shows median (smallest..largest) of the rounds.
 */

import { cpus } from "node:os";
import { loadavg } from "node:os";
import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { ASYNCCPU } from "./contenders.js";
import { CONTENDERS } from "./contenders.js";
import { MEASURES } from "./measures.js";
import { WORKERS } from "./contender.js";
import { churn } from "./jobs.js";
import { formatTable } from "./report.js";
import { median } from "./measure.js";
import { runProbe } from "./run-probe.js";
import type { Measure } from "./measure.js";
import type { RowResult } from "./report.js";
import type { Sizes } from "./measure.js";

const RESULTS_PATH = path.join(import.meta.dirname, "../../bench/results/latest.json");

const TASK_US = 50;
const CALIBRATION_STEPS = 1_000_000;

const PROGRESS_WIDTH = 60;

interface Plan {
  readonly mode: "quick" | "default" | "full";
  readonly rounds: number;
  /** No further round begins that would end after this time, in seconds. */
  readonly limitSeconds: number;
  readonly measures: readonly Measure[];
  readonly isPartial: boolean;
  readonly sizes: Sizes;
}

/** How many steps of `churn` take 50 µs on this machine, as it is now. */
function calibrate(): number {
  const times = Array.from({ length: 15 }, (_, i) => {
    const start = performance.now();
    churn([CALIBRATION_STEPS, i + 1]);
    return performance.now() - start;
  });
  return Math.round((CALIBRATION_STEPS * TASK_US) / 1000 / median(times));
}

function readPlan(): Plan {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      full: { type: "boolean", default: false },
      only: { type: "string", multiple: true },
    },
  });
  const { quick: isQuick, full: isFull, only } = values;
  const unknown = only?.find((id) => !MEASURES.some((measure) => measure.id === id));
  if (unknown !== undefined) {
    throw new Error(`No measure is called ${unknown}. There are: ${MEASURES.map(({ id }) => id).join(", ")}.`);
  }
  return {
    mode: isFull ? "full" : isQuick ? "quick" : "default",
    rounds: isQuick ? 2 : 7,
    limitSeconds: isFull ? Number.POSITIVE_INFINITY : isQuick ? 58 : 290,
    measures: MEASURES.filter(({ id, isOnlyFull }) => only?.includes(id) ?? (isFull || isOnlyFull !== true)),
    isPartial: only !== undefined,
    sizes: {
      tasks: isFull ? 100_000 : isQuick ? 10_000 : 20_000,
      shortTasks: isFull ? 20_000 : 2000,
      trips: isQuick ? 1000 : 2000,
      bigTrips: isQuick ? 1 : 3,
      queuedTasks: 100_000,
      stepsPer50us: calibrate(),
    },
  };
}

/** One line, written over and over; nothing when nobody looks. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text.padEnd(PROGRESS_WIDTH)}\r`);
}

/** Every round takes each measure of each contender once, so that a slow spell of the machine meets all alike. */
async function measureAll({
  rounds,
  limitSeconds,
  measures,
  sizes,
}: Plan): Promise<{ rounds: number; results: RowResult[] }> {
  const samples = new Map<string, Record<string, number[]>>();
  const start = performance.now();
  let round = 0;
  const keyOf = (measure: Measure, row: string): string => `${measure.id}/${row}`;
  for (; round < rounds; round += 1) {
    const seconds = (performance.now() - start) / 1000;
    if (round > 0 && (seconds / round) * (round + 1) > limitSeconds) break;
    for (const measure of measures) {
      for (const { name } of CONTENDERS) {
        if (measure.isOwn === true && name !== ASYNCCPU) continue;
        showProgress(`round ${round + 1} of ${rounds}: ${measure.id} of ${name}`);
        const figures = await runProbe(measure, name, sizes);
        for (const [row, figure] of Object.entries(figures)) {
          const key = keyOf(measure, row);
          const entry = samples.get(key) ?? {};
          samples.set(key, entry);
          (entry[name] ??= []).push(figure);
        }
      }
    }
  }
  showProgress("");
  const results = measures.flatMap((measure) =>
    measure
      .rows(sizes)
      .map((row): RowResult => ({ row, measure: measure.id, samples: samples.get(keyOf(measure, row.key)) ?? {} })),
  );
  return { rounds: round, results };
}

function describeLoad(): string {
  return loadavg()
    .map((load) => load.toFixed(2))
    .join(" ");
}

const plan = readPlan();
const startedAt = new Date();
const loadBefore = describeLoad();
const { rounds, results } = await measureAll(plan);
const seconds = Math.round((Date.now() - startedAt.getTime()) / 1000);
const machine = `${cpus().length} x ${cpus()[0]?.model ?? "unknown CPU"}, ${process.platform} ${process.arch}`;
process.stdout.write(
  `asynccpu beside the raw limit of its machine; ${WORKERS} children each; every result checked.
Node ${process.version}; ${machine}
${plan.mode}: ${rounds} interleaved rounds in ${seconds} s, a fresh process for each figure; median (smallest..largest)
Load average before ${loadBefore}, after ${describeLoad()} (the bench itself makes about ${WORKERS})
No other libraries here yet: they come with a later step.
"of the raw limit": 1.00 is as good, less is worse.

${formatTable(results)}
`,
);
if (!plan.isPartial) {
  mkdirSync(path.dirname(RESULTS_PATH), { recursive: true });
  writeFileSync(
    RESULTS_PATH,
    `${JSON.stringify(
      {
        startedAt: startedAt.toISOString(),
        seconds,
        mode: plan.mode,
        rounds,
        sizes: plan.sizes,
        node: process.version,
        machine,
        loadBefore,
        loadAfter: describeLoad(),
        results,
      },
      undefined,
      2,
    )}\n`,
  );
  process.stdout.write(`\nAll figures: ${path.relative(process.cwd(), RESULTS_PATH)}\n`);
}
