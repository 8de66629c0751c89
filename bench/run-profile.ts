import { layOutTable } from "./report.js";
import { runProbe } from "./run-probe.js";
import type { Plan } from "./plan.js";
import type { Profiles } from "./profile-probe.js";
import type { SelfTimes } from "./profiler.js";

const PROBE = new URL("./profile-probe.js", import.meta.url);
const SHOWN_FUNCTIONS = 15;

/** Times that are nobody's: waiting, and what V8 does not attribute to a function. */
const NOT_A_FUNCTION = new Set(["(idle)", "(program)", "(root)"]);

/**
 * The functions with the largest self times, as a table; the shares are of the time in which the thread did something.
 */
export function formatSelfTimes({ functions, totalUs }: SelfTimes): string {
  const usOf = (name: string): number => functions.find((entry) => entry.name === name)?.us ?? 0;
  const busyUs = Math.max(totalUs - usOf("(idle)"), 1);
  const body = functions
    .filter(({ name }) => !NOT_A_FUNCTION.has(name))
    .slice(0, SHOWN_FUNCTIONS)
    .map(({ name, us }) => [name, `${((us / busyUs) * 100).toFixed(1)}%`, (us / 1000).toFixed(1)]);
  const share = (us: number): string => `${Math.round((us / Math.max(totalUs, 1)) * 100)}%`;
  return `${(totalUs / 1000).toFixed(0)} ms, ${share(usOf("(idle)"))} of it idle, ${share(usOf("(program)"))} in native code that is no function
${layOutTable(["function", "of busy time", "self ms"], body, 1)}`;
}

/**
 * Profiles asynccpu's part of the chosen measures: parent and one worker. @throws Error when a measure can't be
 * profiled.
 */
export async function runProfile({ measures, sizes, probeLimitMs }: Plan): Promise<string> {
  const texts: string[] = [];
  for (const { id } of measures) {
    const outcome = await runProbe<Profiles>(PROBE, [id, JSON.stringify(sizes)], probeLimitMs);
    if ("failure" in outcome) throw new Error(`The profile of ${id} failed: ${outcome.failure}`);
    const { parent, workers, figures } = outcome.figures;
    const busiest = workers.toSorted((a, b) => b.totalUs - a.totalUs)[0];
    texts.push(
      `${id}: ${JSON.stringify(figures)}, slower than without a profile`,
      `\nParent: ${formatSelfTimes(parent)}`,
      ...(busiest === undefined ? [] : [`\nOne worker: ${formatSelfTimes(busiest)}`]),
    );
  }
  return texts.join("\n");
}
