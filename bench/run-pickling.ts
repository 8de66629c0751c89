import { describeLoad } from "./machine.js";
import { formatFigure } from "./results.js";
import { layOutTable } from "./report.js";
import { median } from "./measure.js";
import { runProbe } from "./run-probe.js";
import { showProgress } from "./progress.js";

const PROBE = new URL("./pickling-probe.js", import.meta.url);

/** Loaded modules of the program, beside Node's own and this library's. */
const MODULE_COUNTS = [10, 1000, 5000] as const;
const ROUNDS = 7;
const LIMIT_MS = 120_000;

const TITLES: Readonly<Record<string, string>> = {
  first: "the first function of the program, by value",
  later: "others of the same file",
  again: "the same again, having captured an object",
  otherFile: "the first of another file, by reference",
  nextFile: "the first of a third file",
  lateFile: "the first of a file that was loaded since",
  errorClass: "the first error of a class: both sides together",
};

type Figures = Readonly<Record<string, number>>;

/** Samples by number of modules. */
export type PicklingRun = ReadonlyMap<number, readonly Figures[]>;

/** @throws Error when a measurement fails. */
export async function runPickling(isQuick: boolean): Promise<PicklingRun> {
  const run = new Map<number, Figures[]>(MODULE_COUNTS.map((count) => [count, []]));
  for (let round = 1; round <= (isQuick ? 1 : ROUNDS); round += 1) {
    for (const [count, samples] of run) {
      showProgress(`pickling with ${count} modules, round ${round} ...`);
      const outcome = await runProbe(PROBE, [String(count)], LIMIT_MS);
      if ("failure" in outcome) throw new Error(`Pickling with ${count} modules failed: ${outcome.failure}`);
      samples.push(outcome.figures);
    }
  }
  showProgress("");
  return run;
}

/** Medians in milliseconds, and in brackets how much more than in the smallest program. */
export function formatPickling(run: PicklingRun): string {
  const medianOf = (count: number, key: string): number =>
    median((run.get(count) ?? []).map((figures) => figures[key] ?? Number.NaN));
  const [smallest] = MODULE_COUNTS;
  const cell = (count: number, key: string): string => {
    const figure = medianOf(count, key);
    const ratio = count === smallest ? "" : ` (${(figure / medianOf(smallest, key)).toFixed(1)}x)`;
    return `${formatFigure(figure)}${ratio}`;
  };
  const body: string[][] = [];
  for (const [key, title] of Object.entries(TITLES)) {
    body.push([title, ...MODULE_COUNTS.map((count) => cell(count, key))]);
  }
  const head = ["what is pickled", ...MODULE_COUNTS.map((count) => `${count.toLocaleString("en-US")} modules`)];
  return `Milliseconds, medians of ${run.get(smallest)?.length ?? 0} interleaved rounds, a fresh process for each; load ${describeLoad()}

${layOutTable(head, body, 1)}`;
}
