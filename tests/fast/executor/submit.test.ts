import assert from "node:assert/strict";
import { after } from "node:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";

import { ProcessFuture } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { currentTask } from "asynccpu";
import type { ProcessTask } from "asynccpu";

import { add } from "../../fixtures/tasks.js";
import { addLater } from "../../fixtures/tasks.js";
import { blockUntilFileExists } from "../../fixtures/tasks.js";
import { echo } from "../../fixtures/tasks.js";
import { processId } from "../../fixtures/tasks.js";

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });

after(() => executor.shutdown());

const FACTOR = 3;

async function processCpuBound(taskId: number): Promise<string> {
  let sum = 0;
  for (let i = 0; i < 10 ** 5; i += 1) sum += i * FACTOR;
  return `taskId: ${taskId}, result: ${sum}`;
}

test("the original's example runs, its function standing in the main module", async () => {
  const tasks = Array.from({ length: 10 }, (_, x) => executor.createProcessTask(processCpuBound, x));
  const expected = Array.from(
    { length: 10 },
    (_, x) => `taskId: ${x}, result: ${(FACTOR * (10 ** 5 * (10 ** 5 - 1))) / 2}`,
  );
  assert.deepEqual(await Promise.all(tasks), expected);
});

test("sync and async functions of a module run by reference", async () => {
  assert.equal(await executor.submit(add, 1, 2), 3);
  assert.equal(await executor.submit(addLater, 1, 2), 3);
});

test("a task has the name that its function has when it is submitted", async () => {
  const nameInWorker = (): string => currentTask().name;
  assert.equal(await executor.submit(nameInWorker), "nameInWorker");
  assert.equal(await executor.submit(nameInWorker), "nameInWorker");
  Object.defineProperty(nameInWorker, "name", { value: "renamed" });
  assert.equal(await executor.submit(nameInWorker), "renamed");
  assert.equal(await executor.with({ name: "given" }).submit(nameInWorker), "given");
});

test("a class in an argument is not asked for its name", async () => {
  class Nameless {
    static get name(): string {
      throw new Error("it was asked");
    }
  }
  assert.equal(await executor.submit((type: unknown) => typeof type, Nameless), "function");
});

test("tasks run in other processes, in as many as there may be", async () => {
  const future = executor.createProcessTask(processId);
  const pid = await future;
  assert.notEqual(pid, process.pid);
  assert.equal((await future.started).id, pid);
  const pids = new Set(await Promise.all(Array.from({ length: 40 }, () => executor.submit(processId))));
  assert.ok(pids.size <= 2, `${pids.size} workers`);
});

test("a future is a promise that knows its state", async () => {
  const future = executor.createProcessTask(add, 2, 3);
  assert.ok(future instanceof Promise);
  assert.ok(future instanceof ProcessFuture);
  assert.deepEqual([future.done, future.running, future.cancelled], [false, false, false]);
  await future.started;
  assert.equal(await Promise.race([future, new Promise(() => {})]), 5);
  assert.deepEqual([future.done, future.running, future.cancelled], [true, false, false]);
  assert.equal(await future.exception(), undefined);
  assert.equal(future.cancel(), false);
  assert.equal(await future.then((sum) => sum + 1), 6);
  assert.ok(!(future.then(() => {}) instanceof ProcessFuture));
});

test("done callbacks run in this process, also those added late", async () => {
  const future = executor.createProcessTask(add, 2, 3);
  const seen: unknown[] = [];
  future.addDoneCallback((done) => seen.push(done === future, done.done));
  await future;
  await new Promise<void>((resolve) => {
    future.addDoneCallback(() => {
      seen.push("late");
      resolve();
    });
  });
  assert.deepEqual(seen, [true, true, "late"]);
});

test("a done callback that fails, at once or later, becomes a warning, and the future is unharmed", async () => {
  const throws = (): never => {
    throw new Error("from the callback");
  };
  const rejects = (): unknown => Promise.reject(new Error("from the callback"));
  for (const callback of [throws, rejects]) {
    const warned = new Promise<Error>((resolve) => {
      process.once("warning", resolve);
    });
    const future = executor.createProcessTask(add, 2, 3);
    future.addDoneCallback(callback);
    assert.equal(await future, 5);
    assert.match((await warned).message, /from the callback/);
  }
});

