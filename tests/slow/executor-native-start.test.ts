/** Executors whose workers are started natively, as in a program that has much memory. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { afterEach } from "node:test";
import { beforeEach } from "node:test";
import { describe } from "node:test";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { readFileSync } from "node:fs";
import { readdirSync } from "node:fs";
import { rmSync } from "node:fs";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";

import { CancelledError } from "../../src/index.js";
import { ProcessPoolExecutor } from "../../src/index.js";
import { ProcessTaskPoolExecutor } from "../../src/index.js";
import { WorkerCrashedError } from "../../src/index.js";
import { WorkerStartError } from "../../src/index.js";
import { add } from "../fixtures/tasks.js";
import { childrenOf } from "../testlibraries/process-inspection.js";
import { echo } from "../fixtures/tasks.js";
import { isAlive } from "../testlibraries/process-family.js";
import { processId } from "../fixtures/tasks.js";
import { startFixture } from "../testlibraries/process-family.js";
import { useStartHost } from "../../src/system/start/start-process.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const folder = mkdtempSync(join(tmpdir(), "asynccpu-native-"));
after(() => rmSync(folder, { recursive: true }));

/** Native children are known by the signal that tells their ends. */
function assertIsNative(): void {
  assert.equal(process.listenerCount("SIGCHLD"), 1);
}

function countDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

describe("with workers started natively", { skip: process.platform === "linux" ? false : "for Linux" }, () => {
  beforeEach(() => useStartHost({ thresholdBytes: 0 }));
  afterEach(async () => {
    useStartHost();
    // The shell that wakes orphans goes with the last worker.
    await waitUntil(() => childrenOf(process.pid).length === 0, { what: "no child, no zombie" });
    await waitUntil(() => process.listenerCount("SIGCHLD") === 0, { what: "no listener" });
  });

  test("tasks run, and what they print and return is whole", async () => {
    await using executor = new ProcessPoolExecutor({ maxWorkers: 2, env: { ...process.env, NATIVE_TEST: "é😀" } });
    const sums = Array.from({ length: 1000 }, (_, i) => executor.submit(add, i, 1));
    assertIsNative();
    assert.deepEqual(
      await Promise.all(sums),
      sums.map((_, i) => i + 1),
    );
    const large = new Uint8Array(8 * 1024 * 1024).fill(7);
    assert.deepEqual(await executor.submit(echo, large), large);
    assert.equal(await executor.submit(() => process.env["NATIVE_TEST"]), "é😀");
  });

  test("a crash tells code, signal and what was written last", async () => {
    await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    await executor.submit(add, 1, 1);
    const isCode = (error: unknown): boolean =>
      error instanceof WorkerCrashedError && error.exitCode === 7 && error.signal === null;
    await assert.rejects(
      executor.submit(() => process.exit(7)),
      isCode,
    );
    const isSignal = (error: unknown): boolean =>
      error instanceof WorkerCrashedError &&
      error.signal === "SIGKILL" &&
      error.exitCode === null &&
      error.stderr === "last words";
    await assert.rejects(
      executor.submit(() => {
        console.error("last words");
        process.kill(process.pid, "SIGKILL");
        for (;;) {
          // Until the signal is here.
        }
      }),
      isSignal,
    );
    assert.equal(await executor.submit(add, 1, 2), 3);
    assertIsNative();
  });

  test("a cancelled task goes with all that it has started", async () => {
    await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 50 });
    const file = join(folder, "pid");
    const future = executor.createProcessTask((path: string) => {
      const child = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
      writeFileSync(path, `${child.pid}\n`);
      for (;;) {
        // Busy: only a kill ends this.
      }
    }, file);
    const { id } = await future.started;
    const read = (): number => {
      try {
        return Number(/^(\d+)\n/.exec(readFileSync(file, "utf8"))?.[1] ?? 0);
      } catch {
        return 0;
      }
    };
    const descendant = await waitUntil(read, { what: "the pid of the descendant" });
    assert.equal(isAlive(descendant), true);
    future.cancel();
    await assert.rejects(future, CancelledError);
    assert.deepEqual([id, descendant].filter(isAlive), []);
  });

  test("20 workers start and end, and leave no descriptor and no process", async () => {
    const before = countDescriptors();
    const pids = new Set<number>();
    {
      await using executor = new ProcessPoolExecutor({ maxWorkers: 4, maxTasksPerChild: 1 });
      for (const pid of await Promise.all(Array.from({ length: 20 }, () => executor.submit(processId)))) pids.add(pid);
      assertIsNative();
    }
    assert.equal(pids.size, 20);
    assert.deepEqual([...pids].filter(isAlive), []);
    await waitUntil(() => countDescriptors() <= before, { what: `${before} descriptors` });
  });

  test("a worker that can't be started gives the same error as ever", async () => {
    await using executor = new ProcessPoolExecutor({ maxWorkers: 1, cwd: join(folder, "missing") });
    await assert.rejects(executor.submit(add, 1, 1), (error: unknown) => {
      assert.ok(error instanceof WorkerStartError);
      assert.match(error.message, /ENOENT/);
      return true;
    });
  });

  test("a program with much memory starts its workers so by default, gets their output, and ends by itself", async () => {
    await using program = startFixture("has-much-memory");
    const end = await program.waitForEnd();
    assert.deepEqual([end.code, end.signal, end.stderr], [0, null, ""]);
    assert.equal(end.stdout, "small: child_process\nlarge: natively\nprinted by a task\nend of program\n");
    await program.waitForNobody();
  });
});
