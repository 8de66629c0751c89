import { runProbe } from "./run-probe.js";
import { showProgress } from "./progress.js";
import type { ContenderKind } from "./contenders.js";
import type { Measure } from "./measure.js";
import type { Plan } from "./plan.js";
import type { RowResult } from "./results.js";

const PROBE = new URL("./probe.js", import.meta.url);

/** The figures of one measure, by row and contender; and who failed why. */
class Figures {
  readonly samples = new Map<string, Record<string, number[]>>();
  readonly failures: Record<string, string> = {};
  readonly #hung = new Set<string>();

  isHung(contender: string): boolean {
    return this.#hung.has(contender);
  }

  async add(measure: Measure, { name }: ContenderKind, { sizes, probeLimitMs }: Plan): Promise<void> {
    const outcome = await runProbe(PROBE, [measure.id, name, JSON.stringify(sizes)], probeLimitMs);
    if ("failure" in outcome) {
      this.failures[name] = outcome.failure;
      if (outcome.isHung) this.#hung.add(name);
      return;
    }
    for (const [row, figure] of Object.entries(outcome.figures)) {
      const entry = this.samples.get(row) ?? {};
      this.samples.set(row, entry);
      (entry[name] ??= []).push(figure);
    }
  }
}

function takesPart(measure: Measure, { name, family }: ContenderKind, round: number, { peerRounds }: Plan): boolean {
  const isPeer = family === "processes" || family === "threads";
  return (measure.contenders?.includes(name) ?? true) && (!isPeer || round < peerRounds);
}

/**
 * Every round takes each measure of each contender once, so that a slow spell of the machine meets all alike; and begins
 * with another contender, so that none always comes first.
 */
export async function runTable(plan: Plan): Promise<{ rounds: number; results: RowResult[] }> {
  const { rounds, limitSeconds, measures, contenders, sizes } = plan;
  const figures = new Map(measures.map((measure) => [measure, new Figures()]));
  const start = performance.now();
  let lastRoundSeconds = 0;
  let round = 0;
  for (; round < rounds; round += 1) {
    const roundStart = performance.now();
    if (round > 0 && (roundStart - start) / 1000 + lastRoundSeconds > limitSeconds) break;
    const shift = round % contenders.length;
    const order = [...contenders.slice(shift), ...contenders.slice(0, shift)];
    for (const measure of measures) {
      const own = figures.get(measure) as Figures;
      for (const contender of order.filter((kind) => takesPart(measure, kind, round, plan))) {
        if (own.isHung(contender.name)) continue;
        const seconds = Math.round((performance.now() - start) / 1000);
        showProgress(`${seconds} s, round ${round + 1} of ${rounds}: ${measure.id} of ${contender.name}`);
        await own.add(measure, contender, plan);
      }
    }
    lastRoundSeconds = (performance.now() - roundStart) / 1000;
  }
  showProgress("");
  const results = measures.flatMap((measure) => {
    const { samples, failures } = figures.get(measure) as Figures;
    return measure
      .rows(sizes)
      .map((row): RowResult => ({ row, measure: measure.id, samples: samples.get(row.key) ?? {}, failures }));
  });
  return { rounds: round, results };
}
