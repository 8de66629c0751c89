/** A task runs, and its outcome is reported: in this process. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { test } from "node:test";

import { TaskFlag } from "../../../src/subprocess/guard/claim.js";
import { CancelledError } from "../../../src/errors.js";
import { FunctionStore } from "../../../src/subprocess/task/function-store.js";
import { HeldPins } from "../../../src/memory/pins.js";
import { ModuleNotFoundError } from "../../../src/errors.js";
import { NotSerializableError } from "../../../src/errors.js";
import { Replier } from "../../../src/subprocess/task/replier.js";
import { RunningTask } from "../../../src/subprocess/task/running-task.js";
import { WorkerValues } from "../../../src/subprocess/task/worker-values.js";
import { add } from "../../fixtures/tasks.js";
import { currentTask } from "../../../src/subprocess/task/current-task.js";
import { FailedCall } from "../../../src/executor/outcome/settle-future.js";
import { decodeOutcome } from "../../../src/executor/outcome/settle-future.js";
import { decodeThrown } from "../../../src/values/thrown.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeArguments } from "../../../src/values/codec.js";
import { joinValues } from "../../../src/values/compact/joined-values.js";
import { resultReader } from "../../../src/executor/outcome/settle-future.js";
import { run } from "../../../src/subprocess/task/run.js";
import { performance } from "../../../src/system/timers.js";
import type { ChunkResult } from "../../../src/executor/outcome/settle-future.js";
import type { RunOrder } from "../../../src/subprocess/task/run-order.js";
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

describe("a replier", () => {
  test("registers when entered, and reports the outcome when left", () => {
    const sent: ToParentMessage[] = [];
    const replier = new Replier(
      { id: 9, beganMs: performance.now() },
      (message) => sent.push(message),
      new HeldPins(),
    );
    replier.enter();
    assert.deepEqual(sent, [{ kind: "started", taskId: 9 }]);
    replier.succeed(Uint8Array.of(1));
    assert.equal(sent.length, 1, "the parent takes the worker for free only when it is");
    replier.exit();
    assert.deepEqual(withoutDuration(sent[1]), { kind: "result", taskId: 9, value: Uint8Array.of(1) });
  });

  test("reports one outcome, the last, and none when there is none", () => {
    const sent: ToParentMessage[] = [];
    const replier = new Replier(
      { id: 9, beganMs: performance.now() },
      (message) => sent.push(message),
      new HeldPins(),
    );
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
      ...makeValues(),
    });
    assert.deepEqual(sent[0], { kind: "started", taskId: task.id });
    assert.equal(sent.length, 2);
    return sent[1] as ToParentMessage;
  }

  function makeValues(): Pick<RunOrder, "values" | "heldPins" | "shareAboveBytes"> {
    const values = new WorkerValues(new FunctionStore(), () => {});
    return { values, heldPins: new HeldPins(), shareAboveBytes: undefined };
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
      ...makeValues(),
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
