import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";

import { startFixture } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";

/** Fewer where the same suite runs once more, on another version of Node. */
const KILLS = Number(process.env["ASYNCCPU_TEST_KILLS"] ?? 300);
const AT_A_TIME = 6;
const WINDOW_MS = 300;

/** What the issue promises is one second on a machine that has time; here six programs share it with their workers. */
const GONE_WITHIN_MS = 5000;

/** Kills one program that is starting its workers; gives how long its processes lived on, in milliseconds. */
async function killWhileStarting(): Promise<number> {
  await using program = startFixture("starts-workers");
  await program.waitForLine(/^starting$/);
  // The moment shall be random; nothing is awaited.
  await sleep(Math.random() * WINDOW_MS);
  program.kill("SIGKILL");
  const killedAtMs = performance.now();
  await waitUntil(() => program.survivors().length === 0, {
    deadlineMs: GONE_WITHIN_MS,
    what: `the end of ${program.survivors().join(", ")}`,
  });
  return performance.now() - killedAtMs;
}

test(`a parent killed at ${KILLS} random moments of its workers' start leaves none of them behind`, async (t) => {
  const survivalsMs: number[] = [];
  const lanes = Array.from({ length: AT_A_TIME }, async () => {
    while (survivalsMs.length < KILLS) survivalsMs.push(await killWhileStarting());
  });
  await Promise.all(lanes);
  const sorted = survivalsMs.toSorted((a, b) => a - b);
  assert.ok(sorted.length >= KILLS);
  t.diagnostic(
    `gone after ${sorted[sorted.length >> 1]?.toFixed()} ms (median), ${sorted.at(-1)?.toFixed()} ms at the most`,
  );
});
