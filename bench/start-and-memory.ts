/** Measures of what a pool costs before and beside its work. */

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { burst } from "./measure.js";
import { check } from "./measure.js";
import { distinctChildren } from "./measure.js";
import type { Measure } from "./measure.js";

const KIB_PER_MIB = 1024;

/** How long a pool is left alone before its memory is read. */
const SETTLE_MS = 400;

const coldStart: Measure = {
  id: "cold-start",
  rows: () => [
    { key: "first", title: "first result from a cold pool", unit: "ms", isHigherBetter: false },
    { key: "both", title: "both children have answered", unit: "ms", isHigherBetter: false },
  ],
  run: async (open) => {
    const start = performance.now();
    const contender = open();
    let firstMs = 0;
    const first = contender.run("noop", 5).then((value) => {
      firstMs = performance.now() - start;
      check(value === 5, "the first task gave something else than its argument");
    });
    await distinctChildren(contender);
    const bothMs = performance.now() - start;
    await first;
    await contender.close();
    return { first: firstMs, both: bothMs };
  },
};

/** A process's own memory and its share of what it has in common with others, in MiB. */
function proportionalMib(pid: number | "self"): number {
  const kib = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1];
  return Number(kib) / KIB_PER_MIB;
}

const idleMemory: Measure = {
  id: "idle-memory",
  rows: () => [
    { key: "tree", title: "idle memory of parent and two children (PSS)", unit: "MiB", isHigherBetter: false },
    { key: "child", title: "of that, each child", unit: "MiB", isHigherBetter: false },
  ],
  run: async (open) => {
    const contender = open();
    const children = await distinctChildren(contender);
    await sleep(SETTLE_MS);
    const childrenMib = children.map(proportionalMib);
    const childrenSumMib = childrenMib.reduce((sum, mib) => sum + mib, 0);
    const result = { tree: proportionalMib("self") + childrenSumMib, child: childrenSumMib / children.length };
    await contender.close();
    return result;
  },
};

const peakMemory: Measure = {
  id: "peak-memory",
  isOnlyFull: true,
  rows: ({ queuedTasks }) => [
    {
      key: "peak",
      title: `parent's peak RSS, ${queuedTasks.toLocaleString("en")} no-op tasks queued`,
      unit: "MiB",
      isHigherBetter: false,
    },
  ],
  run: async (open, { queuedTasks }) => {
    const contender = open();
    await burst(contender, queuedTasks);
    await contender.close();
    return { peak: process.resourceUsage().maxRSS / KIB_PER_MIB };
  },
};

export const START_AND_MEMORY: readonly Measure[] = [coldStart, idleMemory, peakMemory];
