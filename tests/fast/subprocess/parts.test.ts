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
import { NotSerializableError } from "../../../src/errors.js";
import { Replier } from "../../../src/subprocess/task/replier.js";
import { RunningTask } from "../../../src/subprocess/task/running-task.js";
import { add } from "../../fixtures/tasks.js";
import { currentTask } from "../../../src/subprocess/task/current-task.js";
import { FailedCall } from "../../../src/executor/outcome/settle-future.js";
import { decodeOutcome } from "../../../src/executor/outcome/settle-future.js";
import { decodeThrown } from "../../../src/values/thrown.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeArguments } from "../../../src/values/codec.js";
import { getLogSink } from "../../../src/logging/current-sink.js";
import { joinValues } from "../../../src/values/compact/joined-values.js";
import { pickleFunction } from "../../../src/pickle/pickle-function.js";
import { resultReader } from "../../../src/executor/outcome/settle-future.js";
import { run } from "../../../src/subprocess/task/run.js";
import { runAsTask } from "../../../src/subprocess/task/current-task.js";
import { setLogSink } from "../../../src/logging/current-sink.js";
import { performance } from "../../../src/system/timers.js";
import type { ChunkResult } from "../../../src/executor/outcome/settle-future.js";
import type { LogRecord } from "../../../src/logging/log-record.js";
import type { TaskFunction } from "../../../src/subprocess/task/function-store.js";
import type { ToParentMessage } from "../../../src/wire/messages/protocol.js";

function makeTask(id = 5, abortFlag = new TaskFlag()): RunningTask {
  const channel = { post: () => {}, flush: () => {} };
  return new RunningTask(id, `task ${id}`, { abortFlag, hearFlag: new TaskFlag() }, channel);
}

