/** SIGTERM to the process of a task: by the library it ends the task as cancelling does, by others it is a signal. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { appendFileSync } from "node:fs";
import { constants } from "node:os";
import { describe } from "node:test";
import { existsSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";

import { CancelledError } from "../../src/index.js";
import { FakePlatform } from "../testlibraries/fake-platform.js";
import { ProcessTask } from "../../src/index.js";
import { ProcessTaskFactory } from "../../src/executor/process-task-factory.js";
import { ProcessTaskManager } from "../../src/executor/process-task-manager.js";
import { ProcessTaskPoolExecutor } from "../../src/index.js";
import { WorkerCrashedError } from "../../src/index.js";
import { add } from "../fixtures/tasks.js";
import { coreOf } from "../../src/executor/executor-core.js";
import { currentTask } from "../../src/index.js";
import { endBySigterm } from "../../src/pool/worker/end-by-sigterm.js";
import { hangForEver } from "../fixtures/tasks.js";
import { spinForEver } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { PoolTask } from "../../src/pool/queue/pool-task.js";
import type { ProcessFuture } from "../../src/index.js";
import type { ProcessPoolExecutor } from "../../src/index.js";
import type { Worker } from "../../src/pool/worker/worker.js";

const folder = mkdtempSync(join(tmpdir(), "asynccpu-sigterm-"));
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 300 });
/** With a grace period that no test waits for: what ends here has ended by itself. */
const patient = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 100_000 });

after(async () => {
  await executor.shutdown();
  await patient.shutdown();
  rmSync(folder, { recursive: true });
});

async function assertEndedBySigterm(future: ProcessFuture<unknown>, message = /SIGTERM/): Promise<void> {
  const error = await future.exception();
  assert.ok(error instanceof CancelledError, String(error));
  assert.deepEqual([error.cause, future.cancelled], ["SIGTERM", true]);
  assert.match(error.message, message);
}

/** Notes what it is asked in which order, and goes on. */
async function noteOrder(file: string): Promise<never> {
  const { signal } = currentTask();
  process.on("SIGTERM", () => appendFileSync(file, "handler\n"));
  signal.addEventListener("abort", () => appendFileSync(file, "abort\n"));
  appendFileSync(file, "ready\n");
  return await new Promise(() => {
    setInterval(() => {}, 1000);
  });
}

async function startNoting(pool: ProcessPoolExecutor, name: string): Promise<[ProcessFuture<never>, string]> {
  const file = join(folder, name);
  const future = pool.submit(noteOrder, file);
  await waitUntil(() => existsSync(file) && readFileSync(file, "utf8") !== "", { what: "the task" });
  return [future, file];
}

const ORDER = "ready\nhandler\nabort\n";