test("values arrive as they were, and arguments are copied at the call", async () => {
  const cyclic: { self?: unknown; map: Map<string, Date> } = { map: new Map([["d", new Date(5)]]) };
  cyclic.self = cyclic;
  const back = await executor.submit(echo<typeof cyclic>, cyclic);
  assert.equal(back.self, back);
  assert.deepEqual(back.map, cyclic.map);
  const list = [1];
  const future = executor.submit(echo<number[]>, list);
  list.push(2);
  assert.deepEqual(await future, [1]);
  assert.ok(Buffer.isBuffer(await executor.submit(echo<Buffer>, Buffer.from("x"))));
});

/** Says that it has begun, and goes on until it may end. */
function blockBetween(begunPath: string, endPath: string): string {
  writeFileSync(begunPath, "");
  return blockUntilFileExists(endPath);
}

test("a task that runs is known to, before anything has come of it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "asynccpu-submit-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [begun, end] = [join(folder, "begun"), join(folder, "end")];
  await executor.warmUp();
  const future = executor.createProcessTask(blockBetween, begun, end);
  await new Promise(setImmediate);
  const limit = performance.now() + 10_000;
  // Not one turn of the event loop meanwhile.
  while (!existsSync(begun) && performance.now() < limit);
  assert.equal(executor.runningTasks.length, 1);
  assert.equal(future.running, true);
  const { id } = await future.started;
  assert.equal(executor.runningTasks[0]?.id, id);
  writeFileSync(end, "");
  await future;
  assert.deepEqual([future.running, executor.runningTasks.length], [false, 0]);
});

test("who waits for the start of a task hears of it while it runs, whenever he asks", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "asynccpu-submit-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const end = join(folder, "end");
  await using pool = new ProcessPoolExecutor({ maxWorkers: 1 });
  await pool.warmUp();
  const futures = ["1", "2", "3"].map((name) => pool.submit(blockBetween, join(folder, name), end + name));
  const [first, second, third] = futures as [ProcessFuture<string>, ProcessFuture<string>, ProcessFuture<string>];
  const asked = third.started;
  await first.started;
  writeFileSync(`${end}1`, "");
  await first;
  await second.started;
  assert.deepEqual([second.running, second.done], [true, false]);
  writeFileSync(`${end}2`, "");
  await asked;
  assert.deepEqual([second.done, third.running, third.done], [true, true, false]);
  writeFileSync(`${end}3`, "");
  await third;
});

test("a payload larger than a pipe goes there and back", async () => {
  const big = new Uint8Array(8 * 1024 * 1024).map((_, i) => i % 251);
  assert.equal(Buffer.compare(await executor.submit(echo<Uint8Array>, big), big), 0);
});

test("a ProcessTask that travels comes back as the same one, and is a key of a WeakSet", async () => {
  const future = executor.submit(processId);
  const processTask = await future.started;
  const back = await executor.submit(echo<{ inner: ProcessTask }>, { inner: processTask });
  assert.equal(back.inner, processTask);
  assert.ok(new WeakSet([processTask]).has(back.inner));
  await future;
});

test("a captured object is sent as it is at each submission", async () => {
  const config = { value: 1 };
  let count = 10;
  const read = (): number => config.value + count;
  assert.equal(await executor.submit(read), 11);
  config.value = 2;
  assert.equal(await executor.submit(read), 12);
  count = 20;
  assert.equal(await executor.submit(read), 22);
});

/** Everything in it can be kept, until something is changed. */
function makeChangeable() {
  class Base {
    readonly isService: boolean = true;
  }
  class Service extends Base {
    static create(): Service {
      return new Service();
    }
    get kind(): string {
      return "service";
    }
    fetch(): string {
      return "real";
    }
  }
  const helper = (): unknown => Reflect.get(helper, "unit");
  function OldStyle(): void {}
  const read = (): unknown[] => [
    Service.create().fetch(),
    Service.create().kind,
    Reflect.get(Service, "level"),
    Reflect.has(Service.prototype, Symbol.toPrimitive),
    Reflect.get(Service.prototype, "added"),
    helper(),
    Reflect.get(OldStyle.prototype as object, "method"),
    Reflect.get(read, "limit"),
  ];
  return { Service, helper, OldStyle, read };
}

