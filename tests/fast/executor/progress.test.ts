import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { after } from "node:test";
import { mkdtempSync } from "node:fs";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";

import { InvalidOptionError } from "asynccpu";
import { NotSerializableError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { currentTask } from "asynccpu";

import { blockUntilFileExists } from "../../fixtures/tasks.js";
import { reportBetweenFiles } from "../../fixtures/report-tasks.js";
import { reportLater } from "../../fixtures/report-tasks.js";
import { reportMuch } from "../../fixtures/report-tasks.js";
import { reportUntilFileExists } from "../../fixtures/report-tasks.js";
import { reportUpTo } from "../../fixtures/report-tasks.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-progress-"));
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });

after(async () => {
  await executor.shutdown();
  rmSync(folder, { recursive: true });
});

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

test("what a task reports reaches onProgress in order, before the result", async () => {
  const events: unknown[] = [];
  const view = executor.with({ onProgress: (value: number, { skipped }) => events.push([value, skipped]) });
  const result = await view.createProcessTask(reportUpTo, 50);
  events.push(result);
  assert.deepEqual(events, [...upTo(50).map((value) => [value, 0]), "reported 50"]);
});

test("a task with turns of the event loop reports, too, and one that fails", async () => {
  const values: number[] = [];
  const view = executor.with({ onProgress: (value: number) => values.push(value) });
  assert.equal(await view.submit(reportLater, 30), 30);
  assert.deepEqual(values, upTo(30));
  const failing = view.submit(() => {
    currentTask().report(-1);
    throw new Error("no");
  });
  await assert.rejects(failing, /no/);
  assert.equal(values.at(-1), -1);
});

test("a report reaches the program while a synchronous task goes on", async () => {
  const go = path.join(folder, "go");
  const future = executor
    .with({ onProgress: (value: number) => value === 1 && writeFileSync(go, "") })
    .submit(reportBetweenFiles, go);
  assert.equal(await future, "went on");
});

test("future.progress gives the values, and ends with the task", async () => {
  const future = executor.submit(reportUpTo, 20);
  const values: unknown[] = [];
  for await (const value of future.progress) values.push(value);
  assert.deepEqual(values, upTo(20));
  assert.equal(future.progress.skipped, 0);
  assert.equal(await future, "reported 20");
  assert.equal(future.progress, future.progress);
  const failing = executor.submit((): void => {
    throw new Error("no");
  });
  for await (const value of failing.progress) assert.fail(`reported ${String(value)}`);
  await assert.rejects(failing, /no/);
  const done = executor.submit(reportUpTo, 1);
  await done;
  for await (const value of done.progress) assert.fail(`reported ${String(value)}`);
});

test("a synchronous task that runs already is heard when somebody asks for its progress", async () => {
  const seen = path.join(folder, "seen");
  const future = executor.submit(reportUntilFileExists, seen);
  await future.started;
  const iterator = future.progress[Symbol.asyncIterator]();
  assert.equal((await iterator.next()).done, false);
  writeFileSync(seen, "");
  await future;
});

test("a million reports of a synchronous loop block nobody, and the newest win", async () => {
  let lastValue = -1;
  let taken = 0;
  let skipped = 0;
  const future = executor
    .with({
      onProgress: (value: number, details) => {
        assert.equal(value, lastValue + 1 + details.skipped);
        lastValue = value;
        taken += 1;
        ({ skipped } = { skipped: skipped + details.skipped });
      },
    })
    .submit(reportMuch, 1_000_000);
  const { heapGrowthBytes } = await future;
  assert.equal(lastValue, 999_999);
  assert.equal(taken + skipped, 1_000_000);
  assert.ok(skipped > 0 && taken >= 100, `${taken} were taken`);
  assert.ok(heapGrowthBytes < 64 * 1024 * 1024, `the worker's memory grew by ${heapGrowthBytes} bytes`);
});

test("a task doesn't wait for a program that is busy", async () => {
  const done = path.join(folder, "reported-all");
  const future = executor.with({ onProgress: () => {} }).submit(
    async (file: string, report: (count: number) => unknown, write: typeof writeFileSync) => {
      report(200_000);
      write(file, "");
    },
    done,
    reportMuch,
    writeFileSync,
  );
  await future.started;
  // This thread takes nothing meanwhile.
  assert.equal(blockUntilFileExists(done), "");
  await future;
});

test("who iterates slowly has the newest values, and is told how many were skipped", async () => {
  const future = executor.submit(reportUpTo, 90);
  const { progress } = future;
  await future;
  const values: unknown[] = [];
  for await (const value of progress) values.push(value);
  assert.deepEqual(values, upTo(90));
  const many = executor.submit(reportMuch, 5000);
  const ofMany = many.progress;
  await many;
  const newest: unknown[] = [];
  for await (const value of ofMany) newest.push(value);
  assert.deepEqual(newest, upTo(5000).slice(-100));
  assert.equal(ofMany.skipped, 4900);
});

