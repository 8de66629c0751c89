/** Options that nobody knows are refused, with the option that was most likely meant. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { runInNewContext } from "node:vm";
import { test } from "node:test";

import { InvalidOptionError } from "asynccpu";
import { LogQueue } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { createConsoleHandler } from "asynccpu";
import { createPinoDestination } from "asynccpu";
import { createPinoHandler } from "asynccpu";
import { registerClass } from "asynccpu";

import { add } from "../../fixtures/tasks.js";

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });

after(() => executor.shutdown());

function refusal(call: () => unknown): InvalidOptionError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof InvalidOptionError, String(error));
    return error;
  }
  return assert.fail(`not refused: ${String(call)}`);
}

const makePool = (options: unknown): unknown => new ProcessPoolExecutor(options as object);
const makeTaskPool = (options: unknown): unknown => new ProcessTaskPoolExecutor(options as object);
const withOptions = (options: unknown): unknown => executor.with(options as object);

test("an unknown option is refused with the nearest one that there is", () => {
  const cases: [(options: unknown) => unknown, string, string][] = [
    [makePool, "maxWorker", "maxWorkers"],
    [makePool, "maxworkers", "maxWorkers"],
    [makePool, "max_workers", "maxWorkers"],
    [makePool, "MAX-WORKERS", "maxWorkers"],
    [makePool, "mxaWorkers", "maxWorkers"],
    [makePool, "init_args", "initargs"],
    [makePool, "intializer", "initializer"],
    [makePool, "initialiser", "initializer"],
    [makePool, "max_tasks_per_child", "maxTasksPerChild"],
    [makePool, "mp_context", "execArgv"],
    [makePool, "graceMS", "graceMs"],
    [makePool, "size", "maxWorkers"],
    [makePool, "workers", "maxWorkers"],
    [makePool, "poolSize", "maxWorkers"],
    [makePool, "maxThreads", "maxWorkers"],
    [makePool, "numWorkers", "maxWorkers"],
    [makePool, "concurrency", "maxWorkers"],
    [makeTaskPool, "cancel_tasks_when_shutdown", "cancelTasksWhenShutdown"],
    [makeTaskPool, "configure", "configurer"],
    [makeTaskPool, "queues", "queue"],
    [makeTaskPool, "handleSignal", "handleSignals"],
    [makeTaskPool, "timeout_in_emergency", "timeoutInEmergencyMs"],
    [withOptions, "timeout", "timeoutMs"],
    [withOptions, "timeoutms", "timeoutMs"],
    [withOptions, "abortSignal", "signal"],
    [withOptions, "singal", "signal"],
    [withOptions, "chunksize", "chunkSize"],
    [withOptions, "transferList", "transfer"],
    [withOptions, "concurrency", "maxInFlight"],
    [withOptions, "stopOnError", "onError"],
    [withOptions, "return_exceptions", "onError"],
    [(options) => new LogQueue(options as object), "maxsize", "maxSize"],
    [(options) => createConsoleHandler(options as object), "levels", "level"],
    [(options) => createPinoHandler({} as never, options as object), "levl", "level"],
    [(options) => createPinoDestination(options as object), "messagekey", "messageKey"],
    [(options) => registerClass(class A {}, options as object), "nme", "name"],
  ];
  for (const [call, name, meant] of cases) {
    const error = refusal(() => call({ [name]: 1 }));
    assert.equal(error.option, name);
    assert.match(error.message, new RegExp(`has no option "${name}"\\. Did you mean "${meant}"\\?$`));
  }
});

test("an option of another call is refused with the call that it belongs to", () => {
  const cases: [(options: unknown) => unknown, string, RegExp][] = [
    [makeTaskPool, "timeout", /"timeoutMs" is an option of executor\.with\(\)/],
    [makeTaskPool, "signal", /"signal" is an option of executor\.with\(\)/],
    [makePool, "queue", /"queue" is an option of new ProcessTaskPoolExecutor\(\)/],
    [makePool, "cancelFutures", /"cancelFutures" is an option of executor\.shutdown\(\)/],
    [withOptions, "maxWorkers", /"maxWorkers" is an option of new ProcessTaskPoolExecutor\(\)/],
  ];
  for (const [call, name, message] of cases) assert.match(refusal(() => call({ [name]: 1 })).message, message);
});

test("an option that is like no other is refused with all that there are", () => {
  const { message } = refusal(() => withOptions({ colour: "red", "": 1 }));
  assert.match(message, /no option "colour"\. Its options are: [a-zA-Z, ]+, chunkSize, [a-zA-Z, ]+\.$/);
  assert.match(refusal(() => withOptions({ "": 1 })).message, /no option ""/);
  assert.match(refusal(() => withOptions({ ["x".repeat(1e6)]: 1 })).message, /Its options are/);
});

test("a plain executor is one whatever its class has", () => {
  class Named extends ProcessPoolExecutor {
    createProcessTask(): void {}
  }
  assert.match(refusal(() => new Named({ handleSignals: true } as object)).message, /handleSignals/);
});

test("what is no object of options is refused with one that is", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const options of [3, null, "3", true, [], [3], () => {}, 3n, Symbol("s"), proxy]) {
    for (const call of [makePool, makeTaskPool]) {
      const { message, option } = refusal(() => call(options));
      assert.equal(option, "options");
      assert.match(message, /takes an object of options, such as { maxWorkers: 3 }, but was given/);
    }
    assert.match(refusal(() => withOptions(options)).message, /such as { timeoutMs: 5000 }/);
  }
  assert.match(
    refusal(() => new LogQueue(5 as unknown as object)).message,
    /such as { maxSize: 10_000 }, but was given 5/,
  );
});

test("wrong options of shutdown reject it, and nothing is shut down", async () => {
  const cases: [unknown, RegExp][] = [
    [false, /such as { wait: false }, but was given false/],
    [{ cancel_futures: true }, /Did you mean "cancelFutures"/],
    [{ wait: "no" }, /"wait" must be a boolean, but is "no"/],
  ];
  for (const each of [new ProcessPoolExecutor({ maxWorkers: 1 }), new ProcessTaskPoolExecutor({ maxWorkers: 1 })]) {
    for (const [options, message] of cases) {
      await assert.rejects(each.shutdown(options as object), (error) => {
        assert.ok(error instanceof InvalidOptionError);
        assert.match(error.message, message);
        return true;
      });
    }
    assert.equal(await each.submit(add, 1, 2), 3);
    await each.shutdown({ wait: true, cancelFutures: undefined });
  }
});

test("options that are undefined, and those of other realms and without a prototype, are taken", async () => {
  const options = { maxWorkers: undefined, graceMs: undefined, timeout: undefined };
  await new ProcessTaskPoolExecutor(options).shutdown();
  await new ProcessTaskPoolExecutor(undefined).shutdown(undefined);
  const bare = Object.assign(Object.create(null) as object, { maxWorkers: 1 });
  await new ProcessTaskPoolExecutor(bare).shutdown();
  assert.match(
    refusal(() => makePool(Object.assign(Object.create(null) as object, { maxWorker: 1 }))).message,
    /maxWorkers/,
  );
  assert.match(refusal(() => makePool(runInNewContext("({ maxWorker: 1 })"))).message, /maxWorkers/);
});

test("instances of classes may have accessors, and fields of their own", async () => {
  class Settings {
    protected readonly workers = 1;
    get maxWorkers(): number {
      return this.workers;
    }
    get initializer(): () => void {
      return () => {
        (globalThis as { prepared?: boolean }).prepared = true;
      };
    }
  }
  await using pool = new ProcessTaskPoolExecutor(new Settings());
  const wasPrepared = (): boolean | undefined => (globalThis as { prepared?: boolean }).prepared;
  assert.equal(await pool.submit(wasPrepared), true);
  const inherited = Object.create({ timeoutMs: 50_000, name: "inherited" }) as object;
  assert.equal(await pool.with(inherited).createProcessTask(add, 1, 2), 3);
});

test("an option is read once", async () => {
  let reads = 0;
  const options = {
    get graceMs() {
      reads += 1;
      return reads;
    },
  };
  const pool = new ProcessTaskPoolExecutor(options);
  assert.equal(reads, 1);
  await pool.shutdown();
});

test("a wrong value is shown, whatever it is, and the sentence reads well", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const evil = Object.defineProperty(new Error("x"), "stack", {
    get() {
      throw new Error("not to be shown");
    },
  });
  const inspected = {
    [Symbol.for("nodejs.util.inspect.custom")]() {
      throw new Error("not to be inspected");
    },
  };
  const cases: [unknown, RegExp][] = [
    [Object.create(null), /must be an integer from 1 to 1024, but is \[Object: null prototype\] {}\.$/],
    [proxy, /but is <Revoked Proxy>\.$/],
    [evil, /but is .+\.$/],
    [inspected, /but is {.*}\.$/],
    [{ toString: () => "hidden" }, /but is { toString: \[Function: toString\] }\.$/],
    [Symbol("s"), /but is Symbol\(s\)\.$/],
    [5n, /but is 5n\.$/],
    ["x".repeat(1e6), /but is "x+\.\.\.\.$/],
    [["a".repeat(1e6)], /but is \[.{1,110}\.\.\.\.$/],
    [new Error("multi\nline"), /but is Error: multi\.\.\.\.$/],
  ];
  for (const [value, message] of cases) {
    const error = refusal(() => makePool({ maxWorkers: value }));
    assert.match(error.message, message);
    assert.ok(error.message.length < 200);
  }
  assert.match(refusal(() => makePool({ env: 5 })).message, /^Option "env" must be an object, but is 5\.$/);
  assert.match(refusal(() => makePool({ cwd: null })).message, /^Option "cwd" must be a string, but is null\.$/);
});
