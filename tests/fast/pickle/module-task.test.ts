/** Functions named by module and export. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { InvalidOptionError } from "asynccpu";
import { ModuleNotFoundError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { moduleTask } from "asynccpu";

import { pickleFunction } from "../../../src/pickle/pickle-function.js";
import type * as tasks from "../../fixtures/tasks.js";
import { PickleChild } from "../../fixtures/pickle-child/pickle-child.js";

type Tasks = typeof tasks;

const TASKS = new URL("../../fixtures/tasks.js", import.meta.url);
const add = moduleTask<Tasks["add"]>(TASKS, "add");

describe("a function named by moduleTask", () => {
  const executor = new ProcessTaskPoolExecutor({
    maxWorkers: 1,
    initializer: moduleTask<(value: string) => string>(TASKS, "echo"),
    initargs: ["ready"],
  });
  after(() => executor.shutdown());
  const child = new PickleChild();
  after(() => child.end());

  test("runs as a task, wherever a function is accepted", async () => {
    assert.equal(await executor.createProcessTask(add, 1, 2), 3);
    assert.equal(await executor.submit(add, 3, 4), 7);
    assert.equal(await executor.with({ name: "named" }).createProcessTask(add, 5, 6), 11);
    const sums: number[] = [];
    for await (const sum of executor.map(add, [1, 2], [10, 20])) sums.push(sum);
    assert.deepEqual(sums, [11, 22]);
  });

  test("is called by its export's name in errors and logs", () => {
    assert.equal(add.name, "add");
    assert.equal(moduleTask(TASKS).name, "default");
  });

  test("may be named by a path, and be a function of Node's own", async () => {
    assert.equal(await executor.createProcessTask(moduleTask<Tasks["add"]>(fileURLToPath(TASKS), "add"), 1, 2), 3);
    const basename = moduleTask<(path: string) => string>("node:path", "basename");
    assert.equal(await executor.createProcessTask(basename, "/a/b"), "b");
  });

  test("may be used by another function, also when that travels on", async () => {
    const twice = (a: number): number => add(a, a);
    for (const generations of [0, 2]) {
      assert.deepEqual(await child.callPayload(pickleFunction(twice).payload, [[4]], { generations }), [8]);
    }
  });

  test("says in the worker what it doesn't find", async () => {
    const missing = moduleTask(new URL("./missing.js", import.meta.url), "add");
    await assert.rejects(executor.createProcessTask(missing), ModuleNotFoundError);
    await assert.rejects(executor.createProcessTask(moduleTask(TASKS, "nothing")), {
      code: "ASYNCCPU_MODULE_NOT_FOUND",
      message: /has no export "nothing"/,
    });
    const dirname = moduleTask(new URL("../../fixtures/pickle-modules/exports.js", import.meta.url), "notAFunction");
    await assert.rejects(executor.createProcessTask(dirname), /is not a function in the worker process/);
  });

  test("can't be named by a relative path, nor be of the main module", () => {
    assert.throws(() => moduleTask("./tasks.js", "add"), InvalidOptionError);
    assert.throws(() => moduleTask(import.meta.url, "add"), /was given the program's main module/);
  });

  test("can't be called in this process", () => {
    assert.throws(() => add(1, 2), /import the function to call it here/);
  });
});
