import assert from "node:assert/strict";
import { after } from "node:test";
import { spawn } from "node:child_process";
import { test } from "node:test";

import { CancelledError } from "asynccpu";
import { LogQueue } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { TaskTimeoutError } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";
import { currentTask } from "asynccpu";
import type { ProcessFuture } from "asynccpu";

import { fixturePath } from "../testlibraries/process-family.js";
import { isAlive } from "../testlibraries/process-family.js";
import { processId } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const WISHES = [
  "child",
  "grandchild",
  "stubborn",
  "setsid",
  "group",
  "double-forked",
  "daemon",
  "bare",
  "bare-setsid",
];

const queue = new LogQueue();
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 300, queue });

after(async () => {
  await executor.shutdown();
  queue.close();
});

/** Founds a family that wants to live on, says its pids, and goes on as it is told. */
async function foundFamily(path: string, wishes: readonly string[], then: "spin" | "listen" | "exit"): Promise<void> {
  const founder = spawn(process.execPath, [path, ...wishes], { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  const pids = await new Promise<number[]>((resolve) => {
    founder.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const found = [...output.matchAll(/^pid \S+ (\d+)$/gm)].map((match) => Number(match[1]));
      // A grandchild comes with its parent.
      const expected = wishes.length + (wishes.includes("grandchild") ? 1 : 0);
      if (found.length === expected) resolve([...found, founder.pid ?? 0]);
    });
  });
  console.log(JSON.stringify(pids));
  if (then === "exit") process.exit(4);
  if (then === "listen") {
    const { signal } = currentTask();
    await new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  }
  for (;;) {
    // Busy: only a kill ends this.
  }
}

async function startFamily(
  then: "spin" | "listen" | "exit",
  options = {},
  wishes: readonly string[] = WISHES,
): Promise<{ pids: number[]; future: ProcessFuture<void> }> {
  const future = executor.with(options).createProcessTask(foundFamily, fixturePath("founds-family"), wishes, then);
  future.catch(() => {});
  const { message } = await queue.get();
  const pids = JSON.parse(message) as number[];
  return { pids, future };
}

async function assertAllGone(pids: readonly number[]): Promise<void> {
  await waitUntil(() => !pids.some(isAlive), { deadlineMs: 1000, what: `the end of ${pids.filter(isAlive).join()}` });
}

test("a busy task that is cancelled takes its whole family along, before its future settles", async () => {
  const { pids, future } = await startFamily("spin");
  assert.deepEqual(pids.filter(isAlive), pids);
  future.cancel();
  await assert.rejects(future, CancelledError);
  assert.deepEqual(pids.filter(isAlive), []);
});

test("a task that ends by itself when cancelled takes its family along too, and its worker goes on", async () => {
  const workerPid = await executor.submit(processId);
  const { pids, future } = await startFamily("listen");
  future.cancel();
  await assert.rejects(future, CancelledError);
  assert.deepEqual(pids.filter(isAlive), []);
  assert.equal(await executor.submit(processId), workerPid);
});

test("so does a task that times out", async () => {
  // Few, so that they are there in time on a loaded machine as well.
  const { pids, future } = await startFamily("spin", { timeoutMs: 4000 }, ["setsid", "stubborn"]);
  await assert.rejects(future, TaskTimeoutError);
  assert.deepEqual(pids.filter(isAlive), []);
});

test("a worker that crashes takes the family along", async () => {
  const { pids, future } = await startFamily("exit");
  await assert.rejects(future, WorkerCrashedError);
  await assertAllGone(pids);
});
