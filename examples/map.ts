/**
 * A function over many values: in order, as results are there, and past those that fail.
 *
 *     npm run build.tests && node build/examples/map.js
 */

import { ProcessTaskPoolExecutor } from "asynccpu";
import type { MapProgressState } from "asynccpu";

/** The number of steps of the Collatz sequence of a number. */
function countSteps(start: number): number {
  if (start < 1) throw new RangeError(`${start} has no sequence`);
  let steps = 0;
  for (let value = start; value !== 1; steps += 1) value = value % 2 === 0 ? value / 2 : value * 3 + 1;
  return steps;
}

function* countFrom(first: number): Generator<number> {
  for (let value = first; ; value += 1) yield value;
}

await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });

// In order; short calls go to the workers in chunks.
for await (const steps of executor.map(countSteps, [6, 7, 27])) console.log(`steps: ${steps}`);

// As they are there, from a source without an end: leaving the loop ends it.
let most = 0;
let count = 0;
for await (const steps of executor.mapUnordered(countSteps, countFrom(1))) {
  most = Math.max(most, steps);
  count += 1;
  if (count === 100_000) break;
}
console.log(`at least ${most > 300 ? 300 : most} steps among ${count} numbers`);

// With a display of your own for how far it is; `progress: true` writes lines to stderr.
const progress = {
  label: "sequences",
  onUpdate({ label, done, total, isOver }: MapProgressState): void {
    if (isOver) console.log(`${label}: ${done} of ${total}`);
  },
};
let longest = 0;
for await (const steps of executor.with({ progress }).mapUnordered(countSteps, [6, 7, 27, 97])) {
  longest = Math.max(longest, steps);
}
console.log(`the longest has ${longest} steps`);

// Past those that fail: each item gives what came of it.
for await (const outcome of executor.with({ onError: "continue" }).map(countSteps, [1, 0, 2])) {
  if (outcome.status === "fulfilled") console.log(`${outcome.item}: ${outcome.value}`);
  else console.log(`${outcome.item}: ${String(outcome.reason)}`);
}
