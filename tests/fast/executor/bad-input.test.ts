import assert from "node:assert/strict";
import { Socket } from "node:net";
import { after } from "node:test";
import { test } from "node:test";

import { AsyncCpuError } from "asynccpu";
import { ExecutorShutdownError } from "asynccpu";
import { FunctionNotPicklableError } from "asynccpu";
import { InvalidOptionError } from "asynccpu";
import { ModuleNotFoundError } from "asynccpu";
import { NotAFunctionError } from "asynccpu";
import { NotSerializableError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { PromisePassedError } from "asynccpu";

import { add } from "../../fixtures/tasks.js";
import { addLater } from "../../fixtures/tasks.js";
import { echo } from "../../fixtures/tasks.js";
import { throwCustomError } from "../../fixtures/tasks.js";

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });

after(() => executor.shutdown());

type Fn = (...args: unknown[]) => unknown;

/** After every bad call the pool must be fit for a good one. */
async function assertFit(): Promise<void> {
  assert.equal(await executor.submit(add, 1, 2), 3);
}

test("what is not a function is refused by its own future", async () => {
  for (const bad of [undefined, null, 5, "add", {}, [], Symbol("s")]) {
    const future = executor.createProcessTask(bad as Fn);
    await assert.rejects(
      future,
      (error) => error instanceof NotAFunctionError && error.code === "ASYNCCPU_NOT_A_FUNCTION",
    );
  }
  await assertFit();
});

test("a promise in place of the function is refused with advice", async () => {
  for (const bad of [addLater(1, 2), executor.submit(add, 1, 2), { then: () => {} }]) {
    const future = executor.createProcessTask(bad as unknown as Fn);
    await assert.rejects(future, (error) => {
      assert.ok(error instanceof PromisePassedError);
      assert.match(error.message, /createProcessTask\(fn, arg\)/);
      return true;
    });
  }
  await assertFit();
});

test("an argument that can't be sent names its path", async () => {
  const bad = executor.createProcessTask(echo, { db: { socket: new Socket() } });
  await assert.rejects(bad, (error) => {
    assert.ok(error instanceof NotSerializableError);
    assert.equal(error.path, "args[0].db.socket");
    return true;
  });
  const promise = executor.createProcessTask((...args: unknown[]) => args, 1, Promise.resolve(1));
  await assert.rejects(promise, (error) => error instanceof NotSerializableError && error.path === "args[1]");
  await assertFit();
});

test("a result that can't be sent names its path", async () => {
  const bad = executor.createProcessTask(() => ({ list: [1, () => {}] }));
  await assert.rejects(bad, (error) => error instanceof NotSerializableError && error.path === "result.list[1]");
  await assertFit();
});

test("a thrown value that can't be sent still rejects", async () => {
  const bad = executor.createProcessTask(() => {
    throw () => {};
  });
  await assert.rejects(bad, NotSerializableError);
  await assertFit();
});

test("values that are no errors arrive as they were thrown", async () => {
  for (const thrown of [0, null, undefined, "", false, { a: 1 }]) {
    const future = executor.createProcessTask((value: unknown) => {
      throw value;
    }, thrown);
    assert.deepEqual(await future.exception(), thrown);
    await assert.rejects(future, (error) => {
      assert.deepEqual(error, thrown);
      return true;
    });
  }
});

test("errors keep class, name, message, code, own properties, cause and both stacks", async () => {
  const future = executor.createProcessTask(function failing() {
    throw Object.assign(new RangeError("too far", { cause: new TypeError("inner") }), { code: "E_FAR", limit: 3 });
  });
  await assert.rejects(future, (error) => {
    assert.ok(error instanceof RangeError);
    assert.deepEqual(
      [error.name, error.message, Reflect.get(error, "code"), Reflect.get(error, "limit")],
      ["RangeError", "too far", "E_FAR", 3],
    );
    assert.ok(error.cause instanceof TypeError);
    assert.match(error.stack ?? "", /at failing .*executor.bad-input[^]*submitted from[^]*executor.bad-input\.test/);
    return true;
  });
  const custom = await executor.submit(throwCustomError).catch((error: unknown) => error);
  assert.ok(custom instanceof Error);
  assert.deepEqual(
    [custom.message, Reflect.get(custom, "code"), Reflect.get(custom, "detail")],
    ["custom", "E_CUSTOM", 42],
  );
});

