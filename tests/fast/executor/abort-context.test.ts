/** Whose listeners of an abort signal are: the task's, whatever made the abort come. */

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { addAbortSignal } from "node:stream";
import { test } from "node:test";

import { LogQueue } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { currentTask } from "asynccpu";
import { getLogger } from "asynccpu";
import { log } from "asynccpu";
import type { LogRecord } from "asynccpu";
import type { ProcessFuture } from "asynccpu";

/** Ends a task that runs. */
type End = (future: ProcessFuture<unknown>) => unknown;

/** Long enough that a task which is waited for so long has hung. */
const GRACE_MS = 20_000;

/** Runs a task named "worker" until it is ended, when it has logged "ready", and gives the records after that. */
async function recordsOf(task: () => Promise<unknown>, end: End, timeoutMs?: number): Promise<LogRecord[]> {
  const queue = new LogQueue();
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, queue, graceMs: GRACE_MS });
  // A task before it, in whose context the abort must not be seen. It loads what the next one needs: that counts as
  // its time.
  await executor.with({ name: "earlier" }).createProcessTask((later: unknown) => typeof later, task);
  const future = executor.with({ name: "worker", timeoutMs }).createProcessTask(task);
  const ending = future.exception();
  assert.equal((await queue.get()).message, "ready");
  const begunMs = performance.now();
  end(future);
  await ending;
  assert.ok(performance.now() - begunMs < GRACE_MS, "it ended by itself");
  queue.close();
  const records: LogRecord[] = [];
  for await (const record of queue) records.push(record);
  return records;
}

function summaryOf(records: readonly LogRecord[]): string[] {
  return records.map(({ taskName, message }) => `${taskName ?? "none"}: ${message}`);
}

/** Logs in each kind of listener, and ends when the last one was called. */
function logInListeners(): Promise<void> {
  const { signal } = currentTask();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      console.log(`listener of ${currentTask().name}`);
      getLogger("part").warn("logger");
      log("info", "log");
    });
    AbortSignal.any([signal]).addEventListener("abort", () => console.log(`any of ${currentTask().name}`));
    addAbortSignal(
      signal,
      new Readable({
        read: () => {},
        destroy: (_error, done) => {
          console.log(`stream of ${currentTask().name}`);
          done(null);
          setTimeout(() => {
            console.log(`timer of ${currentTask().name}`);
            resolve();
          }, 1);
        },
      }),
    ).on("error", () => {});
    console.log("ready");
  });
}

const EXPECTED = [
  "worker: any of worker",
  "worker: listener of worker",
  "worker: log",
  "worker: logger",
  "worker: stream of worker",
  "worker: timer of worker",
];

test("listeners of a cancelled task run as that task, and their records carry its name", async () => {
  const records = await recordsOf(logInListeners, (future) => future.cancel("enough"));
  assert.deepEqual(summaryOf(records).toSorted(), EXPECTED);
});

test("those of a task whose time is over, too", async () => {
  assert.deepEqual(summaryOf(await recordsOf(logInListeners, () => {}, 2000)).toSorted(), EXPECTED);
});

test("those of a task that receives SIGTERM, too", async () => {
  const records = await recordsOf(logInListeners, async (future) => (await future.started).sendSignal("SIGTERM"));
  assert.deepEqual(summaryOf(records).toSorted(), EXPECTED);
});

test("so do those of an abort that came while the task was in a synchronous loop", async () => {
  const records = await recordsOf(
    async () => {
      const listening = logInListeners();
      while (!currentTask().aborted);
      await listening;
    },
    (future) => future.cancel(),
  );
  assert.deepEqual(summaryOf(records).toSorted(), EXPECTED);
});
