/** Tasks that begin without a notice, in real processes. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { appendFileSync } from "node:fs";
import { before } from "node:test";
import { mkdtempSync } from "node:fs";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import path from "node:path";

import { CancelledError } from "asynccpu";
import { LogQueue } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";
import type { ProcessFuture } from "asynccpu";

import { spinFor } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";

let folder = "";

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), "asynccpu-kept-"));
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** After so many short tasks a worker keeps its journal in memory that is mapped, if it can. */
async function warmUpToMapping(executor: ProcessPoolExecutor): Promise<void> {
  for (let i = 0; i < 3; i += 1) {
    await Promise.all(Array.from({ length: 2500 }, () => executor.submit(spinFor, 0)));
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").slice(0, -1);
  } catch {
    return [];
  }
}

/** Takes a while; or says that it runs, logs when it is told to, and ends its process. */
function waitOrCrash(waitMs: number, file: string, isLogging: boolean): void {
  const endMs = performance.now() + waitMs;
  while (performance.now() < endMs);
  if (waitMs > 0) return;
  appendFileSync(file, "begun\n");
  if (isLogging) console.log("about to end");
  process.kill(process.pid, "SIGKILL");
}

for (const isMapped of [false, true]) {
  for (const isLogging of [false, true]) {
    const how = isLogging ? "logs and then " : "";
    test(`a task that ${how}ends its process runs once, in a ${isMapped ? "busy" : "fresh"} worker`, async () => {
      const file = path.join(folder, `crash-${isMapped}-${isLogging}`);
      await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, queue: new LogQueue() });
      if (isMapped) await warmUpToMapping(executor);
      // Known as a long one, it is not looked after for a while.
      await executor.submit(waitOrCrash, 400, file, isLogging);
      await assert.rejects(executor.submit(waitOrCrash, 0, file, isLogging), WorkerCrashedError);
      assert.deepEqual(linesOf(file), ["begun"]);
    });
  }
}

test("cancelling one of many short tasks harms no other one", async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  await warmUpToMapping(executor);
  const spinBriefly = (index: number): number => {
    const endMs = performance.now() + 0.1;
    while (performance.now() < endMs);
    return index;
  };
  for (let round = 0; round < 60; round += 1) {
    const futures = Array.from({ length: 30 }, (_, index) => executor.submit(spinBriefly, index));
    await futures[5]?.catch(() => {});
    const victim = futures.find(({ done, running }) => !done && !running) ?? futures[29];
    futures.find(({ done }) => !done)?.cancel();
    victim?.cancel();
    const outcomes = await Promise.allSettled(futures);
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === "fulfilled") assert.equal(outcome.value, index);
      else assert.ok(outcome.reason instanceof CancelledError, String(outcome.reason));
    }
  }
  assert.equal(executor.stats().startedWorkers, 1);
});

test("cancelFutures doesn't cancel a task that runs, also when the outcome of the one before it waits behind it", async () => {
  const file = path.join(folder, "cancel-futures");
  const executor = new ProcessPoolExecutor({ maxWorkers: 1, graceMs: 50 });
  await executor.warmUp();
  const spinAndTell = (durationMs: number, to: string): number => {
    if (to !== "") appendFileSync(to, "begun\n");
    const endMs = performance.now() + durationMs;
    while (performance.now() < endMs);
    return durationMs;
  };
  for (let i = 0; i < 3; i += 1) {
    await Promise.all(Array.from({ length: 200 }, () => executor.submit(spinAndTell, 0.05, "")));
  }
  const before = executor.submit(spinAndTell, 0.05, "");
  const runs = executor.submit(spinAndTell, 300, file);
  const waits = executor.submit(spinAndTell, 1, "");
  await waitUntil(() => linesOf(file).length > 0, { what: "the start of the task" });
  assert.equal(runs.running, true);
  await executor.shutdown({ cancelFutures: true });
  assert.equal(await before, 0.05);
  assert.equal(await runs, 300);
  await assert.rejects(waits, CancelledError);
});

test("asking whether a task runs takes nothing from the one before it, whose stream is still on its way", async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const work = async (durationMs: number, stream?: WritableStream<string>): Promise<number> => {
    const writer = stream?.getWriter();
    for (const text of writer === undefined ? [] : ["one", "two"]) await writer?.write(text);
    const endMs = performance.now() + durationMs;
    while (performance.now() < endMs);
    return durationMs;
  };
  for (let i = 0; i < 60; i += 1) await executor.submit(work, 0);
  const written: string[] = [];
  const behind: ProcessFuture<number>[] = [];
  const stream = new WritableStream<string>(
    {
      write: (text) => {
        written.push(text);
        if (text !== "one") return;
        // What comes meanwhile isn't read.
        const endMs = performance.now() + 200;
        while (performance.now() < endMs);
        void behind[0]?.running;
      },
    },
    { highWaterMark: 10 },
  );
  const first = executor.submit(work, 0, stream);
  behind.push(executor.submit(work, 300));
  assert.deepEqual([await first, ...(await Promise.all(behind))], [0, 300]);
  assert.deepEqual(written, ["one", "two"]);
});

test("a worker that retires during a long task gives those behind it away for good", async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 2, graceMs: 0 });
  await executor.warmUp();
  const sleepFor = async (durationMs: number, strayAfterMs?: number): Promise<number> => {
    if (strayAfterMs !== undefined) {
      setTimeout(() => {
        throw new Error("This error is a part of the test.");
      }, strayAfterMs);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, durationMs);
    });
    return process.pid;
  };
  for (let i = 0; i < 3; i += 1) await Promise.all([executor.submit(sleepFor, 60), executor.submit(sleepFor, 60)]);
  // What the first one leaves behind goes off in the long one.
  const first = executor.submit(sleepFor, 60, 120);
  const other = executor.submit(sleepFor, 200);
  const long = executor.submit(sleepFor, 100_000);
  const short = Array.from({ length: 7 }, () => executor.submit(sleepFor, 60));
  await Promise.all([first, other, ...short]);
  assert.equal(long.done, false);
  assert.equal(executor.stats().crashedWorkers, 0);
  long.cancel();
  await assert.rejects(long, CancelledError);
});