type Changeable = ReturnType<typeof makeChangeable>;

const changes: readonly ((changeable: Changeable) => void)[] = [
  ({ Service }) => void (Service.prototype.fetch = () => "patched"),
  ({ Service }) => void Object.defineProperty(Service.prototype, "kind", { get: () => "another" }),
  ({ Service }) => void (Service.create = () => Object.assign(new Service(), { fetch: () => "created" })),
  ({ Service }) => void Object.assign(Service, { level: 5 }),
  ({ Service }) => void Object.assign(Service.prototype, { [Symbol.toPrimitive]: "string" }),
  ({ Service }) => void Object.assign(Service.prototype, { added: 6 }),
  ({ Service }) =>
    void Object.setPrototypeOf(
      Service,
      class {
        static readonly level = 10;
      },
    ),
  ({ helper }) => void Object.assign(helper, { unit: "kg" }),
  ({ OldStyle }) => void Object.assign(OldStyle.prototype as object, { method: 7 }),
  ({ OldStyle }) => void (OldStyle.prototype = { method: 8 }),
  ({ OldStyle }) => void Object.setPrototypeOf(OldStyle.prototype as object, { method: 9 }),
  ({ read }) => void Object.assign(read, { limit: 11 }),
];

for (const [index, change] of changes.entries()) {
  test(`a captured function or class that was changed is sent anew: change ${index}`, async () => {
    const changeable = makeChangeable();
    const { read } = changeable;
    const before = read();
    assert.deepEqual(await executor.submit(read), before);
    change(changeable);
    assert.notDeepEqual(read(), before);
    assert.deepEqual(await executor.submit(read), read());
  });
}

test("a plain pool submits as well", async () => {
  await using pool = new ProcessPoolExecutor({ maxWorkers: 1 });
  assert.equal(await pool.submit(add, 20, 22), 42);
});

test("a worker is replaced after maxTasksPerChild tasks, and no task is stranded", async () => {
  await using pool = new ProcessPoolExecutor({ maxWorkers: 1, maxTasksPerChild: 2 });
  const pids = await Promise.all(Array.from({ length: 6 }, () => pool.submit(processId)));
  assert.equal(new Set(pids).size, 3);
  assert.deepEqual(
    [0, 2, 4].map((i) => pids[i] === pids[i + 1]),
    [true, true, true],
  );
});

test("workers start with the flags, the environment and the directory that were asked for", async () => {
  await using pool = new ProcessPoolExecutor({
    maxWorkers: 1,
    execArgv: ["--max-old-space-size=77"],
    env: { ...process.env, ASYNCCPU_TEST_VALUE: "from the option" },
    cwd: "/",
  });
  const seen = await pool.submit(() => [process.execArgv, process.env["ASYNCCPU_TEST_VALUE"], process.cwd()]);
  assert.deepEqual(seen, [["--max-old-space-size=77"], "from the option", "/"]);
});

test("nothing of the tasks is in the worker's arguments or environment", async () => {
  const secret = "s3cr3t-argument";
  const seen = await executor.submit((value: string) => {
    const haystack = JSON.stringify([process.argv, process.execArgv, process.env]);
    return [haystack.includes(value), process.argv.length];
  }, secret);
  assert.deepEqual(seen, [false, 2]);
});

test("executors work inside workers", async () => {
  const outer = executor.submit(async () => {
    await using inner = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    const factor = 7;
    const pids = await inner.createProcessTask((x: number) => [process.pid, x * factor, processId()], 6);
    return [process.pid, ...pids];
  });
  const [outerPid, innerPid, product, again] = await outer;
  assert.notEqual(outerPid, innerPid);
  assert.equal(product, 42);
  assert.equal(again, innerPid);
});
