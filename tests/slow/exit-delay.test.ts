/** How soon a program ends that has forgotten its pool. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";

import { fixturePath } from "../testlibraries/process-family.js";

const RUNS = 7;

/** What is promised is 100 ms on a machine that has time. */
const MOST_DELAY_MS = 1000;

/** Milliseconds from the last line of the program to its end as its parent sees it. */
async function measureEnd(mode: "pool" | "none"): Promise<number> {
  const child = spawn(process.execPath, [fixturePath("forgets-pool"), mode], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  let endedAtMs = 0;
  const code = await new Promise((resolve) => {
    child.on("exit", () => (endedAtMs = performance.timeOrigin + performance.now()));
    child.on("close", resolve);
  });
  assert.equal(code, 0);
  const doneAtMs = Number(/^done (\S+)$/m.exec(output)?.[1]);
  return endedAtMs - doneAtMs;
}

async function medianEnd(mode: "pool" | "none"): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < RUNS; i += 1) times.push(await measureEnd(mode));
  return times.toSorted((a, b) => a - b)[RUNS >> 1] ?? Number.NaN;
}

test("a program that forgot to shut down its pool ends hardly later than one without a pool", async (t) => {
  const [withPool, without] = [await medianEnd("pool"), await medianEnd("none")];
  t.diagnostic(
    `from the last line to the end: ${withPool.toFixed(1)} ms with, ${without.toFixed(1)} ms without a pool`,
  );
  assert.ok(withPool - without < MOST_DELAY_MS);
});
