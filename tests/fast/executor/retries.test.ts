import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { existsSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after } from "node:test";
import { test } from "node:test";

import { Attempts } from "../../../src/executor/submit/attempts.js";
import { CancelledError } from "../../../src/index.js";
import { FlakyError } from "../../fixtures/retry-tasks.js";
import { InitializerError } from "../../../src/index.js";
import { InvalidOptionError } from "../../../src/index.js";
import { NotSerializableError } from "../../../src/index.js";
import { ProcessTaskPoolExecutor } from "../../../src/index.js";
import { TaskTimeoutError } from "../../../src/index.js";
import { WorkerCrashedError } from "../../../src/index.js";
import { add } from "../../fixtures/tasks.js";
import { blockUntilFileExists } from "../../fixtures/tasks.js";
import { crashAtFirst } from "../../fixtures/retry-tasks.js";
import { failAtFirst } from "../../fixtures/retry-tasks.js";
import { hangAtFirst } from "../../fixtures/retry-tasks.js";
import { waitUntil } from "../../testlibraries/wait-until.js";
import type { ProcessFuture } from "../../../src/index.js";
import type { RetryOptions } from "../../../src/index.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-retries-"));
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 100 });
let fileCount = 0;

after(async () => {
  await executor.shutdown();
  rmSync(folder, { recursive: true });
});

function newFile(): string {
  fileCount += 1;
  return path.join(folder, `runs-${fileCount}`);
}

function runsOf(file: string): number {
  return existsSync(file) ? readFileSync(file, "utf8").length : 0;
}

function withRetries(retries: RetryOptions): ReturnType<typeof executor.with> {
  return executor.with({ retries });
}

/** The errors of the attempts before the last one. */
function attemptsOf(error: unknown): readonly unknown[] {
  return (error as { attempts: readonly unknown[] }).attempts;
}

test("a task is never run again without being asked for", async () => {
  const file = newFile();
  await assert.rejects(executor.createProcessTask(crashAtFirst, file, 1), WorkerCrashedError);
  await assert.rejects(executor.createProcessTask(failAtFirst, file, 9), FlakyError);
  assert.equal(runsOf(file), 2);
});

test("a task that throws is tried again, with its arguments", async () => {
  const file = newFile();
  const bytes = new Uint8Array(300_000).fill(7);
  const view = executor.with({ retries: { limit: 2 }, transfer: [bytes.buffer] });
  const future = view.createProcessTask(failAtFirst, file, 2, bytes);
  assert.equal(bytes.byteLength, 0);
  const result = (await future) as Uint8Array;
  assert.equal(result.byteLength, 300_000);
  assert.ok(result.every((byte) => byte === 7));
  assert.equal(runsOf(file), 3);
});

test("the error of the last attempt has the others in attempts, each with both stacks", async () => {
  const file = newFile();
  await assert.rejects(withRetries({ limit: 2 }).submit(failAtFirst, file, 9), (error) => {
    assert.ok(error instanceof FlakyError);
    assert.equal(error.run, 3);
    const attempts = attemptsOf(error);
    assert.deepEqual(
      attempts.map((each) => each instanceof FlakyError && each.run),
      [1, 2],
    );
    for (const each of attempts as Error[]) {
      assert.match(each.stack ?? "", /failAtFirst[^]*submitted from[^]*retries\.test/);
    }
    return true;
  });
  assert.equal(runsOf(file), 3);
});

test("with a limit of 0 it runs once, and the error has no attempts", async () => {
  const file = newFile();
  await assert.rejects(
    withRetries({ limit: 0 }).submit(failAtFirst, file, 9),
    (error) => !("attempts" in Object(error)),
  );
  assert.equal(runsOf(file), 1);
});

