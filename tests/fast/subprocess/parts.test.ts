/** What runs in a worker, by parts, in this process. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { rmSync } from "node:fs";
import { serialize } from "node:v8";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";

import { TaskFlag } from "../../../src/subprocess/guard/claim.js";
import { CancelledError } from "../../../src/errors.js";
import { FunctionStore } from "../../../src/subprocess/task/function-store.js";
import { LoggingInitializer } from "../../../src/subprocess/task/logging-initializer.js";
import { ModuleNotFoundError } from "../../../src/errors.js";
import { RunningTask } from "../../../src/subprocess/task/running-task.js";
import { add } from "../../fixtures/tasks.js";
import { getLogSink } from "../../../src/logging/current-sink.js";
import { pickleFunction } from "../../../src/pickle/pickle-function.js";
import { runAsTask } from "../../../src/subprocess/task/current-task.js";
import { setLogSink } from "../../../src/logging/current-sink.js";
import type { LogRecord } from "../../../src/logging/log-record.js";

function makeTask(id = 5, abortFlag = new TaskFlag()): RunningTask {
  const channel = { post: () => {}, flush: () => {} };
  return new RunningTask(id, `task ${id}`, { abortFlag, hearFlag: new TaskFlag() }, channel);
}

describe("an abort flag", () => {
  test("is raised for one task, and seen through the memory that threads share", () => {
    const flag = new TaskFlag();
    const otherSide = new TaskFlag(flag.buffer);
    assert.equal(flag.isRaisedFor(3), false);
    otherSide.raise(3);
    assert.equal(flag.isRaisedFor(3), true);
    assert.equal(flag.isRaisedFor(4), false, "a late notice means nothing to the next task");
    otherSide.raise(0x7fff_ffff);
    assert.equal(flag.isRaisedFor(0x7fff_ffff), true);
    assert.equal(flag.isRaisedFor(3), false);
  });
});

describe("a running task", () => {
  test("aborted by a message has a signal with the reason", () => {
    const task = makeTask();
    task.throwIfAborted();
    assert.deepEqual([task.aborted, task.signal.aborted], [false, false]);
    const reason = new CancelledError("enough");
    task.abort(reason);
    assert.deepEqual([task.aborted, task.signal.aborted, task.signal.reason], [true, true, reason]);
    assert.throws(() => task.throwIfAborted(), reason);
  });

  test("sees the flag of the other thread while its own event loop stands", () => {
    const flag = new TaskFlag();
    const task = makeTask(5, flag);
    flag.raise(6);
    assert.equal(task.aborted, false, "it is for another task");
    flag.raise(5);
    assert.deepEqual([task.aborted, task.signal.aborted], [true, false]);
    assert.throws(() => task.throwIfAborted(), CancelledError);
  });

  test("ends with its body, or with the error thrown beside it, whichever comes first", async () => {
    assert.equal(await makeTask().settle(Promise.resolve(7)), 7);
    await assert.rejects(makeTask().settle(Promise.reject(new RangeError("of the body"))), RangeError);
    const task = makeTask();
    const outcome = task.settle(new Promise(() => {}));
    const stray = new TypeError("in a timer");
    task.fail(stray);
    await assert.rejects(outcome, stray);
    const done = makeTask();
    const early = done.settle(Promise.resolve("first"));
    assert.equal(await early, "first");
    done.fail(new Error("too late"));
    assert.equal(await early, "first");
    // Before there is a body nobody can be told.
    makeTask().fail(new Error("too early"));
  });
});

describe("a function store", () => {
  test("builds a function once, at its first use", async () => {
    const store = new FunctionStore();
    const factor = 3;
    store.add(1, pickleFunction((x: number) => x * factor).payload);
    const built = await store.load(1);
    assert.equal(built(14), 42);
    assert.equal(await store.load(1), built);
  });

  test("refuses what it was never sent, or was told to forget", async () => {
    const store = new FunctionStore();
    await assert.rejects(async () => await store.load(1), ModuleNotFoundError);
    store.add(1, pickleFunction(add).payload);
    await store.load(1);
    store.forget(1);
    await assert.rejects(async () => await store.load(1), ModuleNotFoundError);
  });

  test("tries a function whose module is missing again at its next use", async () => {
    const folder = mkdtempSync(join(tmpdir(), "asynccpu-store-"));
    const path = join(folder, "comes-later.mjs");
    const specifier = pathToFileURL(path).href;
    const node = { kind: "import", specifier, referrer: pathToFileURL(join(folder, "x.mjs")).href, path: ["answer"] };
    const store = new FunctionStore();
    store.add(1, serialize({ nodes: [node], root: [0], modules: [], units: [], frames: [] }));
    await assert.rejects(async () => await store.load(1), ModuleNotFoundError);
    writeFileSync(path, "export function answer() { return 42; }\n");
    assert.equal((await store.load(1))(), 42);
    rmSync(folder, { recursive: true });
  });
});

describe("a logging initializer", () => {
  /** Puts console and sink back, which in a worker stay for good. */
  async function keepingConsole(body: () => Promise<void>): Promise<void> {
    const methods = { ...console };
    try {
      await body();
    } finally {
      Object.assign(console, methods);
      setLogSink(undefined);
    }
  }

  test("attaches the queue first, then calls the configurer and waits for it", async () => {
    await keepingConsole(async () => {
      const records: LogRecord[] = [];
      let isDone = false;
      const initializer = new LoggingInitializer(
        (record) => records.push(record),
        async () => {
          console.log("from the configurer");
          await new Promise(setImmediate);
          isDone = true;
        },
      );
      await initializer.initialize();
      assert.equal(isDone, true);
      runAsTask(makeTask(), () => console.warn("from the task"));
      assert.deepEqual(
        records.map(({ level, message, taskName }) => [level, message, taskName]),
        [
          ["info", "from the configurer", undefined],
          ["warn", "from the task", "task 5"],
        ],
      );
    });
  });

  test("without a queue leaves console alone, and calls the configurer all the same", async () => {
    await keepingConsole(async () => {
      const { log } = console;
      let calls = 0;
      await new LoggingInitializer(undefined, () => (calls += 1)).initialize();
      await new LoggingInitializer(undefined, undefined).initialize();
      assert.deepEqual([calls, console.log === log, getLogSink()], [1, true, undefined]);
    });
  });

  test("fails with what the configurer throws", async () => {
    const error = new RangeError("no configuration");
    const initializer = new LoggingInitializer(undefined, () => {
      throw error;
    });
    await assert.rejects(initializer.initialize(), error);
  });
});
