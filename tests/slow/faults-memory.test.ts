/** Memory beside the heap that runs out. */

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { writeSync } from "node:fs";

import { ProcessTaskPoolExecutor } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";

import { add } from "../fixtures/tasks.js";
import { fixturePath } from "../testlibraries/process-family.js";

const noLimits = spawnSync("prlimit", ["--version"]).status === 0 ? false : "prlimit is not installed";

test("buffers of impossible sizes fail their task alone, in the same process", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const pid = await executor.submit(() => process.pid);
  for (const size of [2 ** 43, 2 ** 53 - 1]) {
    await assert.rejects(
      executor.submit((bytes: number) => Buffer.alloc(bytes).length, size),
      RangeError,
    );
    await assert.rejects(
      executor.submit((bytes: number) => new ArrayBuffer(bytes).byteLength, size),
      (error) => error instanceof RangeError && /allocation failed/.test(error.message),
    );
  }
  assert.equal(await executor.submit(() => process.pid), pid);
});

/** Takes buffers until the system has no more: this process is allowed so many bytes more than it has now. */
async function takeBuffers(spareBytes: number): Promise<never> {
  // From outside, and only now: Node 24 and 26 don't start under such a limit.
  const sizeKb = Number(/^VmSize:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
  const { status, stderr } = spawnSync("prlimit", [`--pid=${process.pid}`, `--as=${sizeKb * 1024 + spareBytes}`]);
  if (status !== 0) throw new Error(`prlimit failed: ${String(stderr)}`);
  for (const taken: Buffer[] = []; ;) taken.push(Buffer.alloc(10_000_000, 1));
}

test(
  "buffers until memory is out end one task, with its error or a crash; the pool goes on",
  { skip: noLimits },
  async (t) => {
    await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, maxTasksPerChild: 1 });
    for (const spareBytes of [300_000_000, 100_000_000]) {
      const error = await executor.createProcessTask(takeBuffers, spareBytes).exception();
      t.diagnostic(String(error).split("\n")[0] ?? "");
      assert.ok(
        (error instanceof RangeError && /allocat/.test(error.message)) || error instanceof WorkerCrashedError,
        String(error),
      );
      assert.equal(await executor.submit(add, 1, 2), 3);
    }
  },
);

/** Says what Node says when V8 has no more memory; then nothing moves in this thread. */
async function sayFatalAndWait(durationMs: number): Promise<string> {
  writeSync(2, "FATAL ERROR: Made up Allocation failed - JavaScript heap out of memory\n");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
  return "done";
}

test("a worker that hangs on its way to an abort fails its task, and the pool goes on", async () => {
  // In such a process the watchdog thread doesn't answer, or has ended.
  const execArgv = ["--import", pathToFileURL(fixturePath("lacks-threads")).href];
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, execArgv });
  const error = await executor.createProcessTask(sayFatalAndWait, 3_600_000).exception();
  assert.ok(error instanceof WorkerCrashedError, String(error));
  assert.deepEqual([error.signal, error.likelyCause], ["SIGKILL", "heap-limit"]);
  assert.match(error.stderr, /Made up/);
  assert.equal(await executor.submit(add, 1, 2), 3);
});

test("a task that only prints so is not killed, however long it waits, and blocks its thread", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  assert.equal(await executor.submit(sayFatalAndWait, 6000), "done");
  assert.equal(executor.stats().crashedWorkers, 0);
});
