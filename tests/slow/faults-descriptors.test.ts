/** Descriptors that are closed, or have run out. */

import assert from "node:assert/strict";
import { closeSync } from "node:fs";
import { test } from "node:test";

import { ProcessTaskPoolExecutor } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";

import { processId } from "../fixtures/tasks.js";
import { fixturePath } from "../testlibraries/process-family.js";
import { startFixture } from "../testlibraries/process-family.js";
import type { RunningProgram } from "../testlibraries/process-family.js";

/** Starts a fixture that may have so many descriptors open. */
function startWithLimit(limit: number, name: string, args: string): RunningProgram {
  const command = `ulimit -n ${limit}; exec "${process.execPath}" "${fixturePath(name)}" ${args}`;
  return startFixture(name, { command: "sh", args: ["-c", command] });
}

for (const descriptor of [0, 1, 2, 3, 5]) {
  test(`a task that closes descriptor ${descriptor} and returns keeps its result; the tasks after it are safe`, async () => {
    await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    const closing = async (fd: number): Promise<number> => {
      closeSync(fd);
      // The parent is to see it before the result.
      await new Promise((resolve) => {
        setTimeout(resolve, 500);
      });
      return process.pid;
    };
    const pid = await executor.submit(closing, descriptor);
    const next = await Promise.all([executor.submit(processId), executor.submit(processId)]);
    if (descriptor > 0) assert.ok(!next.includes(pid), "the worker was replaced");
  });
}

test("a task that closes a private descriptor and doesn't end is killed", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const closing = async (fd: number): Promise<void> => {
    closeSync(fd);
    await new Promise((resolve) => {
      setTimeout(resolve, 2 ** 30);
    });
  };
  for (const descriptor of [3, 5]) {
    const future = executor.submit(closing, descriptor);
    const next = executor.submit(processId);
    await assert.rejects(future, (error) => error instanceof WorkerCrashedError && error.signal === "SIGKILL");
    assert.ok((await next) > 0);
  }
});

test("when descriptors have run out the tasks fail with a clear error, nothing is thrown elsewhere, and later all is well", async () => {
  await using program = startWithLimit(256, "holds-descriptors", "1");
  const end = await program.waitForEnd();
  assert.equal(end.code, 0, end.stderr);
  assert.match(end.stdout, /^results 0$/m);
  assert.match(end.stdout, /^error WorkerStartError.*EMFILE/m);
  assert.match(end.stdout, /^afterwards 5$/m);
});

test("when descriptors have run out before the first task, that fails alone, and later all is well", async () => {
  await using program = startWithLimit(256, "holds-descriptors", "0 cold");
  const end = await program.waitForEnd();
  assert.equal(end.code, 0, end.stderr);
  assert.match(end.stdout, /^results 0$/m);
  assert.match(end.stdout, /^error .*EMFILE/m);
  assert.match(end.stdout, /^afterwards 5$/m);
});

test("with descriptors for one or two workers the pool works with those", async () => {
  for (const free of ["14", "24"]) {
    await using program = startWithLimit(256, "holds-descriptors", free);
    const end = await program.waitForEnd();
    assert.equal(end.code, 0, end.stderr);
    assert.match(end.stdout, /^results 20$/m, `with ${free}`);
    assert.match(end.stdout, /^afterwards 5$/m);
  }
});

test("with 64 descriptors in all, a pool works with the workers that they allow", async () => {
  await using program = startWithLimit(64, "holds-descriptors", "40");
  const end = await program.waitForEnd();
  assert.equal(end.code, 0, end.stderr);
  assert.match(end.stdout, /^results 20$/m);
});

test("a closed standard output of the program is no reason for it to end", async () => {
  await using program = startFixture("prints-much", {
    command: "sh",
    args: ["-c", `"${process.execPath}" "${fixturePath("prints-much")}" | true; exit 0`],
  });
  const end = await program.waitForEnd();
  assert.match(end.stderr, /^ran 10 tasks$/m);
  assert.doesNotMatch(end.stderr, /EPIPE/);
});