test('"crash" tries again what died with its worker, and nothing else', async () => {
  const file = newFile();
  assert.equal(await withRetries({ limit: 3, on: "crash" }).submit(crashAtFirst, file, 2), 3);
  const thrown = newFile();
  await assert.rejects(withRetries({ limit: 3, on: "crash" }).submit(failAtFirst, thrown, 9), FlakyError);
  assert.equal(runsOf(thrown), 1);
  const often = newFile();
  await assert.rejects(withRetries({ limit: 1, on: "crash" }).submit(crashAtFirst, often, 9), (error) => {
    assert.ok(error instanceof WorkerCrashedError);
    assert.ok(attemptsOf(error)[0] instanceof WorkerCrashedError);
    return true;
  });
});

test('"error" tries again what crashed and what timed out as well; timeoutMs counts for each attempt', async () => {
  assert.equal(await withRetries({ limit: 1, on: "error" }).submit(crashAtFirst, newFile(), 1), 2);
  const hanging = executor.with({ retries: { limit: 1 }, timeoutMs: 300 });
  assert.equal(await hanging.submit(hangAtFirst, newFile(), 1), 2);
  await assert.rejects(hanging.submit(hangAtFirst, newFile(), 9), (error) => {
    assert.ok(error instanceof TaskTimeoutError);
    assert.ok(attemptsOf(error)[0] instanceof TaskTimeoutError);
    return true;
  });
});

test("a function is given the error, in the context of the submission, and decides", async () => {
  const file = newFile();
  const storage = new AsyncLocalStorage<string>();
  const asked: unknown[] = [];
  const on = (error: unknown): boolean => {
    asked.push([error instanceof FlakyError && error.run, storage.getStore()]);
    return error instanceof FlakyError && error.run < 2;
  };
  const future = storage.run("request", () => withRetries({ limit: 5, on }).submit(failAtFirst, file, 9));
  await assert.rejects(future, (error) => error instanceof FlakyError && error.run === 2);
  assert.deepEqual(asked, [
    [1, "request"],
    [2, "request"],
  ]);
});

test("what the function throws, or a promise that it gives, is what the task fails with", async () => {
  const throws = withRetries({
    limit: 5,
    on: () => {
      throw new RangeError("cannot tell");
    },
  });
  await assert.rejects(throws.submit(failAtFirst, newFile(), 9), (error) => {
    assert.ok(error instanceof RangeError);
    assert.ok(attemptsOf(error)[0] instanceof FlakyError);
    return true;
  });
  const on = (async () => true) as unknown as () => boolean;
  await assert.rejects(withRetries({ limit: 5, on }).submit(failAtFirst, newFile(), 9), InvalidOptionError);
  // That nobody handles its failure would end the program, and fails this test.
  const rejects = (async () => Promise.reject(new RangeError("later"))) as unknown as () => boolean;
  await assert.rejects(withRetries({ limit: 5, on: rejects }).submit(failAtFirst, newFile(), 9), InvalidOptionError);
});

test("a cancelled task is not tried again: while it runs, and while it waits for its next attempt", async () => {
  const file = newFile();
  const running = withRetries({ limit: 5 }).createProcessTask(hangAtFirst, file, 9);
  await running.started;
  await waitUntil(() => runsOf(file) === 1, { what: "its run" });
  running.cancel("enough");
  await assert.rejects(running, CancelledError);
  assert.equal(runsOf(file), 1);

  const waitingFile = newFile();
  const waiting = withRetries({ limit: 5, backoffMs: 100_000, maxBackoffMs: 100_000 }).submit(
    failAtFirst,
    waitingFile,
    9,
  );
  await waiting.started;
  await waitUntil(() => executor.stats().queuedTasks === 1, { what: "it to wait for its next attempt" });
  assert.equal(waiting.running, false);
  assert.equal(waiting.cancel("enough"), true);
  await assert.rejects(waiting, (error) => error instanceof CancelledError && error.cause === "enough");
  assert.equal(runsOf(waitingFile), 1);
  assert.equal(executor.stats().queuedTasks, 0);
});

