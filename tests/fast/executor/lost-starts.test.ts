import assert from "node:assert/strict";
import { test } from "node:test";

import { ProcessPoolExecutor } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";
import { WorkerStartError } from "asynccpu";

import { add } from "../../fixtures/tasks.js";

test("a task whose worker dies before it begins, again and again, fails instead of waiting for ever", async () => {
  await using executor = new ProcessPoolExecutor({
    maxWorkers: 1,
    // The worker says that it is ready, and is gone when the task comes.
    initializer: () => {
      setImmediate(() => process.kill(process.pid, "SIGKILL"));
    },
  });
  const error = await executor.submit(add, 1, 2).exception();
  assert.ok(error instanceof WorkerCrashedError || error instanceof WorkerStartError, String(error));
  const next = await executor.submit(add, 1, 2).exception();
  assert.ok(next instanceof WorkerCrashedError || next instanceof WorkerStartError, String(next));
});
