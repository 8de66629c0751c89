import assert from "node:assert/strict";
import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";

import "../testlibraries/mockable-timers.js";
import { NestingTooDeepError } from "../../src/index.js";
import { ProcessTaskPoolExecutor } from "../../src/index.js";
import { WorkerStartError } from "../../src/index.js";
import { add } from "../fixtures/tasks.js";
import { digDown } from "../fixtures/digs-down.js";
import { nestingProblem } from "../../src/pool/nesting.js";
import { processId } from "../fixtures/tasks.js";
import { spinUntilAborted } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";

test("pools inside of pools end at a depth of five, with an error that says so", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const error = await executor.submit(digDown, 1).exception();
  assert.ok(error instanceof NestingTooDeepError, String(error));
  assert.equal(error.code, "ASYNCCPU_NESTING_TOO_DEEP");
  assert.equal(error.depth, 5);
});

test("the limit of the depth can be set, for a program and all that is nested in it", async () => {
  await using executor = new ProcessTaskPoolExecutor({
    maxWorkers: 1,
    env: { ...process.env, ASYNCCPU_MAX_DEPTH: "2" },
  });
  const error = await executor.submit(digDown, 1).exception();
  assert.equal((error as NestingTooDeepError).depth, 2);
  assert.equal(nestingProblem({}), undefined);
  assert.equal(nestingProblem({ ASYNCCPU_COOKIE: "a:b:c:d" }), undefined);
  assert.equal(nestingProblem({ ASYNCCPU_COOKIE: "a:b:c:d:e" })?.depth, 5);
  assert.equal(nestingProblem({ ASYNCCPU_COOKIE: "a:b:c:d:e", ASYNCCPU_MAX_DEPTH: "6" }), undefined);
  assert.equal(nestingProblem({ ASYNCCPU_COOKIE: "a:b:c:d:e", ASYNCCPU_MAX_DEPTH: "six" })?.depth, 5);
});

test("an initializer that never ends makes the start fail after startTimeoutMs; what waits is told why", async () => {
  await using executor = new ProcessTaskPoolExecutor({
    maxWorkers: 1,
    startTimeoutMs: 400,
    initializer: () => new Promise(() => setInterval(() => {}, 1000)),
  });
  const error = await executor.submit(add, 1, 2).exception();
  assert.ok(error instanceof WorkerStartError, String(error));
  assert.match(error.message, /not ready for a task after 400 ms \(startTimeoutMs\)/);
});

test("a start that is slow, but not too slow, is no failure", async () => {
  await using executor = new ProcessTaskPoolExecutor({
    maxWorkers: 1,
    startTimeoutMs: 20_000,
    initializer: () => new Promise((resolve) => setTimeout(resolve, 200)),
  });
  assert.notEqual(await executor.submit(processId), process.pid);
});

test("when starts have failed beside a worker that runs, another is tried after a pause, also if its timer is early", async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), "asynccpu-limits-"));
  t.after(() => rmSync(cwd, { recursive: true, force: true }));
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, cwd });
  const running = executor.createProcessTask(spinUntilAborted);
  try {
    const { id } = await running.started;
    rmSync(cwd, { recursive: true });
    const pauses: (() => void)[] = [];
    const setTimer = globalThis.setTimeout;
    const mocked = t.mock.method(globalThis, "setTimeout", (callback: () => void, delayMs?: number, ...args: []) => {
      // The first pause: its end comes when the test says so, far too early.
      if (delayMs === 1000) pauses.push(callback);
      return setTimer(delayMs === 1000 ? () => {} : callback, delayMs, ...args);
    });
    const waiting = executor.createProcessTask(processId);
    await waitUntil(() => pauses.length > 0, { what: "the pause" });
    mocked.mock.restore();
    mkdirSync(cwd);
    for (const endPause of pauses) endPause();
    await waitUntil(() => waiting.done, { what: "the task that waits for another worker" });
    assert.notEqual(await waiting, id);
  } finally {
    running.cancel();
    await running.exception();
  }
});
