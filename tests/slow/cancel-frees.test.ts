/** What cancelling a busy task gives back: its CPU, and its place in the pool. */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";

import { CancelledError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";

import { cpuTimeMsOf } from "../testlibraries/process-family.js";
import { descendantsOf } from "../testlibraries/process-inspection.js";
import { isAlive } from "../testlibraries/process-family.js";
import { processId } from "../fixtures/tasks.js";
import { spinForEver } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const WINDOW_MS = 500;

/** CPU time that this process's descendants, all of them workers, use within a while, in milliseconds. */
async function cpuTimeWithin(windowMs: number): Promise<number> {
  const sum = (): number => descendantsOf(process.pid).reduce((total, pid) => total + cpuTimeMsOf(pid), 0);
  const before = sum();
  await sleep(windowMs);
  return sum() - before;
}

test("the CPU of a busy task is free when it is cancelled: that of the pool's processes stands still", async (t) => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, graceMs: 50 });
  await Promise.all([executor.submit(processId), executor.submit(processId)]);
  const busy = executor.createProcessTask(spinForEver);
  const { id } = await busy.started;
  await waitUntil(async () => (await cpuTimeWithin(WINDOW_MS)) >= WINDOW_MS / 10, { what: "a busy CPU" });
  const usedBefore = cpuTimeMsOf(id);
  busy.cancel();
  const cancelledAtMs = performance.now();
  await assert.rejects(busy, CancelledError);
  t.diagnostic(
    `settled ${(performance.now() - cancelledAtMs).toFixed()} ms after the cancel, of which 50 ms are grace`,
  );
  assert.equal(isAlive(id), false);
  assert.ok(usedBefore > 0);
  // What the end itself costs, and what a worker still does after its start, has had its time when there is such a
  // window.
  await waitUntil(async () => (await cpuTimeWithin(WINDOW_MS)) === 0, {
    deadlineMs: 50_000,
    what: `${WINDOW_MS} ms without CPU time`,
  });
});

test("the replacement of a worker that ignores its cancel is on its way before the old one is gone", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 50 });
  const busy = executor.createProcessTask(spinForEver);
  const { id } = await busy.started;
  const next = executor.createProcessTask(processId);
  busy.cancel();
  // The future settles in the very turn of the event loop in which the end of the old process is seen.
  const [error, stats] = await busy.then(
    () => assert.fail("it spins"),
    (reason: unknown) => [reason, executor.stats()] as const,
  );
  assert.ok(error instanceof CancelledError);
  assert.equal(isAlive(id), false);
  assert.equal(stats.startedWorkers, 2);
  assert.ok(stats.workers.length === 1 && stats.workers[0]?.pid !== id && stats.workers[0]?.state !== "ending");
  assert.notEqual(await next, id);
});
