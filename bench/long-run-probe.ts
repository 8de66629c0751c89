/**
 * Very many no-op tasks through one executor, with a bounded number in flight; the parent's heap is read ten times on
 * the way.
 *
 *     node --expose-gc long-run-probe.js TASKS     prints the heaps, in bytes, as one line of JSON
 */

import { WORKERS } from "./contender.js";
import { check } from "./measure.js";
import { openAsynccpu } from "./asynccpu-pool.js";
import { waitForWorkers } from "./measure.js";
import type { LongRun } from "./run-memory.js";

const MARKS = 10;
const IN_FLIGHT = 1024;

async function runTasks(from: number, to: number): Promise<void> {
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < to) {
      const mine = next;
      next += 1;
      check((await contender.run("noop", mine)) === mine, "a no-op task gave something else than its argument");
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

/** Twice, with a turn of the event loop between: what finalisers let go is collected by the second. */
async function readHeapBytes(): Promise<number> {
  for (let i = 0; i < 2; i += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  return process.memoryUsage().heapUsed;
}

const tasks = Number(process.argv[2]);
const contender = openAsynccpu(WORKERS);
await waitForWorkers(contender, WORKERS);
const heapBytes: number[] = [];
const rssBytes: number[] = [];
const start = performance.now();
for (let mark = 0; mark < MARKS; mark += 1) {
  await runTasks(Math.round((tasks * mark) / MARKS), Math.round((tasks * (mark + 1)) / MARKS));
  heapBytes.push(await readHeapBytes());
  rssBytes.push(process.memoryUsage.rss());
}
const run: LongRun = { tasks, seconds: (performance.now() - start) / 1000, heapBytes, rssBytes };
await contender.close();
process.stdout.write(`${JSON.stringify(run)}\n`, () => process.exit(0));
