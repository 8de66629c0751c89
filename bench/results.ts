/** What a run of the table gives, as it stands in the results file; and how figures are compared. */

import { ASYNCCPU } from "./contender-names.js";
import { median } from "./measure.js";
import type { Family } from "./contenders.js";
import type { Row } from "./measure.js";
import type { Sizes } from "./measure.js";

/** All figures of one row: of each contender, one a round. */
export interface RowResult {
  readonly row: Row;
  readonly measure: string;
  readonly samples: Readonly<Record<string, readonly number[]>>;
  /** Why a contender has no figure, or fewer. */
  readonly failures: Readonly<Record<string, string>>;
}

/** A contender as the results file names it. */
export interface ContenderEntry {
  readonly name: string;
  readonly title: string;
  readonly family: Family;
}

/** The results file. */
export interface Results {
  readonly startedAt: string;
  readonly seconds: number;
  readonly mode: string;
  readonly rounds: number;
  /** Of these, the rounds in which other libraries were measured too. */
  readonly peerRounds: number;
  readonly sizes: Sizes;
  readonly node: string;
  readonly machine: string;
  readonly peers: Readonly<Record<string, string>>;
  readonly loadBefore: string;
  readonly loadAfter: string;
  readonly contenders: readonly ContenderEntry[];
  readonly results: readonly RowResult[];
}

/** The median of a contender's figures in a row, where it has any. */
export function medianOf({ samples }: Pick<RowResult, "samples">, name: string): number | undefined {
  const own = samples[name];
  return own === undefined || own.length === 0 ? undefined : median(own);
}

/**
 * How good asynccpu is beside another one: 1 is as good, 2 twice as good, whichever way the row goes. Undefined where
 * either has no figure, or one that can't be divided (an overhead of about nothing).
 */
export function ratioTo(result: Pick<RowResult, "row" | "samples">, other: string): number | undefined {
  const [a, b] = [medianOf(result, ASYNCCPU), medianOf(result, other)];
  if (a === undefined || b === undefined || a <= 0 || b <= 0) return undefined;
  return result.row.isHigherBetter ? a / b : b / a;
}

/** The contender of a family that has the best median in a row. */
export function bestOf(
  result: Pick<RowResult, "row" | "samples">,
  contenders: readonly ContenderEntry[],
  family: Family,
): ContenderEntry | undefined {
  const { isHigherBetter } = result.row;
  let best: ContenderEntry | undefined;
  let bestFigure = isHigherBetter ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  for (const contender of contenders) {
    const figure = medianOf(result, contender.name);
    if (contender.family !== family || figure === undefined) continue;
    if (isHigherBetter ? figure > bestFigure : figure < bestFigure) {
      best = contender;
      bestFigure = figure;
    }
  }
  return best;
}

const THOUSAND = 1000;

/** A figure with about three digits that count. */
export function formatFigure(figure: number): string {
  if (Math.abs(figure) >= THOUSAND) return Math.round(figure).toLocaleString("en");
  if (Math.abs(figure) >= 100) return figure.toFixed(0);
  return figure.toFixed(Math.abs(figure) >= 10 ? 1 : 2);
}

export function formatRatio(ratio: number | undefined): string {
  if (ratio === undefined) return "-";
  return ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(2);
}
