/** Tasks that ruin their process in every way that there is, and floods. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";

import { CancelledError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";
import { currentTask } from "asynccpu";

import { add } from "../fixtures/tasks.js";
import { descendantsOf } from "../testlibraries/process-inspection.js";
import { isAlive } from "../testlibraries/process-inspection.js";
import { startFixture } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";

test("a full heap ends one task, with SIGABRT and what V8 said; the next one is fine", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, execArgv: ["--max-old-space-size=64"] });
  const hoard = (): never => {
    const kept: number[][] = [];
    for (;;) kept.push(Array.from({ length: 1000 }, () => Math.random()));
  };
  const error = await executor.submit(hoard).exception();
  assert.ok(error instanceof WorkerCrashedError);
  assert.equal(error.signal, "SIGABRT");
  assert.equal(await executor.submit(add, 1, 2), 3);
});

test("abort, stack overflow, a task that exits after it ended, and one that takes away all listeners harm nobody else", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const overflow = (depth: number): number => overflow(depth + 1) + 1;
  await assert.rejects(
    executor.submit(() => process.abort()),
    (error) => error instanceof WorkerCrashedError && error.signal === "SIGABRT",
  );
  assert.equal(await executor.submit(add, 1, 2), 3);
  await assert.rejects(executor.submit(overflow, 0), RangeError);
  const leaveExit = (code: number): string => {
    setImmediate(() => process.exit(code));
    return "kept";
  };
  for (const code of [0, 3]) {
    assert.equal(await executor.submit(leaveExit, code), "kept");
    assert.equal(await executor.submit(add, 1, 2), 3);
  }
  const deafen = (): void => {
    process.removeAllListeners();
  };
  await executor.submit(deafen);
  const bomb = executor.submit(() => {
    setTimeout(() => {
      throw new Error("nobody listens");
    }, 1);
    return new Promise<never>(() => {});
  });
  await assert.rejects(bomb, WorkerCrashedError);
  assert.equal(await executor.submit(add, 1, 2), 3);
});

test("there is no built-in channel to write to, standard input is empty, and chdir breaks nothing", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  assert.deepEqual(await executor.submit(() => [typeof process.send, typeof process.disconnect]), [
    "undefined",
    "undefined",
  ]);
  const readInput = async (): Promise<number> => {
    let sizeBytes = 0;
    for await (const chunk of process.stdin) sizeBytes += (chunk as Buffer).byteLength;
    return sizeBytes;
  };
  assert.equal(await executor.submit(readInput), 0);
  const move = (): void => process.chdir("/");
  await executor.submit(move);
  assert.equal(await executor.submit(add, 1, 2), 3);
});

test("what is thrown arrives as that very value, also undefined, null and 0", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const throwIt = (value: unknown): never => {
    throw value;
  };
  for (const value of [undefined, null, 0, "", false]) {
    const outcome = await Promise.allSettled([executor.submit(throwIt, value)]);
    assert.deepEqual(outcome, [{ status: "rejected", reason: value }]);
  }
});

test("floods of 100 MB on both standard streams come through, the memory of the program staying small", async () => {
  await using program = startFixture("floods-output", { args: ["100"] });
  const end = await program.waitForEnd(110_000);
  assert.equal(end.code, 0);
  // What it wrote last may still be in the pipes to this process.
  await waitUntil(() => program.stdout.length > 100_000_000 && program.stderr.length >= 100_000_000, {
    what: "all that was written",
  });
  const peakMb = Number(/^flooded, (\d+) MB at most$/m.exec(program.stdout.slice(-200))?.[1]);
  assert.ok(peakMb < 300, `${peakMb} MB`);
});

test("a task that is cancelled and ends by itself takes what it has started along; its worker stays", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 20_000 });
  const found = async (): Promise<void> => {
    const { signal } = currentTask();
    const child = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
    await new Promise((resolve) => {
      signal.addEventListener("abort", resolve);
      child.unref();
    });
  };
  const future = executor.createProcessTask(found);
  const { id } = await future.started;
  // The worker has loaded the function and waits when the next look at its children finds the one.
  const children = await waitForChildren(id);
  future.cancel();
  await assert.rejects(future, CancelledError);
  assert.deepEqual(children.filter(isAlive), []);
  assert.equal(await executor.submit(() => process.pid), id);
});

test("nested executors: a killed outer worker takes the inner one along, and inner results come out", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 100 });
  const nest = async (a: number, b: number): Promise<number[]> => {
    await using inner = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
    return Promise.all([inner.submit(add, a, b), inner.submit(add, b, b)]);
  };
  assert.deepEqual(await executor.submit(nest, 1, 2), [3, 4]);
  const hold = async (): Promise<never> => {
    const inner = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    await inner.submit(add, 1, 2);
    return new Promise<never>(() => {});
  };
  const future = executor.createProcessTask(hold);
  const { id } = await future.started;
  const inner = await waitForChildren(id);
  process.kill(id, "SIGKILL");
  await assert.rejects(future, WorkerCrashedError);
  assert.deepEqual(inner.filter(isAlive), []);
  assert.equal(await executor.submit(add, 1, 2), 3);
});

async function waitForChildren(pid: number): Promise<number[]> {
  const found = await waitUntil(
    () => {
      const pids = descendantsOf(pid);
      return pids.length > 0 && pids;
    },
    { what: `children of ${pid}` },
  );
  return found === false ? [] : found;
}
