/** Measures of what a pool costs before and beside its work. */

import { setTimeout as sleep } from "node:timers/promises";

import { WORKERS } from "./contender.js";
import { check } from "./measure.js";
import { descendantPids } from "./process-memory.js";
import { proportionalMib } from "./process-memory.js";
import { waitForWorkers } from "./measure.js";
import type { Measure } from "./measure.js";

/** How long a pool is left alone before its memory is read. */
const SETTLE_MS = 400;

const coldStart: Measure = {
  id: "cold-start",
  rows: () => [
    { key: "first", title: "first result from a cold pool", unit: "ms", isHigherBetter: false },
    { key: "both", title: "both workers have answered", unit: "ms", isHigherBetter: false },
  ],
  run: async (load) => {
    const open = await load();
    const start = performance.now();
    const contender = open(WORKERS);
    let firstMs = 0;
    const first = contender.run("noop", 5).then((value) => {
      firstMs = performance.now() - start;
      check(value === 5, "the first task gave something else than its argument");
    });
    await waitForWorkers(contender, WORKERS);
    const bothMs = performance.now() - start;
    await first;
    await contender.close();
    return { first: firstMs, both: bothMs };
  },
};

const idleMemory: Measure = {
  id: "idle-memory",
  rows: () => [
    {
      key: "tree",
      title: "idle memory, parent and two workers (PSS)",
      unit: "MiB",
      isHigherBetter: false,
    },
    { key: "added", title: "of that, added by the pool", unit: "MiB", isHigherBetter: false },
  ],
  run: async (load) => {
    // The pool's code is not loaded yet: it is part of what the pool costs.
    const bareMib = proportionalMib("self");
    const contender = (await load())(WORKERS);
    await waitForWorkers(contender, WORKERS);
    await sleep(SETTLE_MS);
    const treeMib = [process.pid, ...descendantPids()].reduce((sum, pid) => sum + proportionalMib(pid), 0);
    await contender.close();
    return { tree: treeMib, added: treeMib - bareMib };
  },
};

export const START_AND_MEMORY: readonly Measure[] = [coldStart, idleMemory];
