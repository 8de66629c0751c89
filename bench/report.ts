/** The table, as text. */

import { ASYNCCPU } from "./contenders.js";
import { CONTENDERS } from "./contenders.js";
import { RAW_LIMIT } from "./contenders.js";
import { median } from "./measure.js";
import type { Row } from "./measure.js";

/** All figures of one row: of each contender, one a round. */
export interface RowResult {
  readonly row: Row;
  readonly measure: string;
  readonly samples: Readonly<Record<string, readonly number[]>>;
}

const THOUSAND = 1000;

function shown(figure: number): string {
  if (Math.abs(figure) >= THOUSAND) return Math.round(figure).toLocaleString("en");
  if (Math.abs(figure) >= 100) return figure.toFixed(0);
  return figure.toFixed(Math.abs(figure) >= 10 ? 1 : 2);
}

function cell(samples: readonly number[] | undefined): string {
  if (samples === undefined || samples.length === 0) return "-";
  return `${shown(median(samples))} (${shown(Math.min(...samples))}..${shown(Math.max(...samples))})`;
}

/** asynccpu's share of the raw limit: 1.00 is as good, less is worse, whichever way the measure goes. */
function ratio({ samples, row: { isHigherBetter } }: RowResult): string {
  const own = samples[ASYNCCPU];
  const raw = samples[RAW_LIMIT];
  if (own === undefined || raw === undefined) return "-";
  const [a, b] = [median(own), median(raw)];
  const share = isHigherBetter ? a / b : b / a;
  return a > 0 && b > 0 ? share.toFixed(2) : "-";
}

/** Lays the rows out as a table in Markdown, wide enough to be read as plain text too. */
export function formatTable(results: readonly RowResult[]): string {
  const head = ["measure", "unit", ...CONTENDERS.map(({ title }) => title), "of the raw limit"];
  const body = results.map((result) => [
    result.row.title,
    result.row.unit,
    ...CONTENDERS.map(({ name }) => cell(result.samples[name])),
    ratio(result),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((line) => line[column]?.length ?? 0)));
  const format = (line: readonly string[]): string =>
    `| ${line.map((text, column) => (column < 2 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [format(head), rule, ...body.map(format)].join("\n");
}