test("nothing is sent when nobody listens", async () => {
  await executor.submit(reportUpTo, 1000);
  const values: unknown[] = [];
  // What the task before has reported would come here, if it had been sent.
  await executor.with({ onProgress: (value) => values.push(value) }).submit(reportUpTo, 1);
  assert.deepEqual(values, [0]);
});

test("in a map the reports of all calls reach onProgress, in chunks, too", async () => {
  for (const chunkSize of [1, 3]) {
    const values: string[] = [];
    const view = executor.with({ chunkSize, onProgress: (value: string) => values.push(value) });
    const results: string[] = [];
    for await (const result of view.map(
      (name: string) => {
        currentTask().report(`${name} begins`);
        currentTask().report(`${name} ends`);
        return name;
      },
      ["a", "b", "c", "d"],
    )) {
      results.push(result);
    }
    assert.deepEqual(results, ["a", "b", "c", "d"]);
    assert.deepEqual(
      values,
      ["a", "b", "c", "d"].flatMap((name) => [`${name} begins`, `${name} ends`]),
    );
  }
});

test("onProgress runs in the context of the submission", async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const view = executor.with({ onProgress: () => seen.push(storage.getStore()) });
  await Promise.all(["a", "b"].map((store) => storage.run(store, () => view.submit(reportUpTo, 1))));
  assert.deepEqual(seen, ["a", "b"]);
});

test("what onProgress throws is a warning, once a task, and harms neither result nor later values", async () => {
  for (const isAsync of [false, true]) {
    let calls = 0;
    const fail = (): never => {
      calls += 1;
      throw new Error(`bad handler ${isAsync}`);
    };
    const warned = once(process, "warning");
    const view = executor.with({ onProgress: isAsync ? async () => fail() : fail });
    assert.equal(await view.submit(reportUpTo, 3), "reported 3");
    const [warning] = (await warned) as [Error];
    assert.equal(warning.message, `bad handler ${isAsync}`);
    assert.equal(calls, 3);
  }
});

test("a value that can't be sent fails where report is called, also when nobody listens", async () => {
  for (const view of [executor, executor.with({ onProgress: () => {} })]) {
    const future = view.submit(() => currentTask().report({ socket: () => {} }));
    await assert.rejects(future, (error) => error instanceof NotSerializableError && error.path === "value.socket");
  }
});

test("the value is as it was when it was reported; Buffers, errors and large data arrive", async () => {
  const values: unknown[] = [];
  const view = executor.with({ onProgress: (value) => values.push(value) });
  await view.submit(() => {
    const step = { at: 1 };
    currentTask().report(step);
    step.at = 2;
    currentTask().report(step);
    currentTask().report(new RangeError("so far"));
    currentTask().report(Buffer.alloc(300_000, 7));
  });
  assert.deepEqual(values.slice(0, 2), [{ at: 1 }, { at: 2 }]);
  assert.ok(values[2] instanceof RangeError && values[2].message === "so far");
  assert.deepEqual(values[3], Buffer.alloc(300_000, 7));
});

test("report outside a task has its error", () => {
  assert.throws(() => currentTask().report(1), { code: "ASYNCCPU_NOT_IN_TASK", message: /outside a task/ });
});

test("what a task has left behind reports to nobody", async () => {
  const values: unknown[] = [];
  const view = executor.with({ onProgress: (value) => values.push(value) });
  await view.submit(() => {
    const task = currentTask();
    setTimeout(() => task.report("late"), 1);
  });
  assert.equal(await view.submit(reportLater, 3), 3);
  assert.deepEqual(values, [0, 1, 2]);
});

test("a task that waits behind others is heard from its beginning", async () => {
  const heard = upTo(30).map(async (count) => {
    const values: unknown[] = [];
    for await (const value of executor.submit(reportUpTo, count).progress) values.push(value);
    return values.length;
  });
  assert.deepEqual(await Promise.all(heard), upTo(30));
});

test("a future that is cancelled ends its progress", async () => {
  const future = executor.submit(blockUntilFileExists, path.join(folder, "never"));
  const { progress } = future;
  const ended = (async () => {
    for await (const value of progress) assert.fail(`reported ${String(value)}`);
  })();
  await future.started;
  future.cancel();
  await ended;
  await assert.rejects(future, /cancelled/);
});

test("onProgress is a function, or there is an error", () => {
  assert.throws(() => executor.with({ onProgress: "print" as never }), InvalidOptionError);
});