function withoutDuration(message: ToParentMessage | undefined): unknown {
  const { durationUs, ...rest } = message as Extract<ToParentMessage, { kind: "result" }>;
  assert.ok(Number.isInteger(durationUs) && durationUs >= 0);
  return rest;
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

describe("a replier", () => {
  test("registers when entered, and reports the outcome when left", () => {
    const sent: ToParentMessage[] = [];
    const replier = new Replier({ id: 9, beganMs: performance.now() }, (message) => sent.push(message));
    replier.enter();
    assert.deepEqual(sent, [{ kind: "started", taskId: 9 }]);
    replier.succeed(Uint8Array.of(1));
    assert.equal(sent.length, 1, "the parent takes the worker for free only when it is");
    replier.exit();
    assert.deepEqual(withoutDuration(sent[1]), { kind: "result", taskId: 9, value: Uint8Array.of(1) });
  });

  test("reports one outcome, the last, and none when there is none", () => {
    const sent: ToParentMessage[] = [];
    const replier = new Replier({ id: 9, beganMs: performance.now() }, (message) => sent.push(message));
    replier.exit();
    assert.deepEqual(sent, []);
    replier.succeed(Uint8Array.of(1));
    replier.fail(Uint8Array.of(2));
    replier.exit();
    assert.deepEqual(sent.map(withoutDuration), [{ kind: "failure", taskId: 9, error: Uint8Array.of(2) }]);
  });
});

describe("running a task", () => {
  interface Setting {
    readonly args?: readonly unknown[];
    readonly isChunk?: boolean;
    readonly goesOn?: boolean;
    readonly task?: RunningTask;
    readonly load?: () => Promise<TaskFunction>;
  }

  async function outcomeOf(fn: TaskFunction, setting: Setting = {}): Promise<ToParentMessage> {
    const sent: ToParentMessage[] = [];
    const { args = [], isChunk = false, goesOn = false, task = makeTask() } = setting;
    await run({
      task,
      functions: { load: setting.load ?? (() => Promise.resolve(fn)), built: () => undefined },
      functionId: 1,
      args: isChunk ? joinValues(args) : encodeArguments(args),
      isChunk,
      goesOn,
      send: (message) => sent.push(message),
    });
    assert.deepEqual(sent[0], { kind: "started", taskId: task.id });
    assert.equal(sent.length, 2);
    return sent[1] as ToParentMessage;
  }

  async function resultOf(fn: TaskFunction, setting: Setting = {}): Promise<unknown> {
    const outcome = await outcomeOf(fn, setting);
    if (outcome.kind === "value") return outcome.value;
    assert.equal(outcome.kind, "result");
    const { value } = outcome as { value: Uint8Array };
    if (setting.isChunk !== true) return decodeValue(value);
    return decodeOutcome(value, resultReader, { callCount: setting.args?.length ?? 0, goesOn: !!setting.goesOn });
  }

  async function errorOf(fn: TaskFunction, setting: Setting = {}): Promise<unknown> {
    const outcome = await outcomeOf(fn, setting);
    assert.equal(outcome.kind, "failure");
    return decodeThrown((outcome as { error: Uint8Array }).error);
  }

  test("calls sync and async functions with their arguments, as the current task", async () => {
    assert.equal(await resultOf(add as TaskFunction, { args: [20, 22] }), 42);
    const name = await resultOf(async () => {
      await new Promise(setImmediate);
      return currentTask().name;
    });
    assert.equal(name, "task 5");
    assert.equal(currentTask().name, "", "outside of it nothing is left");
  });

  test("notes the start before it loads the function, whose modules run as the task", async () => {
    const seen: string[] = [];
    const task = makeTask();
    await run({
      task,
      functions: {
        load: (functionId) => {
          seen.push(`load ${functionId} in ${currentTask().name}`);
          return Promise.resolve(() => undefined);
        },
        built: () => undefined,
      },
      functionId: 7,
      args: encodeArguments([]),
      isChunk: false,
      send: ({ kind }) => seen.push(kind),
    });
    assert.deepEqual(seen, ["started", "load 7 in task 5", "value"]);
  });

  test("tells how long the function took, without its loading: by that the parent expects how long the next task takes", async (t) => {
    let nowMs = 1000;
    t.mock.method(performance, "now", () => nowMs);
    const load = async (): Promise<TaskFunction> => {
      nowMs += 700;
      await new Promise(setImmediate);
      return () => {
        nowMs += 3;
      };
    };
    const outcome = await outcomeOf(() => {}, { load });
    assert.equal("durationUs" in outcome && outcome.durationUs, 3000);
  });

  test("reports what the function throws, whatever it is, and a function that can't be loaded", async () => {
    const thrown = await errorOf(() => {
      throw Object.assign(new RangeError("too far"), { code: "E_FAR" });
    });
    assert.ok(thrown instanceof RangeError);
    assert.equal((thrown as RangeError & { code: string }).code, "E_FAR");
    const odd = await errorOf(() => {
      throw 0;
    });
    assert.equal(odd, 0);
    const missing = new ModuleNotFoundError("gone");
    const error = await errorOf(() => 1, { load: () => Promise.reject(missing) });
    assert.ok(error instanceof ModuleNotFoundError);
  });

  test("reports a result that can't be sent as the task's failure, with its path", async () => {
    const error = await errorOf(() => ({ rows: [1, () => 2] }));
    assert.ok(error instanceof NotSerializableError);
    assert.equal(error.path, "result.rows[1]");
  });

  test("ends with an error that is thrown beside a body that never ends", async () => {
    const task = makeTask();
    const error = await errorOf(
      () => {
        setImmediate(() => task.fail(new TypeError("in a callback")));
        return new Promise(() => {});
      },
      { task },
    );
    assert.ok(error instanceof TypeError);
  });

  test("runs the calls of a chunk one after the other, up to the first failure, or to the end", async () => {
    let running = 0;
    const fn = async (x: unknown): Promise<number> => {
      running += 1;
      assert.equal(running, 1);
      await new Promise(setImmediate);
      running -= 1;
      if (x === 3) throw new RangeError("three");
      return Number(x) * 10;
    };
    const args = [[1], [3], [2]];
    for (const goesOn of [false, true]) {
      const [first, second, ...rest] = ((await resultOf(fn, { args, isChunk: true, goesOn })) as ChunkResult).results;
      assert.ok(second instanceof FailedCall && second.error instanceof RangeError);
      assert.deepEqual([first, ...rest], goesOn ? [10, 20] : [10]);
    }
  });

  test("begins no further call of a chunk that is to end", async () => {
    const task = makeTask();
    const seen: unknown[] = [];
    const reason = new CancelledError("enough");
    const error = await errorOf(
      (x) => {
        seen.push(x);
        task.abort(reason);
      },
      { args: [[1], [2]], isChunk: true, task },
    );
    assert.ok(error instanceof CancelledError);
    assert.deepEqual(seen, [1]);
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
