/** Workers that can't be started, or die before they have done anything. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import type { TestContext } from "node:test";

import { InitializerError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";
import { WorkerStartError } from "asynccpu";

import { add } from "../fixtures/tasks.js";
import { processId } from "../fixtures/tasks.js";

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "asynccpu-starts-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A module that counts the processes that load it, and ends them while a file exists. */
function writePreload(folder: string): { preload: string; journal: string; breaker: string } {
  const [preload, journal, breaker] = [join(folder, "preload.mjs"), join(folder, "starts"), join(folder, "broken")];
  writeFileSync(journal, "");
  writeFileSync(
    preload,
    `import { appendFileSync, existsSync } from "node:fs";
     appendFileSync(${JSON.stringify(journal)}, "s");
     if (existsSync(${JSON.stringify(breaker)})) process.exit(7);`,
  );
  return { preload, journal, breaker };
}

function nap(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 20);
  });
}

test("while one worker runs and others can't be started, there is no storm of processes, and strength returns", async (t) => {
  const { preload, journal, breaker } = writePreload(makeFolder(t));
  await using executor = new ProcessPoolExecutor({ maxWorkers: 2, execArgv: ["--import", preload] });
  await executor.submit(add, 1, 1);
  writeFileSync(breaker, "");
  await Promise.all(Array.from({ length: 100 }, () => executor.submit(nap)));
  const starts = readFileSync(journal, "utf8").length;
  assert.ok(starts >= 2 && starts <= 8, `${starts} processes were started`);
  rmSync(breaker);
  // The pauses double, so the next attempt may be some seconds away.
  const pids = new Set<number>();
  for (const deadline = performance.now() + 40_000; pids.size < 2 && performance.now() < deadline;) {
    const work = [executor.submit(processId), executor.submit(processId), executor.submit(nap), executor.submit(nap)];
    for (const pid of await Promise.all(work)) if (typeof pid === "number") pids.add(pid);
  }
  assert.equal(pids.size, 2);
});

test("workers that become ready and die before every task don't make a storm for a long queue", async (t) => {
  const { preload, journal } = writePreload(makeFolder(t));
  await using executor = new ProcessPoolExecutor({
    maxWorkers: 1,
    execArgv: ["--import", preload],
    initializer: () => {
      // Right after it has said that it is ready.
      setImmediate(() => process.kill(process.pid, "SIGKILL"));
    },
  });
  const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => executor.submit(add, 1, 2)));
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled") continue;
    const { reason } = outcome as { reason: unknown };
    assert.ok(reason instanceof WorkerStartError || reason instanceof WorkerCrashedError, String(reason));
  }
  const starts = readFileSync(journal, "utf8").length;
  assert.ok(starts <= 30, `${starts} processes were started`);
});

test("an initializer that fails in the second worker only: what runs ends well, all else fails with the cause", async (t) => {
  const marker = join(makeFolder(t), "first");
  await using executor = new ProcessPoolExecutor({
    maxWorkers: 2,
    initializer: (path: string) => {
      try {
        writeFileSync(path, "", { flag: "wx" });
      } catch {
        throw new Error("I am the second");
      }
    },
    initargs: [marker],
  });
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => executor.submit(nap)));
  const failures = outcomes.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
  assert.ok(failures.every(({ reason }) => reason instanceof InitializerError && /second/.test(reason.message)));
  const late = await executor.submit(add, 1, 2).exception();
  // With an extremely slow second worker all 50 may have run.
  if (failures.length > 0) assert.ok(late instanceof InitializerError);
});

test("maxTasksPerChild and crashes strand nobody: each worker runs one task, every fifth task ends its process", async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 2, maxTasksPerChild: 1 });
  const work = (i: number): number => {
    if (i % 5 === 0) process.exit(3);
    return process.pid;
  };
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => executor.submit(work, i)));
  const pids = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : []));
  assert.equal(pids.length, 16);
  assert.equal(new Set(pids).size, 16);
});
