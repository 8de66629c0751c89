/** A million items, in a memory that doesn't grow. */

import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";
import { test } from "node:test";

import { ProcessPoolExecutor } from "asynccpu";

const ITEMS = 1_000_000;
const LOOK_EVERY = 200_000;
/** What is under way at a time is less; a million of anything is far more. */
const MAX_GROWTH_BYTES = 16 * 1024 * 1024;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test("a million items go through mapUnordered, each once, and none is held", async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 2 });
  let sum = 0;
  let count = 0;
  const heapBytes: number[] = [];
  for await (const outcome of executor
    .with({ onError: "continue" })
    .mapUnordered((x: number) => x + 1, Array(ITEMS).keys())) {
    if (outcome.status === "fulfilled") sum += outcome.value;
    count += 1;
    if (count % LOOK_EVERY !== 0) continue;
    collectGarbage();
    heapBytes.push(process.memoryUsage().heapUsed);
  }
  assert.equal(count, ITEMS);
  assert.equal(sum, (ITEMS * (ITEMS + 1)) / 2);
  const [first = 0] = heapBytes;
  for (const bytes of heapBytes) assert.ok(bytes - first < MAX_GROWTH_BYTES, `heap in bytes: ${heapBytes.join(", ")}`);
});
