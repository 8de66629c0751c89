import assert from "node:assert/strict";
import { describe } from "node:test";
import { readFileSync } from "node:fs";
import { readdirSync } from "node:fs";
import { test } from "node:test";

import { ProcessPoolExecutor } from "asynccpu";
import { createSharedArray } from "asynccpu";

import { fill } from "../fixtures/memory-tasks.js";
import { isAlive } from "../testlibraries/process-family.js";
import { makeArrayAndDie } from "../fixtures/memory-tasks.js";
import { memoryDescriptors } from "../fixtures/memory-tasks.js";
import { startFixture } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const skip = process.platform === "linux" ? false : "shared memory is for Linux";

/** What the program's arrays take at least, in KiB. */
const ARRAYS_KIB = (2 * 4_000_000 * 8) / 1024;
/** What others may do to the machine's shared memory meanwhile, in KiB. */
const SLACK_KIB = 16 * 1024;

/** Memory of the whole machine that is shared or a file without a disk, in KiB. */
function sharedMemoryKib(): number {
  return Number(/^Shmem:\s+(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]);
}

function filesInDevShm(): string[] {
  return readdirSync("/dev/shm").filter((name) => name.includes("asynccpu"));
}

describe("shared memory outlives nobody", { skip }, () => {
  for (const victim of ["program", "worker", "both"] as const) {
    test(`killed with SIGKILL: ${victim}`, async () => {
      const filesBefore = filesInDevShm();
      await using program = startFixture("shares-memory", { args: ["holds"] });
      const [, text] = await program.waitForLine(/^worker (\d+)$/);
      const workerId = Number(text);
      // The program has both arrays open, the worker the one that it holds, and maybe its own still.
      assert.equal(memoryDescriptors(program.pid).length, 2);
      assert.ok(memoryDescriptors(workerId).length >= 1);
      const heldKib = sharedMemoryKib();
      assert.deepEqual(filesInDevShm(), filesBefore, "nothing has a name while it is used");
      if (victim !== "program") process.kill(workerId, "SIGKILL");
      if (victim !== "worker") program.kill("SIGKILL");
      const end = await program.waitForEnd();
      // Of the killed worker, the program hears by its future, and ends by an unhandled rejection.
      if (victim === "worker") assert.match(end.stderr, /WorkerCrashedError/);
      await waitUntil(() => !isAlive(workerId) && program.survivors().length === 0, { what: "the end of the worker" });
      await waitUntil(() => sharedMemoryKib() <= heldKib - ARRAYS_KIB + SLACK_KIB, { what: "the memory to be free" });
      assert.deepEqual(filesInDevShm(), filesBefore);
    });
  }

  test("a program that forgets everything leaves nothing", async () => {
    const before = { kib: sharedMemoryKib(), files: filesInDevShm() };
    await using program = startFixture("shares-memory", { args: ["forgets"] });
    const { code, stderr } = await program.waitForEnd();
    assert.equal(code, 0, stderr);
    await waitUntil(() => program.survivors().length === 0, { what: "the end of its worker" });
    await waitUntil(() => sharedMemoryKib() <= before.kib + SLACK_KIB, { what: "the memory to be free" });
    assert.deepEqual(filesInDevShm(), before.files);
  });

  test("a worker that dies right after it has sent its result: the future settles, whatever came first", async () => {
    await using executor = new ProcessPoolExecutor({ maxWorkers: 2 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => executor.submit(makeArrayAndDie, 1000)),
    );
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") assert.equal(outcome.value[999], 4);
      else assert.match(String(outcome.reason), /^(?:SharedMemoryError|WorkerCrashedError)/);
    }
  });
});

describe("a large array", { skip }, () => {
  test("of 1 GiB goes to a worker and back, in both directions, without a copy", async (t) => {
    const memory = Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]);
    if (memory < 3 * 1024 * 1024) {
      t.skip("not enough memory");
      return;
    }
    await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    using array = createSharedArray(Float64Array, 2 ** 27);
    const heldKib = sharedMemoryKib();
    for (let round = 0; round < 100; round += 1) {
      const at = array.length - 1 - round;
      await executor.submit(fill, array.subarray(at, at + 1), round);
      const back = await executor.submit((whole: Float64Array) => whole, array);
      assert.equal(back.buffer, array.buffer);
      assert.equal(back.length, 2 ** 27);
      assert.equal(array[at], round);
    }
    // 100 copies of it would not have gone unnoticed; one would not either. (What others have meanwhile goes again.)
    await waitUntil(() => sharedMemoryKib() < heldKib + 256 * 1024, { what: "no more memory than the array" });
    const usedBytes = process.memoryUsage().rss - 2 ** 30;
    assert.ok(usedBytes < 512 * 1024 * 1024, `${usedBytes} bytes beside the array`);
  });
});
