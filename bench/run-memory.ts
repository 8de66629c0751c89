import { formatFigure } from "./results.js";
import { layOutTable } from "./report.js";
import { runProbe } from "./run-probe.js";
import { showProgress } from "./progress.js";

const PROBE = new URL("./long-run-probe.js", import.meta.url);

/** Far slower than any build that is worth measuring. */
const MIN_TASKS_PER_SECOND = 2000;

const MIB = 1024 ** 2;

/**
 * Compiled code, feedback and statistics may still grow a little; ten million tasks that each kept one byte would not
 * pass.
 */
const MAX_GROWTH_BYTES = MIB;

/** What the long run measured, at each tenth of its tasks. */
export interface LongRun {
  readonly tasks: number;
  readonly seconds: number;
  readonly heapBytes: readonly number[];
  readonly rssBytes: readonly number[];
}

/** Whether the heap stays as it was: the last three marks beside the first three, by the least of each. */
export function isFlat(heapBytes: readonly number[]): boolean {
  return Math.min(...heapBytes.slice(-3)) - Math.min(...heapBytes.slice(0, 3)) <= MAX_GROWTH_BYTES;
}

/** The run as a table, and the verdict. */
export function formatLongRun({ tasks, seconds, heapBytes, rssBytes }: LongRun): string {
  const body = heapBytes.map((heap, index) => [
    formatFigure((tasks * (index + 1)) / heapBytes.length),
    (heap / MIB).toFixed(2),
    formatFigure((rssBytes[index] ?? 0) / MIB),
  ]);
  const verdict = isFlat(heapBytes) ? "flat: the heap did not grow" : "NOT FLAT: the heap grew";
  return `${formatFigure(tasks)} no-op tasks through one executor in ${formatFigure(seconds)} s, every result checked

${layOutTable(["tasks done", "parent's heap after gc() MiB", "RSS MiB"], body, 0)}

${verdict}`;
}

/** @throws Error when the run fails. */
export async function runMemory(tasks: number): Promise<LongRun> {
  showProgress(`${tasks.toLocaleString("en")} no-op tasks through one executor ...`);
  const limitMs = 60_000 + (tasks / MIN_TASKS_PER_SECOND) * 1000;
  const outcome = await runProbe<LongRun>(PROBE, [String(tasks)], limitMs, ["--expose-gc"]);
  showProgress("");
  if ("failure" in outcome) throw new Error(`The long run failed: ${outcome.failure}`);
  return outcome.figures;
}
