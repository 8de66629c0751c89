/** What it costs to turn a function into bytes. */

import { ASYNCCPU } from "./contender-names.js";
import { check } from "./measure.js";
import { median } from "./measure.js";
import type { Measure } from "./measure.js";

const factor = 3;
const table = { name: "captured", weights: [1, 2, 3] };

/** Functions of this module that are no exports travel by value. */
const byValue = [
  (x: number) => x * factor,
  (x: number) => x + table.weights.length,
  (x: number) => [x, table.name, factor],
  (x: number) => Math.max(x, ...table.weights),
  (x: number) => Buffer.from(table.name).byteLength * x,
];

export const PICKLING: Measure = {
  id: "pickling",
  contenders: [ASYNCCPU],
  rows: () => [
    { key: "first", title: "first pickle of a function in a process", unit: "ms", isHigherBetter: false },
    { key: "later", title: "later pickles of other functions of the module", unit: "ms", isHigherBetter: false },
    { key: "again", title: "the same function again, having captured an object", unit: "ms", isHigherBetter: false },
  ],
  run: async () => {
    // Reason: it is loaded only where it is measured; the memory of the other contenders shall not have it.
    const { pickleFunction } = await import("../src/pickle/pickle-function.js");
    const timePickle = (fn: unknown): number => {
      const start = performance.now();
      const { payload } = pickleFunction(fn);
      const ms = performance.now() - start;
      check(payload.byteLength > 0, "a pickle is empty");
      return ms;
    };
    const [first = 0, ...later] = byValue.map(timePickle);
    const again = Array.from({ length: 5 }, () => timePickle(byValue[1]));
    return { first, later: median(later), again: median(again) };
  },
};
