/**
 * The picture of the table: for each row asynccpu, the raw limit, the best pool of processes and the best pool of
 * threads.
 */

import { ASYNCCPU } from "./contender-names.js";
import { RAW_LIMIT } from "./contender-names.js";
import { bestOf } from "./results.js";
import { formatFigure } from "./results.js";
import { medianOf } from "./results.js";
import type { ContenderEntry } from "./results.js";
import type { Results } from "./results.js";
import type { RowResult } from "./results.js";

const WIDTH = 860;
const COLUMNS = 2;
const MARGIN = 12;
const GUTTER = 28;
const BLOCK_WIDTH = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GUTTER) / COLUMNS;

const HEAD_HEIGHT = 54;
const FOOT_HEIGHT = 26;
const TITLE_HEIGHT = 22;
const LINE_HEIGHT = 17;
const BLOCK_GAP = 20;
const BAR_HEIGHT = 11;
const LABEL_WIDTH = 158;
const FIGURE_WIDTH = 62;
const BAR_WIDTH = BLOCK_WIDTH - LABEL_WIDTH - FIGURE_WIDTH;

/** Middle tones, which can be read on white and on black; where dark is asked for, text is lighter. */
const STYLE = `text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#66707b}
.h{font-size:16px;font-weight:600}.t{font-weight:600}.s{font-size:11px}.e{text-anchor:end}
.own{fill:#2f81f7}.limit{fill:#8b949e}.processes{fill:#c98a1b}.threads{fill:#9a6ae8}
text.own{font-weight:600}
@media(prefers-color-scheme:dark){text{fill:#a9b3bd}text.own{fill:#58a6ff}}`;

/** One bar. */
export interface Bar {
  readonly label: string;
  readonly look: "own" | "limit" | "processes" | "threads";
  /** Undefined when there is none: nobody of this family could do it. */
  readonly figure: number | undefined;
}

/** A row of the picture: a title, and bars below it. */
export interface Block {
  readonly title: string;
  readonly unit: string;
  readonly isHigherBetter: boolean;
  readonly bars: readonly Bar[];
}

/** What stands around the rows. */
export interface Frame {
  /** For those who can't see it. */
  readonly label: string;
  readonly title: string;
  readonly subtitle: string;
  readonly foot: string;
}

export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** The four bars of a row, in the order in which they are drawn. */
export function barsOf(result: RowResult, contenders: readonly ContenderEntry[]): readonly Bar[] {
  const bestBar = (family: "processes" | "threads"): Bar => {
    const best = bestOf(result, contenders, family);
    if (best === undefined) return { label: `no pool of ${family}`, look: family, figure: undefined };
    return { label: best.title, look: family, figure: medianOf(result, best.name) };
  };
  return [
    { label: "asynccpu", look: "own", figure: medianOf(result, ASYNCCPU) },
    { label: "raw limit", look: "limit", figure: medianOf(result, RAW_LIMIT) },
    bestBar("processes"),
    bestBar("threads"),
  ];
}

/** How wide each bar is, as a share of the widest. Less than nothing is drawn as nothing. */
export function barShares(bars: readonly Pick<Bar, "figure">[]): number[] {
  const figures = bars.map(({ figure }) => Math.max(figure ?? 0, 0));
  const widest = Math.max(...figures);
  return figures.map((figure) => (widest === 0 ? 0 : figure / widest));
}

function drawText(x: number, y: number, look: string, text: string): string {
  return `<text x="${x}" y="${y}" class="${look}">${escapeXml(text)}</text>`;
}

function drawBlock({ title, unit, isHigherBetter, bars }: Block, x: number, y: number): string {
  const shares = barShares(bars);
  const lines = bars.map(({ label, look, figure }, index) => {
    const top = y + TITLE_HEIGHT + index * LINE_HEIGHT;
    const width = Math.max((shares[index] ?? 0) * BAR_WIDTH, figure === undefined ? 0 : 1);
    return [
      drawText(x, top + BAR_HEIGHT - 1, look === "own" ? "own" : "s", label),
      `<rect x="${x + LABEL_WIDTH}" y="${top}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2" class="${look}"/>`,
      drawText(
        Number((x + LABEL_WIDTH + width + 5).toFixed(1)),
        top + BAR_HEIGHT - 1,
        look === "own" ? "own" : "s",
        figure === undefined ? "-" : formatFigure(figure),
      ),
    ].join("");
  });
  return [
    drawText(x, y + 11, "t", title),
    drawText(x + BLOCK_WIDTH, y + 11, "s e", `${unit}, ${isHigherBetter ? "more" : "less"} is better`),
    ...lines,
  ].join("\n");
}

/** Draws rows, in two columns. */
export function drawBlocks(blocks: readonly Block[], { label, title, subtitle, foot }: Frame): string {
  const perColumn = Math.ceil(blocks.length / COLUMNS);
  const lines = Math.max(...blocks.map(({ bars }) => bars.length));
  const blockHeight = TITLE_HEIGHT + lines * LINE_HEIGHT + BLOCK_GAP;
  const height = HEAD_HEIGHT + perColumn * blockHeight + FOOT_HEIGHT;
  const drawn = blocks.map((block, index) => {
    const x = MARGIN + Math.floor(index / perColumn) * (BLOCK_WIDTH + GUTTER);
    return drawBlock(block, x, HEAD_HEIGHT + (index % perColumn) * blockHeight);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(label)}">
<style>${STYLE}</style>
${drawText(MARGIN, 24, "h", title)}
${drawText(MARGIN, 41, "s", subtitle)}
${drawn.join("\n")}
${drawText(MARGIN, height - 10, "s", foot)}
</svg>
`;
}

/** Draws the rows in which asynccpu is compared with somebody. */
export function drawPicture({ results, contenders, node, machine, startedAt }: Results): string {
  const rows = results.filter((result) => medianOf(result, RAW_LIMIT) !== undefined);
  const blocks = rows.map((result) => {
    const { title, unit, isHigherBetter } = result.row;
    return { title, unit, isHigherBetter, bars: barsOf(result, contenders) };
  });
  return drawBlocks(blocks, {
    label: "asynccpu beside the raw limit of its machine and other pools",
    title: "asynccpu beside the raw limit and other pools, two workers each",
    subtitle: "Raw limit: processes on a bare pipe, no pool. Of the others, the best in each row. Medians.",
    foot: `Node ${node}, ${machine}, ${startedAt.slice(0, 10)}`,
  });
}
