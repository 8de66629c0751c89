import { deepEqual } from "node:assert/strict";
import { describe } from "node:test";
import { equal } from "node:assert/strict";
import { it } from "node:test";
import { match } from "node:assert/strict";

import { bestOf } from "../../../bench/results.js";
import { formatCell } from "../../../bench/report.js";
import { formatDetails } from "../../../bench/report.js";
import { formatFigure } from "../../../bench/results.js";
import { formatRatio } from "../../../bench/results.js";
import { formatSummary } from "../../../bench/report.js";
import { layOutTable } from "../../../bench/report.js";
import { median } from "../../../bench/measure.js";
import { ratioTo } from "../../../bench/results.js";
import type { ContenderEntry } from "../../../bench/results.js";
import type { RowResult } from "../../../bench/results.js";

const contenders: readonly ContenderEntry[] = [
  { name: "asynccpu", title: "asynccpu", family: "own" },
  { name: "raw-limit", title: "raw limit", family: "limit" },
  { name: "slow-pool", title: "slow pool", family: "processes" },
  { name: "fast-pool", title: "fast pool", family: "processes" },
  { name: "threads", title: "threads", family: "threads" },
];

function makeResult(isHigherBetter: boolean): RowResult {
  return {
    row: { key: "rate", title: "tasks", unit: isHigherBetter ? "tasks/s" : "ms", isHigherBetter },
    measure: "at-once",
    samples: { asynccpu: [200, 100, 300], "raw-limit": [400], "slow-pool": [50], "fast-pool": [80, 120] },
    failures: { threads: "gave no result within 60 s" },
  };
}

describe("results of the bench", () => {
  it("takes the middle, or the mean of the two in the middle", () => {
    equal(median([3, 1, 2]), 2);
    equal(median([4, 1, 3, 2]), 2.5);
    equal(median([7]), 7);
    equal(Number.isNaN(median([])), true);
  });

  it("says how good asynccpu is, whichever way the row goes", () => {
    equal(ratioTo(makeResult(true), "raw-limit"), 0.5);
    equal(ratioTo(makeResult(false), "raw-limit"), 2);
    equal(ratioTo(makeResult(true), "fast-pool"), 2);
  });

  it("gives no ratio to one without a figure, or to an overhead of nothing", () => {
    equal(ratioTo(makeResult(true), "threads"), undefined);
    equal(ratioTo({ ...makeResult(false), samples: { asynccpu: [5], "raw-limit": [-1] } }, "raw-limit"), undefined);
  });

  it("finds the best of a family by its median", () => {
    equal(bestOf(makeResult(true), contenders, "processes")?.name, "fast-pool");
    equal(bestOf(makeResult(false), contenders, "processes")?.name, "slow-pool");
    equal(bestOf(makeResult(true), contenders, "threads"), undefined);
  });

  it("formats figures with three digits that count", () => {
    deepEqual([123_456.7, 345.6, 34.56, 3.456, -0.5].map(formatFigure), ["123,457", "346", "34.6", "3.46", "-0.50"]);
    deepEqual([undefined, 0.654, 23.4].map(formatRatio), ["-", "0.65", "23"]);
  });

  it("shows median and range, and a failure as one", () => {
    equal(formatCell(makeResult(true), "asynccpu"), "200 (100..300)");
    equal(formatCell(makeResult(true), "threads"), "failed");
    equal(formatCell(makeResult(true), "nobody"), "-");
  });

  it("names the best of each family and every failure's reason", () => {
    const results = [makeResult(true)];
    match(formatSummary({ contenders, results }), /\| 200 \(100\.\.300\) .*\| +0\.50 \| +100 fast pool \| +2\.00 \|/);
    match(formatDetails({ contenders, results }), /threads +failed +- +gave no result within 60 s/);
  });

  it("lays out a table that is Markdown and can be read", () => {
    equal(
      layOutTable(["measure", "a"], [["x", "10"]], 1),
      ["| measure |  a |", "| ------- | -: |", "| x       | 10 |"].join("\n"),
    );
  });
});