test("one that is cancelled while it is asked whether to try again is not, nor is what its worker has next", async () => {
  const controller = new AbortController();
  const on = (): boolean => {
    controller.abort("given up");
    return true;
  };
  const file = newFile();
  const given = executor.with({ signal: controller.signal, retries: { limit: 5, on } }).submit(failAtFirst, file, 9);
  const gate = newFile();
  const next = executor.submit(blockUntilFileExists, gate);
  await assert.rejects(given, (error) => error instanceof CancelledError && error.cause === "given up");
  // For longer than the grace period of a task that is asked to end.
  await next.started;
  await sleep(300);
  writeFileSync(gate, "");
  await next;
  assert.equal(runsOf(file), 1);

  const timedOut = newFile();
  const future: ProcessFuture<unknown> = executor
    .with({ timeoutMs: 200, retries: { limit: 5, on: () => future.cancel("too slow") } })
    .submit(hangAtFirst, timedOut, 9);
  await assert.rejects(future, (error) => error instanceof CancelledError && error.cause === "too slow");
  assert.equal(runsOf(timedOut), 1);
});

test("it waits before each attempt, longer each time, up to a limit, and leaves a part to chance", () => {
  const delaysOf = (options: Omit<RetryOptions, "limit">, random = 0): unknown[] => {
    const attempts = new Attempts({ limit: 5, ...options }, () => random);
    return Array.from({ length: 5 }, () => attempts.fail(new Error("no"), true));
  };
  assert.deepEqual(delaysOf({}), [0, 0, 0, 0, 0]);
  assert.deepEqual(delaysOf({ backoffMs: 100 }), [100, 200, 400, 800, 1600]);
  assert.deepEqual(delaysOf({ backoffMs: 100, factor: 1 }), [100, 100, 100, 100, 100]);
  assert.deepEqual(delaysOf({ backoffMs: 100, factor: 3, maxBackoffMs: 500 }), [100, 300, 500, 500, 500]);
  assert.deepEqual(delaysOf({ backoffMs: 20_000 }), [20_000, 30_000, 30_000, 30_000, 30_000]);
  assert.deepEqual(delaysOf({ backoffMs: 100, jitter: 0.5 }, 1), [50, 100, 200, 400, 800]);
  assert.deepEqual(delaysOf({ backoffMs: 100, jitter: 1 }, 0.5), [50, 100, 200, 400, 800]);
});

test("without a wait there is none after a thousand retries either", () => {
  const attempts = new Attempts({ limit: 1100 });
  const delays = new Set(Array.from({ length: 1100 }, () => attempts.fail(new Error("again"), true)));
  assert.deepEqual([...delays], [0]);
});

test("an error that many tasks fail with does not get the attempts of one of them", () => {
  const attempts = new Attempts({ limit: 5 });
  assert.equal(attempts.fail(new FlakyError(1), true), 0);
  const shared = new InitializerError("initializer", { cause: new Error("no licence") });
  assert.deepEqual(attempts.fail(shared, false), { error: shared });
  assert.equal("attempts" in shared, false);
});

test("a wait between attempts is kept", async () => {
  const file = newFile();
  const begunMs = performance.now();
  await withRetries({ limit: 2, backoffMs: 100 }).submit(failAtFirst, file, 2);
  assert.ok(performance.now() - begunMs >= 300);
});

