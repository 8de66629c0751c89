/** Workers that are stopped or stuck, programs that are busy, and what becomes of timeouts and of the grace period. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";

import { CancelledError } from "../../src/index.js";
import { PROTOCOL_VERSION } from "../../src/wire/messages/protocol.js";
import { ProcessPool } from "../../src/pool/process-pool.js";
import { ProcessTaskPoolExecutor } from "../../src/index.js";
import { TaskSubmitter } from "../../src/executor/submit/task-submitter.js";
import { TaskTimeoutError } from "../../src/index.js";
import { poolOf } from "../testlibraries/pool-of.js";
import { currentTask } from "../../src/index.js";
import { encodeValue } from "../../src/values/codec.js";
import { hangForEver } from "../fixtures/tasks.js";
import { processId } from "../fixtures/tasks.js";
import { spinForEver } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { AnyFunction } from "../../src/values/classes/value-writer.js";
import type { ProcessFuture } from "../../src/index.js";

/** Keeps this process busy. */
function block(durationMs: number): void {
  const end = performance.now() + durationMs;
  while (performance.now() < end) {
    // Nothing else gets a turn.
  }
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}

/** A pool of one worker that doesn't wait long for a task to begin. */
class ImpatientPool implements AsyncDisposable {
  readonly #pool: ProcessPool;
  readonly #submitter: TaskSubmitter;

  constructor() {
    const settings = {
      protocolVersion: PROTOCOL_VERSION,
      mainUrl: undefined,
      graceMs: 1000,
      hasLogQueue: false,
      configurer: undefined,
      initializer: undefined,
      initargs: undefined,
    };
    this.#pool = new ProcessPool({
      maxWorkers: 1,
      worker: {
        start: { execArgv: undefined, env: undefined, cwd: undefined },
        settings: encodeValue(settings, "settings"),
        startTimeoutMs: 60_000,
        graceMs: 100,
        maxTasks: undefined,
        beginLimitMs: 500,
      },
      onLog: () => {},
      onActivity: () => {},
    });
    this.#submitter = new TaskSubmitter(this.#pool);
  }

  submit<T>(fn: AnyFunction, ...args: unknown[]): ProcessFuture<T> {
    return this.#submitter.submit<T>({ fn, args, options: {}, calledFrom: this.submit });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pool.close();
    await this.#pool.ended();
  }
}

test("a task for a worker that was stopped while it was idle runs elsewhere, once", async () => {
  await using pool = new ImpatientPool();
  const pid = await pool.submit<number>(processId);
  process.kill(pid, "SIGSTOP");
  assert.notEqual(await pool.submit<number>(processId), pid);
});

test("a task for a worker that spins in what an ended task left behind runs elsewhere", async () => {
  await using pool = new ImpatientPool();
  const pid = await pool.submit<number>(() => {
    setTimeout(() => {
      for (;;) {
        // The worker looks idle.
      }
    }, 1);
    return process.pid;
  });
  await sleep(50);
  assert.notEqual(await pool.submit<number>(processId), pid);
});

test("a task that has begun may take as long as it likes", async () => {
  await using pool = new ImpatientPool();
  const slow = async (durationMs: number): Promise<number> => {
    await new Promise((resolve) => {
      setTimeout(resolve, durationMs);
    });
    return process.pid;
  };
  const future = pool.submit<number>(slow, 1200);
  const { id } = await future.started;
  assert.equal(await future, id);
});

test("a worker that is stopped for a while goes on; one that is stopped for good is ended by the timeout", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 100 });
  const work = async (): Promise<string> => {
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    return "done";
  };
  const paused = executor.createProcessTask(work);
  const first = await paused.started;
  first.sendSignal("SIGSTOP");
  await sleep(300);
  assert.equal(paused.done, false);
  first.sendSignal("SIGCONT");
  assert.equal(await paused, "done");
  const stopped = executor.with({ timeoutMs: 300 }).createProcessTask(hangForEver);
  (await stopped.started).sendSignal("SIGSTOP");
  await assert.rejects(stopped, TaskTimeoutError);
  assert.equal(await executor.createProcessTask(work), "done");
});

test("a result that came in time is kept although this process was busy when its time was up, also a large one", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 0 });
  await executor.submit(processId);
  const limited = executor.with({ timeoutMs: 600 });
  const small = limited.submit(() => 7);
  await small.started;
  block(1500);
  assert.equal(await small, 7);
  const large = limited.submit(() => new Uint8Array(40_000_000).fill(1));
  await large.started;
  block(1500);
  assert.equal((await large).byteLength, 40_000_000);
});

