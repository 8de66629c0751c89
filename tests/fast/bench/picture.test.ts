import { deepEqual } from "node:assert/strict";
import { describe } from "node:test";
import { doesNotMatch } from "node:assert/strict";
import { equal } from "node:assert/strict";
import { it } from "node:test";
import { match } from "node:assert/strict";

import { LITTLE_WARM } from "../../../bench/little-warm.js";
import { MEASURES } from "../../../bench/measures.js";
import { SHARED_MEMORY } from "../../../bench/shared-memory.js";
import { barShares } from "../../../bench/picture.js";
import { barsOf } from "../../../bench/picture.js";
import { drawPicture } from "../../../bench/picture.js";
import { drawPrograms } from "../../../bench/program-picture.js";
import { escapeXml } from "../../../bench/picture.js";
import { makePlan } from "../../../bench/plan.js";
import type { ContenderEntry } from "../../../bench/results.js";
import type { ProgramFigures } from "../../../bench/run-programs.js";
import type { Results } from "../../../bench/results.js";
import type { RowResult } from "../../../bench/results.js";

/** The widest that fits beside its unit. */
const MAX_TITLE_LENGTH = 43;

const contenders: readonly ContenderEntry[] = [
  { name: "asynccpu", title: "asynccpu", family: "own" },
  { name: "raw-limit", title: "raw limit", family: "limit" },
  { name: "pool", title: "pool <of> processes", family: "processes" },
];

const shown: RowResult = {
  row: { key: "overhead", title: "a & b", unit: "ms", isHigherBetter: false },
  measure: "long-tasks",
  samples: { asynccpu: [2], "raw-limit": [-1], pool: [8] },
  failures: {},
};

const results: Results = {
  startedAt: "2026-01-02T03:04:05.000Z",
  seconds: 1,
  mode: "quick",
  rounds: 1,
  peerRounds: 1,
  sizes: {
    tasks: 1,
    inFlightTasks: 1,
    manyTasks: 1,
    shortTasks: 1,
    trips: 1,
    bigTrips: 1,
    warmTasks: 1,
    stepsPer50us: 1,
  },
  node: "v20.0.0",
  machine: "2 x CPU",
  peers: {},
  loadBefore: "0",
  loadAfter: "0",
  contenders,
  results: [shown, { ...shown, row: { ...shown.row, title: "only ours" }, samples: { asynccpu: [1] } }],
};

describe("picture of the bench", () => {
  it("draws bars in proportion, and nothing for less than nothing", () => {
    deepEqual(barShares([{ figure: 2 }, { figure: -1 }, { figure: 8 }, { figure: undefined }]), [0.25, 0, 1, 0]);
    deepEqual(barShares([{ figure: 0 }]), [0]);
  });

  it("says so where no pool of a family has a figure", () => {
    deepEqual(
      barsOf(shown, contenders).map(({ label }) => label),
      ["asynccpu", "raw limit", "pool <of> processes", "no pool of threads"],
    );
  });

  it("keeps names out of the markup", () => {
    equal(escapeXml('<a & "b">'), "&lt;a &amp; &quot;b&quot;&gt;");
    match(drawPicture(results), /pool &lt;of&gt; processes/);
  });

  it("has room for the title of every row", () => {
    const drawn = MEASURES.filter((measure) => !LITTLE_WARM.includes(measure));
    const titles = [...drawn, ...SHARED_MEMORY].flatMap((measure) => measure.rows(makePlan({ isQuick: false }).sizes));
    deepEqual(
      titles.map(({ title }) => title).filter((title) => title.length > MAX_TITLE_LENGTH),
      ["later pickles of other functions of the module", "the same function again, having captured an object"],
    );
  });

  it("leaves out the rows that nobody else is in, and draws no figure that is none", () => {
    doesNotMatch(drawPicture(results), /only ours|NaN|undefined|Infinity/);
  });
});

describe("picture of whole programs", () => {
  const figure = (node: string, row: string, column: string, timesMs: number[]): ProgramFigures => {
    return { node, row, column, isOfTasks: row.includes("ms"), timesMs };
  };

  it("draws, of the last Node, the rows that several are in", () => {
    const picture = drawPrograms(
      [
        figure("Node v20", "10 tasks", "asynccpu", [1]),
        figure("Node v20", "10 tasks", "piscina", [2]),
        figure("Node v26", "import alone", "asynccpu", [3]),
        figure("Node v26", "10 tasks", "asynccpu", [410, 400, 420]),
        figure("Node v26", "10 tasks", "piscina", [300]),
        figure("Node v26", "tasks of 1 ms", "asynccpu", [611]),
        figure("Node v26", "tasks of 1 ms", "fork", [420]),
      ],
      "a machine",
      "2026-11-30T00:00:00Z",
    );
    doesNotMatch(picture, /import alone|v20|NaN|undefined/);
    for (const shown of [
      ">410<",
      ">300<",
      ">611<",
      "ms, the tasks alone, less is better",
      "fork, no pool",
      "Node v26",
    ]) {
      match(picture, new RegExp(shown));
    }
  });
});