test("options out of range are refused at once, by name", () => {
  const cases: [string, () => unknown][] = [
    ["maxWorkers", () => new ProcessPoolExecutor({ maxWorkers: 0 })],
    ["maxWorkers", () => new ProcessPoolExecutor({ maxWorkers: -1 })],
    ["maxWorkers", () => new ProcessPoolExecutor({ maxWorkers: 1.5 })],
    ["maxWorkers", () => new ProcessPoolExecutor({ maxWorkers: Number.NaN })],
    ["maxWorkers", () => new ProcessPoolExecutor({ maxWorkers: "2" as unknown as number })],
    ["maxTasksPerChild", () => new ProcessPoolExecutor({ maxTasksPerChild: 0 })],
    ["graceMs", () => new ProcessPoolExecutor({ graceMs: -1 })],
    ["initializer", () => new ProcessPoolExecutor({ initializer: 5 as unknown as () => void })],
    ["initargs", () => new ProcessPoolExecutor({ initargs: "x" as unknown as unknown[] })],
    ["execArgv", () => new ProcessPoolExecutor({ execArgv: [5 as unknown as string] })],
    ["env", () => new ProcessPoolExecutor({ env: null as unknown as NodeJS.ProcessEnv })],
    ["cwd", () => new ProcessPoolExecutor({ cwd: 5 as unknown as string })],
    ["timeoutInEmergencyMs", () => new ProcessTaskPoolExecutor({ timeoutInEmergencyMs: 0.5 })],
    ["handleSignals", () => new ProcessTaskPoolExecutor({ handleSignals: "Drain" as "drain" })],
    ["drainMs", () => new ProcessTaskPoolExecutor({ handleSignals: "drain", drainMs: -1 })],
    ["drainMs", () => new ProcessTaskPoolExecutor({ handleSignals: "drain", drainMs: 2 ** 31 })],
    ["queue", () => new ProcessTaskPoolExecutor({ queue: {} as never })],
    [
      "cancelTasksWhenShutdown",
      () => new ProcessTaskPoolExecutor({ cancelTasksWhenShutdown: 1 as unknown as boolean }),
    ],
    ["timeoutMs", () => executor.with({ timeoutMs: 0 })],
    ["timeoutMs", () => executor.with({ timeoutMs: -5 })],
    ["timeoutMs", () => executor.with({ timeoutMs: 2 ** 31 })],
    ["signal", () => executor.with({ signal: {} as AbortSignal })],
    ["name", () => executor.with({ name: 5 as unknown as string })],
    ["chunkSize", () => executor.with({ chunkSize: 0 })],
    ["maxInFlight", () => executor.with({ maxInFlight: 0.1 })],
    ["onError", () => executor.with({ onError: "skip" as "stop" })],
  ];
  for (const [option, make] of cases) {
    assert.throws(make, (error) => {
      assert.ok(error instanceof InvalidOptionError, String(error));
      assert.deepEqual([error.option, error.code], [option, "ASYNCCPU_INVALID_OPTION"]);
      return true;
    });
  }
});

test("a function that uses what can't leave its process is refused with the variable's name", async () => {
  const secrets = new WeakRef({});
  const future = executor.createProcessTask(() => secrets.deref());
  await assert.rejects(future, (error) => {
    assert.ok(error instanceof FunctionNotPicklableError);
    assert.deepEqual(
      error.problems.map(({ variable }) => variable),
      ["secrets"],
    );
    return true;
  });
  await assertFit();
});

test("a module that can't be found in the worker fails its task alone", async () => {
  const future = executor.createProcessTask(async (path: string) => {
    // Reason: the missing module is what is tested.
    const missing: unknown = await import(path);
    return missing;
  }, "./no-such-module.js");
  await assert.rejects(
    future,
    (error) => error instanceof Error && Reflect.get(error, "code") === "ERR_MODULE_NOT_FOUND",
  );
  await assertFit();
  assert.equal(new ModuleNotFoundError("m").code, "ASYNCCPU_MODULE_NOT_FOUND");
});

test("a submission after the shutdown is refused, and starts nothing", async () => {
  const closed = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  await closed.shutdown();
  await closed.shutdown();
  await assert.rejects(closed.createProcessTask(add, 1, 2), ExecutorShutdownError);
  await assert.rejects(closed.submit(add, 1, 2), (error) => error instanceof AsyncCpuError);
});

test("a hundred bad and a hundred good calls, mixed, all settle", async () => {
  const calls = Array.from({ length: 200 }, (_, i) =>
    i % 2 === 0 ? executor.submit(add, i, 1) : executor.submit(echo, () => {}),
  );
  const outcomes = await Promise.allSettled(calls);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    outcomes.map((_, i) => (i % 2 === 0 ? "fulfilled" : "rejected")),
  );
});