test("a timeout is not lost to a process that was busy", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 0 });
  const future = executor.with({ timeoutMs: 100 }).submit(spinForEver);
  await future.started;
  block(2000);
  const begunMs = performance.now();
  await assert.rejects(future, TaskTimeoutError);
  assert.ok(performance.now() - begunMs < 2000);
});

test("a program that is busy for five seconds settles all, rightly and once, and takes no worker for dead", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, graceMs: 0 });
  // Once before any worker is ready, once with both.
  for (const round of ["starting", "ready"]) {
    const short = Array.from({ length: 500 }, (_, i) => executor.createProcessTask((value) => value * 2, i));
    const crashing = executor.createProcessTask(() => process.exit(3));
    const stuck = executor.with({ timeoutMs: 1000 }).createProcessTask(spinForEver);
    const after = Array.from({ length: 500 }, (_, i) => executor.createProcessTask((value) => value * 3, i));
    const cancelled = executor.createProcessTask(hangForEver);
    const bad = Promise.allSettled([crashing, stuck, cancelled]);
    if (round === "ready") await stuck.started;
    cancelled.cancel();
    block(5000);
    const names = (await bad).map((outcome) =>
      outcome.status === "rejected" ? (outcome.reason as Error).name : round,
    );
    assert.deepEqual(names, ["WorkerCrashedError", "TaskTimeoutError", "CancelledError"]);
    assert.deepEqual(await Promise.all([...short, ...after]), [
      ...Array.from({ length: 500 }, (_, i) => i * 2),
      ...Array.from({ length: 500 }, (_, i) => i * 3),
    ]);
  }
  // One in each round: it ran the task that exits.
  assert.equal(executor.stats().crashedWorkers, 2);
});

test("cancelling a task that has timed out says that it is not cancelled", async () => {
  // With a grace period that nobody waits for.
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 100_000 });
  const future = executor.with({ timeoutMs: 20 }).submit(spinForEver);
  const processTask = await future.started;
  const [worker] = poolOf(executor).workers;
  await waitUntil(() => worker?.task?.endReason !== undefined, { what: "the end of its time" });
  assert.equal(future.done, false, "it has its grace period");
  assert.equal(future.cancel(), false);
  processTask.sendSignal("SIGKILL");
  await assert.rejects(future, TaskTimeoutError);
  assert.equal(future.cancelled, false);
});

test("a cancelling shutdown leaves a task its whole grace period, also above the worker's own limit for SIGTERM", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "asynccpu-grace-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 20_000, cancelTasksWhenShutdown: true });
  const marker = join(folder, "cleaned-up");
  const future = executor.createProcessTask(async (path: string) => {
    const { signal } = currentTask();
    await new Promise((resolve) => {
      signal.addEventListener("abort", resolve);
      writeFileSync(`${path}-listens`, "");
    });
    await new Promise((resolve) => {
      setTimeout(resolve, 1600);
    });
    writeFileSync(path, "");
  }, marker);
  await waitUntil(() => existsSync(`${marker}-listens`), { what: "the task to listen" });
  await executor.shutdown();
  await assert.rejects(future, CancelledError);
  assert.equal(existsSync(marker), true);
});

test("a worker in doubt keeps its place until its task has ended: never more tasks at a time than maxWorkers", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  // The bomb goes off when the next task runs.
  const leaver = await executor.submit(() => {
    const timer = setInterval(() => {
      if (!Reflect.has(globalThis, "lastingTaskRuns")) return;
      clearInterval(timer);
      throw new Error("left behind");
    }, 5);
    return process.pid;
  });
  const lasting = executor.submit(async () => {
    Reflect.set(globalThis, "lastingTaskRuns", true);
    await new Promise((resolve) => {
      setTimeout(resolve, 800);
    });
    return { pid: process.pid, end: Date.now() };
  });
  const next = executor.submit(() => ({ pid: process.pid, begin: Date.now() }));
  const [first, second] = await Promise.all([lasting, next]);
  assert.equal(first.pid, leaver);
  assert.notEqual(second.pid, leaver, "the worker was replaced");
  assert.ok(second.begin >= first.end, "the two ran at the same time");
});
