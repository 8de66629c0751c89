/** asynccpu/bullmq beside bare BullMQ: the same Redis, the same number of hosts and of tasks at a time, in turns. */

import { formatFigure } from "./results.js";
import { formatRatio } from "./results.js";
import { layOutTable } from "./report.js";
import { median } from "./measure.js";
import { runProbe } from "./run-probe.js";
import { showProgress } from "./progress.js";
import { RedisServer } from "../tests/testlibraries/redis-server.js";
import type { SideName } from "./bullmq-sides.js";

const PROBE = new URL("./bullmq-probe.js", import.meta.url);
const LIMIT_MS = 300_000;
const SIDES: readonly SideName[] = ["asynccpu", "bullmq"];
const HOST_COUNTS = [1, 2, 3, 4];
const WARM_TASKS = 2000;

/** What is measured, as the probe gets it. */
export interface BullMQMeasure {
  readonly title: string;
  readonly kind: "inFlight" | "map" | "trips";
  readonly count: number;
  /** How many calls are on their way; for trips 1. */
  readonly inFlight: number;
  readonly hosts: number;
  /** How many tasks a host runs at a time. */
  readonly jobs: number;
  readonly warmTasks: number;
}

/** What the run is to be. */
export interface BullMQPlan {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly jobs: number;
}

/** The figures of a measure: of each side, by name, one a round. */
export interface BullMQResult {
  readonly measure: BullMQMeasure;
  readonly samples: Readonly<Record<SideName, Readonly<Record<string, readonly number[]>>>>;
  readonly failures: readonly string[];
}

function measuresOf({ isQuick, jobs }: BullMQPlan): BullMQMeasure[] {
  const tasks = isQuick ? 1000 : 20_000;
  const one = { hosts: 1, jobs, warmTasks: isQuick ? 200 : WARM_TASKS };
  const busy = (inFlight: number, hosts: number): BullMQMeasure => {
    const title = `no-ops, ${inFlight} in flight, ${hosts} ${hosts === 1 ? "host" : "hosts"}`;
    return { ...one, title, kind: "inFlight", count: tasks, inFlight, hosts };
  };
  return [
    busy(64, 1),
    ...HOST_COUNTS.map((hosts) => busy(1024, hosts)),
    { ...one, title: "map over no-ops", kind: "map", count: tasks, inFlight: 64 },
    { ...one, title: "lone trips", kind: "trips", count: isQuick ? 200 : 2000, inFlight: 1 },
  ];
}

/** Measures everything, `rounds` times, the sides in turns. */
export async function runBullMQ(plan: BullMQPlan): Promise<BullMQResult[]> {
  await using redis = await RedisServer.forTests();
  const results = measuresOf(plan).map((measure) => ({
    measure,
    samples: { asynccpu: {}, bullmq: {} } as Record<SideName, Record<string, number[]>>,
    failures: [] as string[],
  }));
  for (let round = 1; round <= plan.rounds; round += 1) {
    // The one that begins has the quieter or the louder moment; so both do.
    const sides = round % 2 === 1 ? SIDES : SIDES.toReversed();
    for (const { measure, samples, failures } of results) {
      for (const side of sides) {
        showProgress(`round ${round} of ${plan.rounds}: ${measure.title}, ${side} ...`);
        const outcome = await runProbe(PROBE, [side, redis.url, JSON.stringify(measure)], LIMIT_MS);
        if ("failure" in outcome) failures.push(`${side}, round ${round}: ${outcome.failure}`);
        else for (const [key, figure] of Object.entries(outcome.figures)) (samples[side][key] ??= []).push(figure);
      }
    }
  }
  showProgress("");
  return results;
}

function cell(figures: readonly number[]): string {
  if (figures.length === 0) return "-";
  const [least, most] = [Math.min(...figures), Math.max(...figures)];
  return `${formatFigure(median(figures))} (${formatFigure(least)}..${formatFigure(most)})`;
}

/** A table: medians and ranges, and how good asynccpu is beside BullMQ (1.00 is as good, more is better). */
export function formatBullMQ(results: readonly BullMQResult[]): string {
  const rows = results.flatMap(({ measure, samples }) => {
    const keys = measure.kind === "trips" ? ["p50us", "p99us"] : ["perSecond"];
    return keys.map((key) => {
      const [own = [], bare = []] = SIDES.map((side) => samples[side][key]);
      const isHigherBetter = key === "perSecond";
      const [a, b] = isHigherBetter ? [own, bare] : [bare, own];
      const ratio = own.length === 0 || bare.length === 0 ? undefined : median(a) / median(b);
      const unit = isHigherBetter ? "a second" : `µs, ${key.slice(0, -2)}`;
      return [`${measure.title}, ${unit}`, cell(own), cell(bare), formatRatio(ratio)];
    });
  });
  const failures = results.flatMap(({ measure, failures: all }) => all.map((each) => `${measure.title}: ${each}`));
  return [layOutTable(["", "asynccpu/bullmq", "bare BullMQ", "ratio"], rows, 1), ...failures].join("\n");
}
