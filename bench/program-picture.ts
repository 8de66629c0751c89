/** The picture of whole programs on one Node. */

import { drawBlocks } from "./picture.js";
import { median } from "./measure.js";
import type { Bar } from "./picture.js";
import type { Block } from "./picture.js";
import type { ProgramFigures } from "./run-programs.js";

/** How each column looks: of its family. */
const LOOKS: Readonly<Record<string, Bar["look"]>> = {
  asynccpu: "own",
  tinypool: "processes",
  "jest-worker": "processes",
  poolifier: "processes",
  piscina: "threads",
  fork: "limit",
};

const LABELS: Readonly<Record<string, string>> = { piscina: "piscina, threads", fork: "fork, no pool" };

function barOf({ column, timesMs }: ProgramFigures): Bar {
  return { label: LABELS[column] ?? column, look: LOOKS[column] ?? "limit", figure: median(timesMs) };
}

/** Draws the rows in which asynccpu is compared with others, of the last Node. */
export function drawPrograms(all: readonly ProgramFigures[], machine: string, startedAt: string): string {
  const node = all.at(-1)?.node ?? "";
  const own = all.filter((each) => each.node === node);
  const titles = [...new Set(own.map(({ row }) => row))];
  const blocks: Block[] = titles.flatMap((title) => {
    const row = own.filter((each) => each.row === title);
    const unit = row[0]?.isOfTasks === true ? "ms, the tasks alone" : "ms from start to exit";
    return row.length < 2 ? [] : [{ title, unit, isHigherBetter: false, bars: row.map(barOf) }];
  });
  return drawBlocks(blocks, {
    label: "Whole programs with asynccpu and with other pools",
    title: "Whole programs, two workers each",
    subtitle:
      "No warm-up, but for tasks of milliseconds: eight of their kind. Processes, unless it says threads. Medians.",
    foot: `${node}, ${machine}, ${startedAt.slice(0, 10)}`,
  });
}
