import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { readdirSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";

import { InitializerError } from "asynccpu";
import { LogQueue } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { WorkerStartError } from "asynccpu";

import { add } from "../../fixtures/tasks.js";

/** What the initializer leaves in a worker for its tasks. */
const state = globalThis as typeof globalThis & { prepared?: string };

test("the initializer runs once in each worker, before its first task, with its arguments", async () => {
  await using executor = new ProcessPoolExecutor({
    maxWorkers: 2,
    initializer: async (text: string, count: number) => {
      await new Promise(setImmediate);
      const holder = globalThis as { prepared?: string };
      holder.prepared = (holder.prepared ?? "") + text + count;
    },
    initargs: ["ready", 1],
  });
  const read = (): string | undefined => (globalThis as { prepared?: string }).prepared;
  const seen = await Promise.all(Array.from({ length: 10 }, () => executor.submit(read)));
  assert.deepEqual(new Set(seen), new Set(["ready1"]));
  assert.equal(state.prepared, undefined, "this process was left alone");
});

test("a failing initializer fails the waiting tasks with its error, later ones too, and is not tried for ever", async () => {
  const folder = mkdtempSync(join(tmpdir(), "asynccpu-init-"));
  await using executor = new ProcessPoolExecutor({
    maxWorkers: 2,
    initializer: (path: string) => {
      writeFileSync(join(path, String(process.pid)), "");
      throw new TypeError("no licence");
    },
    initargs: [folder],
  });
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => executor.submit(add, 1, 2).exception()));
  for (const error of outcomes) {
    assert.ok(error instanceof InitializerError);
    assert.ok(error.cause instanceof TypeError);
    assert.match(error.message, /initializer failed.*no licence/);
  }
  assert.ok((await executor.submit(add, 1, 2).exception()) instanceof InitializerError);
  await executor.shutdown();
  assert.ok(readdirSync(folder).length <= 2, "one try for each worker");
  rmSync(folder, { recursive: true });
});

test("a failing configurer is told from a failing initializer", async () => {
  await using executor = new ProcessTaskPoolExecutor({
    maxWorkers: 1,
    queue: new LogQueue(),
    configurer: () => {
      throw new Error("no log file");
    },
  });
  const error = await executor.submit(add, 1, 2).exception();
  assert.ok(error instanceof InitializerError);
  assert.match(error.message, /configurer failed.*no log file/);
});

test("workers that die at start-up fail the waiting tasks with the cause, after a few tries", async () => {
  await using executor = new ProcessPoolExecutor({
    maxWorkers: 2,
    initializer: () => {
      console.error("cannot go on");
      process.exit(7);
    },
  });
  const error = await executor.submit(add, 1, 2).exception();
  assert.ok(error instanceof WorkerStartError);
  assert.match(error.message, /3 attempts.*exited with code 7/);
  assert.match(error.stderr, /cannot go on/);
});

test("a working directory that does not exist fails the tasks with a clear error, and outside of none", async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 1, cwd: "/no/such/folder" });
  const error = await executor.submit(add, 1, 2).exception();
  assert.ok(error instanceof WorkerStartError);
  assert.match(error.message, /ENOENT/);
});

test("flags that Node refuses fail the tasks with what Node said", async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 1, execArgv: ["--no-such-flag-of-node"] });
  const error = await executor.submit(add, 1, 2).exception();
  assert.ok(error instanceof WorkerStartError);
  assert.match(error.stderr, /no-such-flag-of-node/);
});