describe("SIGTERM by the library", { skip: process.platform === "win32" }, () => {
  for (const signal of ["SIGTERM", constants.signals.SIGTERM] as const) {
    test(`${signal} ends a synchronous loop that never asks, after the grace period, and the pool goes on`, async () => {
      const future = executor.createProcessTask(spinForEver);
      const processTask = await future.started;
      const begunMs = performance.now();
      assert.equal(processTask.sendSignal(signal), true);
      await assertEndedBySigterm(future, /^The task was ended by SIGTERM\.$/);
      assert.ok(performance.now() - begunMs >= 290, "it had its grace period");
      assert.equal(processTask.isAlive(), false);
      assert.equal(await executor.submit(add, 1, 1), 2);
    });
  }

  test("a synchronous loop that asks ends by itself, and its finally block runs", async () => {
    const file = join(folder, "finally");
    const future = patient.createProcessTask((path: string) => {
      try {
        for (;;) currentTask().throwIfAborted();
      } finally {
        appendFileSync(path, "finally");
      }
    }, file);
    (await future.started).sendSignal("SIGTERM");
    await assertEndedBySigterm(future);
    assert.equal(readFileSync(file, "utf8"), "finally");
    assert.equal(await patient.submit(add, 1, 1), 2);
  });

  test("so do the signals of a factory and of a manager, to all tasks, whoever submitted them", async () => {
    await using pool = new ProcessTaskPoolExecutor({ maxWorkers: 2, graceMs: 0 });
    const factory = new ProcessTaskFactory(coreOf(pool).submitter, coreOf(pool).pool);
    const manager = new ProcessTaskManager(factory, 1000);
    for (const send of [async () => factory.sendSignal("SIGTERM"), () => manager.lockAndSendSignal("SIGTERM")]) {
      const futures = [pool.createProcessTask(spinForEver), pool.submit(spinForEver)];
      for (const { started } of futures) await started;
      await send();
      for (const future of futures) await assertEndedBySigterm(future);
    }
  });

  test("a cancelling shutdown says so, and names the signal as the cause", async () => {
    const pool = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 0, cancelTasksWhenShutdown: true });
    const running = pool.createProcessTask(spinForEver);
    const waiting = pool.createProcessTask(add, 1, 1);
    await running.started;
    await pool.shutdown();
    await assertEndedBySigterm(running, /^The executor was shut down\.$/);
    const error = await waiting.exception();
    assert.ok(error instanceof CancelledError && error.cause === undefined);
  });

  test("a handler of the task's own is asked before its abort listeners, by sendSignal and by a shutdown", async () => {
    for (let round = 0; round < 3; round += 1) {
      const [future, file] = await startNoting(executor, `own-${round}`);
      (await future.started).sendSignal("SIGTERM");
      await assertEndedBySigterm(future);
      assert.equal(readFileSync(file, "utf8"), ORDER);
    }
    const pool = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 300, cancelTasksWhenShutdown: true });
    const [future, file] = await startNoting(pool, "own-shutdown");
    await pool.shutdown();
    await assertEndedBySigterm(future, /shut down/);
    assert.equal(readFileSync(file, "utf8"), ORDER);
  });

  test("a handler of the task's own that ends the process, and a task without any handler, are cancelled, too", async () => {
    for (const [i, prepare] of [
      () => process.on("SIGTERM", () => process.exit(0)),
      () => process.removeAllListeners("SIGTERM"),
    ].entries()) {
      const file = join(folder, `ends-${i}`);
      const future = patient.createProcessTask(
        (before: () => unknown, path: string) => {
          before();
          appendFileSync(path, "ready");
          return new Promise(() => {
            setInterval(() => {}, 1000);
          });
        },
        prepare,
        file,
      );
      await waitUntil(() => existsSync(file), { what: "the task" });
      (await future.started).sendSignal("SIGTERM");
      await assertEndedBySigterm(future);
    }
  });

  test("other signals are signals, and a worker without a task ends by SIGTERM", async () => {
    const future = executor.createProcessTask(hangForEver);
    const processTask = await future.started;
    assert.equal(processTask.sendSignal("SIGKILL"), true);
    assert.ok((await future.exception()) instanceof WorkerCrashedError);
    const idle = ProcessTask.for(await executor.submit(() => process.pid));
    assert.equal(idle.sendSignal("SIGTERM"), true);
    await waitUntil(() => !idle.isAlive(), { what: "the end of the idle worker" });
    assert.equal(await executor.submit(add, 1, 1), 2);
  });
});

describe("SIGTERM by somebody else", { skip: process.platform === "win32" }, () => {
  test("aborts a task that waits; a synchronous loop ends first", async () => {
    const polite = executor.createProcessTask(async () => {
      const { signal } = currentTask();
      await new Promise((_resolve, reject) => {
        if (signal.aborted) reject(signal.reason as Error);
        signal.addEventListener("abort", () => reject(signal.reason as Error));
        setInterval(() => {}, 1000);
      });
    });
    process.kill((await polite.started).id, "SIGTERM");
    await assertEndedBySigterm(polite, /^The worker process received SIGTERM\.$/);

    const file = join(folder, "loop");
    const loop = executor.createProcessTask((path: string) => {
      while (!existsSync(path));
      return "not disturbed";
    }, file);
    process.kill((await loop.started).id, "SIGTERM");
    appendFileSync(file, "");
    assert.equal(await loop, "not disturbed");
  });
});

describe("on another platform", () => {
  function makeWorker(
    log: string[],
    state: PoolTask["state"] = "running",
  ): Pick<Worker, "processTask" | "task" | "tasks"> {
    const task = { state } as PoolTask;
    const tasks = {
      lookForStart: () => false,
      end: (_task: PoolTask, { message }: Error) => log.push(`end: ${message}`),
    };
    return {
      processTask: ProcessTask.fromPlain({ id: 77, startTime: 77 }),
      task,
      tasks: tasks as unknown as Worker["tasks"],
    };
  }

  for (const [name, expected] of [
    ["win32", ["end: enough"]],
    ["linux", ["SIGTERM 77", "end: enough"]],
  ] as const) {
    test(`${name}: ${expected.length === 1 ? "no signal is sent" : "the signal is sent first"}`, () => {
      const platform = new FakePlatform(name, 1, [{ pid: 77, parentPid: 1 }]);
      const log = platform.signals;
      assert.equal(endBySigterm(makeWorker(log), new Error("enough"), platform), true);
      assert.deepEqual(log, expected);
    });
  }

  test("nothing is done to a worker without a task that runs", () => {
    const platform = new FakePlatform("linux", 1, [{ pid: 77, parentPid: 1 }]);
    assert.equal(endBySigterm(makeWorker(platform.signals, "dispatched"), new Error("enough"), platform), false);
    assert.deepEqual(platform.signals, []);
  });
});
