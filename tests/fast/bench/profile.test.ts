import { deepEqual } from "node:assert/strict";
import { describe } from "node:test";
import { equal } from "node:assert/strict";
import { it } from "node:test";
import { match } from "node:assert/strict";
import { throws } from "node:assert/strict";

import { formatBytes } from "../../../bench/run-scale.js";
import { formatLongRun } from "../../../bench/run-memory.js";
import { formatSelfTimes } from "../../../bench/run-profile.js";
import { isFlat } from "../../../bench/run-memory.js";
import { makePlan } from "../../../bench/plan.js";
import { sumSelfTimes } from "../../../bench/profiler.js";

const MIB = 1024 ** 2;

function makeFrame(functionName: string): { functionName: string; scriptId: string; url: string } & {
  lineNumber: number;
  columnNumber: number;
} {
  const url = functionName.startsWith("(") ? "" : "file:///home/me/asynccpu/build/src/pool/worker.js";
  return { functionName, scriptId: "1", url, lineNumber: 9, columnNumber: 0 };
}

describe("profiles of the bench", () => {
  it("give each function the time until the next sample", () => {
    const times = sumSelfTimes({
      nodes: [
        { id: 1, callFrame: makeFrame("(idle)") },
        { id: 2, callFrame: makeFrame("run") },
        { id: 3, callFrame: makeFrame("run") },
      ],
      startTime: 0,
      endTime: 100,
      samples: [1, 2, 3, 1],
      timeDeltas: [5, 60, 30, 10],
    });
    deepEqual(times, {
      functions: [
        { name: "(idle)", us: 60 },
        { name: "run build/src/pool/worker.js:10", us: 40 },
      ],
      totalUs: 100,
    });
    match(formatSelfTimes(times), /60% of it idle[^]*\| run build\/src\/pool\/worker\.js:10 \| +100\.0% \| +0\.0 \|/);
  });
});

describe("long run of the bench", () => {
  it("is flat when the heap goes up and down, and not when it only goes up", () => {
    equal(isFlat([9, 12, 9, 11, 10, 9, 12, 9, 10, 9].map((mib) => mib * MIB)), true);
    equal(isFlat([9, 10, 11, 12, 13, 14, 15, 16, 17, 18].map((mib) => mib * MIB)), false);
  });

  it("ends with its verdict", () => {
    const run = { tasks: 100, seconds: 2, heapBytes: [MIB, 3 * MIB], rssBytes: [9 * MIB, 9 * MIB] };
    match(formatLongRun(run), /flat: the heap did not grow$/);
    const grown = { ...run, heapBytes: [MIB, MIB, MIB, 9 * MIB, 9 * MIB, 9 * MIB] };
    match(formatLongRun(grown), /NOT FLAT: the heap grew$/);
  });
});

describe("plan of the bench", () => {
  it("takes the measures and contenders that are named, and refuses names that nobody has", () => {
    const plan = makePlan({ isQuick: true, only: ["round-trip"], contenders: ["raw-limit"] });
    deepEqual(
      [plan.measures.map(({ id }) => id), plan.contenders.map(({ name }) => name)],
      [["round-trip"], ["raw-limit"]],
    );
    throws(() => makePlan({ isQuick: true, only: ["nothing"] }), /No measure is called nothing\. There are: at-once,/);
  });

  it("names payloads by their units", () => {
    deepEqual([0, 1024, 65_536, 1024 ** 3].map(formatBytes), ["0 B", "1 KiB", "64 KiB", "1 GiB"]);
  });
});
