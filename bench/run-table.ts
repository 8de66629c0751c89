import { HAS_NOTHING_SHARED } from "./shared-memory.js";
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

  async add(measure: Measure, { name, isJson }: ContenderKind, { sizes, probeLimitMs }: Plan): Promise<void> {
    if (measure.hasBytes === true && isJson === true) {
      this.failures[name] = "JSON can't carry binary data";
      return;
    }
    const outcome = await runProbe(PROBE, [measure.id, name, JSON.stringify(sizes)], probeLimitMs);
    if ("failure" in outcome) {
      if (outcome.failure.includes(HAS_NOTHING_SHARED)) return;
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

function isPeer({ family }: ContenderKind): boolean {
  return family === "processes" || family === "threads";
}

/** What one probe after the other took, so that the length of a further round is known beforehand. */
class Costs {
  readonly #seconds = new Map<string, number>();

  async time(probe: Probe, run: () => Promise<void>): Promise<void> {
    const start = performance.now();
    await run();
    this.#seconds.set(keyOf(probe), (performance.now() - start) / 1000);
  }

  sum(probes: readonly Probe[]): number {
    return probes.reduce((sum, probe) => sum + (this.#seconds.get(keyOf(probe)) ?? 0), 0);
  }
}

interface Probe {
  readonly measure: Measure;
  readonly contender: ContenderKind;
}

function keyOf({ measure, contender }: Probe): string {
  return `${measure.id} of ${contender.name}`;
}

/** Each measure of each contender that takes part in it; every round begins with another contender. */
function probesOf(round: number, { measures, contenders }: Plan): Probe[] {
  const shift = round % contenders.length;
  const order = [...contenders.slice(shift), ...contenders.slice(0, shift)];
  return measures.flatMap((measure) =>
    order
      .filter(({ name }) => measure.contenders?.includes(name) ?? true)
      .map((contender): Probe => ({ measure, contender })),
  );
}

/** Every round takes each measure of each contender once, so that a slow spell of the machine meets all alike. */
export async function runTable(plan: Plan): Promise<{ rounds: number; peerRounds: number; results: RowResult[] }> {
  const { limitSeconds, measures, sizes } = plan;
  const figures = new Map(measures.map((measure) => [measure, new Figures()]));
  const costs = new Costs();
  const start = performance.now();
  const secondsSince = (): number => (performance.now() - start) / 1000;
  let [round, peerRounds] = [0, 0];
  for (; round < plan.rounds; round += 1) {
    const all = probesOf(round, plan);
    const fits = (probes: readonly Probe[]): boolean =>
      round === 0 || secondsSince() + costs.sum(probes) <= limitSeconds;
    const withPeers = round < plan.peerRounds && fits(all);
    const probes = withPeers ? all : all.filter(({ contender }) => !isPeer(contender));
    if (!fits(probes) || probes.length === 0) break;
    if (withPeers) peerRounds += 1;
    for (const probe of probes) {
      const own = figures.get(probe.measure) as Figures;
      if (own.isHung(probe.contender.name)) continue;
      showProgress(`${Math.round(secondsSince())} s, round ${round + 1} of ${plan.rounds}: ${keyOf(probe)}`);
      await costs.time(probe, () => own.add(probe.measure, probe.contender, plan));
    }
  }
  showProgress("");
  const results = measures.flatMap((measure) => {
    const { samples, failures } = figures.get(measure) as Figures;
    return measure
      .rows(sizes)
      .map((row): RowResult => ({ row, measure: measure.id, samples: samples.get(row.key) ?? {}, failures }));
  });
  return { rounds: round, peerRounds, results };
}