test("an attempt keeps its place: before what was submitted later, behind what is more urgent", async () => {
  await using own = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const order: string[] = [];
  const note = async (name: string, future: Promise<unknown>): Promise<void> => {
    await future;
    order.push(name);
  };
  const gate = path.join(folder, "gate");
  const file = newFile();
  const retried = own.with({ retries: { limit: 1 }, priority: 1 }).submit(failAtFirst, file, 1);
  const blocking = own.with({ priority: 1 }).createProcessTask(blockUntilFileExists, gate);
  const later = own.with({ priority: 1 }).submit(hangAtFirst, newFile(), 0);
  await blocking.started;
  await waitUntil(() => own.stats().queuedTasks === 2, { what: "the failure of the first one" });
  const urgent = own.with({ priority: 2 }).submit(hangAtFirst, newFile(), 0);
  // It is in the queue, and no longer put off.
  await new Promise((resolve) => {
    setTimeout(resolve, 50);
  });
  writeFileSync(gate, "open");
  await Promise.all([note("retried", retried), note("urgent", urgent), note("later", later), blocking]);
  assert.deepEqual(order, ["urgent", "retried", "later"]);
});

test("a shutdown waits for the attempts; one that cancels what waits does not", async () => {
  const own = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const file = newFile();
  const future = own.with({ retries: { limit: 2, backoffMs: 50 } }).submit(failAtFirst, file, 2);
  await own.shutdown();
  assert.equal(await future, "done");

  const other = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const waiting = other
    .with({ retries: { limit: 2, backoffMs: 100_000, maxBackoffMs: 100_000 } })
    .submit(failAtFirst, newFile(), 2);
  await waiting.started;
  await waitUntil(() => other.stats().queuedTasks === 1, { what: "it to wait for its next attempt" });
  const rejected = assert.rejects(waiting, CancelledError);
  await other.shutdown({ cancelFutures: true });
  await rejected;
});

test("what can't be sent twice is refused, and what can't be sent at all is not tried", async () => {
  const stream = new ReadableStream({ start: (controller) => controller.close() });
  await assert.rejects(
    withRetries({ limit: 1 }).submit(async (readable: ReadableStream) => {
      for await (const chunk of readable) void chunk;
    }, stream),
    (error) => error instanceof InvalidOptionError && /sent once/.test(error.message),
  );
  await assert.rejects(
    withRetries({ limit: 1 }).submit((value: unknown) => typeof value, new WeakRef({})),
    NotSerializableError,
  );
});

test("a map with retries runs the items that failed again, and gives all in order", async () => {
  const files = Array.from({ length: 6 }, newFile);
  const results: unknown[] = [];
  const failureCounts = [0, 1, 0, 2, 0, 1];
  for await (const result of withRetries({ limit: 2 }).map(failAtFirst, files, failureCounts, files)) {
    results.push(result);
  }
  assert.deepEqual(results, files);
  assert.deepEqual(files.map(runsOf), [1, 2, 1, 3, 1, 2]);
});

test("statistics count the outcome, not the attempts", async () => {
  await using own = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  await own.with({ retries: { limit: 2 } }).submit(failAtFirst, newFile(), 2);
  const { completedTasks, failedTasks } = own.stats();
  assert.deepEqual([completedTasks, failedTasks], [1, 0]);
  assert.equal(await own.submit(add, 1, 2), 3);
});

test("a map whose items are tried again sends each by itself", () => {
  assert.throws(() => executor.with({ retries: { limit: 1 }, chunkSize: 2 }), InvalidOptionError);
  assert.ok(executor.with({ retries: { limit: 1 }, chunkSize: 1 }));
});

test("options of retries that are out of range, or unknown, are refused", () => {
  const bad: unknown[] = [
    3,
    {},
    { limit: -1 },
    { limit: 1.5 },
    { limit: 1, backoffMs: -1 },
    { limit: 1, backoffMs: Number.NaN },
    { limit: 1, factor: 0.5 },
    { limit: 1, factor: Infinity },
    { limit: 1, maxBackoffMs: 2 ** 31 },
    { limit: 1, jitter: 1.1 },
    { limit: 1, on: "always" },
    { limit: 1, on: null },
    { limit: 1, attempts: 3 },
    null,
  ];
  for (const retries of bad) {
    assert.throws(
      () => executor.with({ retries: retries as RetryOptions }),
      InvalidOptionError,
      JSON.stringify(retries),
    );
  }
});
