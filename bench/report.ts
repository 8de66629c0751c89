/** The table, as text. */

import { ASYNCCPU } from "./contender-names.js";
import { RAW_LIMIT } from "./contender-names.js";
import { bestOf } from "./results.js";
import { formatFigure } from "./results.js";
import { formatRatio } from "./results.js";
import { medianOf } from "./results.js";
import { ratioTo } from "./results.js";
import type { ContenderEntry } from "./results.js";
import type { Results } from "./results.js";
import type { RowResult } from "./results.js";

/**
 * Lays lines out as a table in Markdown that can be read as plain text too; the first columns are text, the others
 * figures.
 */
export function layOutTable(
  head: readonly string[],
  body: readonly (readonly string[])[],
  textColumns: number,
): string {
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((line) => line[column]?.length ?? 0)));
  const format = (line: readonly string[]): string => {
    const cells = line.map((text, column) => {
      const width = widths[column] ?? 0;
      return column < textColumns ? text.padEnd(width) : text.padStart(width);
    });
    return `| ${cells.join(" | ")} |`;
  };
  const rules = widths.map((width, column) =>
    column < textColumns ? "-".repeat(width) : `${"-".repeat(Math.max(width - 1, 0))}:`,
  );
  return [format(head), `| ${rules.join(" | ")} |`, ...body.map(format)].join("\n");
}

/** A contender's figures in one cell. */
export function formatCell({ samples, failures }: RowResult, name: string): string {
  const own = samples[name] ?? [];
  const middle = medianOf({ samples }, name);
  if (middle === undefined) return failures[name] === undefined ? "-" : "failed";
  return `${formatFigure(middle)} (${formatFigure(Math.min(...own))}..${formatFigure(Math.max(...own))})`;
}

/** One line a row: asynccpu beside the limit and the best of the others. */
export function formatSummary({ contenders, results }: Pick<Results, "contenders" | "results">): string {
  const bestCell = (result: RowResult, family: "processes" | "threads"): [string, string] => {
    const best = bestOf(result, contenders, family);
    if (best === undefined) return ["-", "-"];
    const figure = formatFigure(medianOf(result, best.name) ?? Number.NaN);
    return [`${figure} ${best.title}`, formatRatio(ratioTo(result, best.name))];
  };
  const head = [
    "measure",
    "unit",
    "asynccpu",
    "raw limit",
    "ratio",
    "best process pool",
    "ratio",
    "best thread pool",
    "ratio",
  ];
  const body = results.map((result) => [
    result.row.title,
    `${result.row.unit} ${result.row.isHigherBetter ? "↑" : "↓"}`,
    formatCell(result, ASYNCCPU),
    formatCell(result, RAW_LIMIT),
    formatRatio(ratioTo(result, RAW_LIMIT)),
    ...bestCell(result, "processes"),
    ...bestCell(result, "threads"),
  ]);
  return layOutTable(head, body, 2);
}

/** Everybody's figures, a block for each row. */
export function formatDetails({ contenders, results }: Pick<Results, "contenders" | "results">): string {
  const titleWidth = Math.max(...contenders.map(({ title }) => title.length));
  const line = (result: RowResult, { name, title }: ContenderEntry): string[] => {
    const isMeasured = result.samples[name] !== undefined || result.failures[name] !== undefined;
    if (!isMeasured) return [];
    const ratio = name === ASYNCCPU ? "" : formatRatio(ratioTo(result, name));
    const failure = result.failures[name] === undefined ? "" : `   ${result.failures[name]}`;
    return [`  ${title.padEnd(titleWidth)}  ${formatCell(result, name).padStart(34)}  ${ratio.padStart(5)}${failure}`];
  };
  return results
    .map((result) => {
      const { title, unit, isHigherBetter } = result.row;
      const lines = contenders.flatMap((contender) => line(result, contender));
      return [`${title} (${unit}, ${isHigherBetter ? "more" : "less"} is better)`, ...lines].join("\n");
    })
    .join("\n\n");
}
