/** The parts of an executor by themselves, with a pool and a submitter of the test's own. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { test } from "node:test";

import { CancelledError } from "../../../src/errors.js";
import { ProcessTaskFactory } from "../../../src/executor/process-task-factory.js";
import { ProcessTaskManager } from "../../../src/executor/process-task-manager.js";
import { TaskSubmitter } from "../../../src/executor/submit/task-submitter.js";
import { add } from "../../fixtures/tasks.js";
import { encodeThrown } from "../../../src/values/thrown.js";
import { encodeValue } from "../../../src/values/codec.js";
import { futures } from "../../../src/executor/outcome/process-future.js";
import { referenceToFunction } from "../../../src/pickle/function-reference.js";
import type { FutureControl } from "../../../src/executor/outcome/process-future.js";
import type { PoolTask } from "../../../src/pool/queue/pool-task.js";
import type { ProcessFuture } from "../../../src/executor/outcome/process-future.js";
import type { ProcessPool } from "../../../src/pool/process-pool.js";
import type { ProcessTask } from "../../../src/system/process/process-task.js";
import type { Submission } from "../../../src/executor/submit/task-submitter.js";

const REQUEST: Submission = { fn: add, args: [1, 2], options: {}, calledFrom: add };

function makeControl(canCancel: boolean): FutureControl {
  return { cancel: () => canCancel, lookForStart: () => false, wantStart: () => {}, hear: () => {} };
}

/** A submitter that notes what it is given. */
class FakeSubmitter {
  readonly submissions: Submission[] = [];
  readonly created: ProcessFuture<unknown>[] = [];

  submit<T>(submission: Submission): ProcessFuture<T> {
    const future = futures.create<T>(makeControl(false));
    this.submissions.push(submission);
    this.created.push(future);
    return future;
  }
}

/** A pool whose tasks do what the test says. */
class FakePool {
  runningTasks: ProcessTask[] = [];
  /** How often it says yet that a task is on its way; calls `onLook` each time. */
  looksLeft = 0;
  onLook: () => void = () => {};

  get isAnyStarting(): boolean {
    this.onLook();
    this.looksLeft -= 1;
    return this.looksLeft >= 0;
  }
}

/** A process that notes the signals that it gets. */
function fakeProcess(name: string, signals: string[]): ProcessTask {
  const sendSignal = (signal: string): boolean => {
    signals.push(`${signal} to ${name}`);
    return true;
  };
  return { sendSignal } as unknown as ProcessTask;
}

function makeFactory(): { submitter: FakeSubmitter; pool: FakePool; factory: ProcessTaskFactory } {
  const submitter = new FakeSubmitter();
  const pool = new FakePool();
  const factory = new ProcessTaskFactory(submitter as unknown as TaskSubmitter, pool as unknown as ProcessPool);
  return { submitter, pool, factory };
}

describe("a task factory", () => {
  test("hands the request on as it is, and gives the future of the submitter", () => {
    const { submitter, factory } = makeFactory();
    const future = factory.create(REQUEST);
    assert.deepEqual(submitter.submissions, [REQUEST]);
    assert.equal(future, submitter.created[0]);
  });

  test("signals the processes that the pool knows to run a task, and no other", () => {
    const { pool, factory } = makeFactory();
    const signals: string[] = [];
    const [a, b] = [fakeProcess("a", signals), fakeProcess("b", signals)];
    pool.runningTasks = [a, b];
    assert.deepEqual(factory.running, [a, b]);
    factory.sendSignal("SIGTERM");
    pool.runningTasks = [b];
    factory.sendSignal("SIGHUP");
    assert.deepEqual(signals, ["SIGTERM to a", "SIGTERM to b", "SIGHUP to b"]);
  });
});

describe("a task manager", () => {
  interface Scene {
    readonly pool: FakePool;
    readonly manager: ProcessTaskManager;
    readonly signals: string[];
  }

  function makeScene(timeoutInEmergencyMs = 60_000): Scene {
    const { pool, factory } = makeFactory();
    return { pool, manager: new ProcessTaskManager(factory, timeoutInEmergencyMs), signals: [] };
  }

  test("signals at once when no creation is in flight", async () => {
    const { pool, manager, signals } = makeScene();
    pool.runningTasks = [fakeProcess("a", signals)];
    assert.equal(await manager.lockAndSendSignal("SIGTERM"), true);
    assert.deepEqual(signals, ["SIGTERM to a"]);
  });

  test("waits for the creations in flight, so that the signal reaches their processes too", async () => {
    const { pool, manager, signals } = makeScene();
    pool.looksLeft = 3;
    pool.onLook = () => {
      assert.deepEqual(signals, [], "one is still on its way");
      if (pool.looksLeft === 1) pool.runningTasks = [fakeProcess("a", signals)];
    };
    assert.equal(await manager.lockAndSendSignal("SIGTERM"), true);
    assert.deepEqual(signals, ["SIGTERM to a"]);
  });

  test("signals anyway when a creation is not done after timeoutInEmergencyMs, and says so", async () => {
    const { pool, manager, signals } = makeScene(20);
    pool.runningTasks = [fakeProcess("a", signals)];
    pool.looksLeft = Infinity;
    const startMs = performance.now();
    assert.equal(await manager.lockAndSendSignal("SIGTERM"), false);
    assert.ok(performance.now() - startMs >= 20);
    assert.deepEqual(signals, ["SIGTERM to a"]);
  });
});

describe("a task submitter", () => {
  function makeSubmitter(): { submitter: TaskSubmitter; handed: PoolTask[]; cancelled: unknown[] } {
    const handed: PoolTask[] = [];
    const cancelled: unknown[] = [];
    const pool = {
      expectTask: () => {},
      checkRoom: () => {},
      submit: (task: PoolTask) => handed.push(task),
      cancel: (_task: PoolTask, reason: Error) => {
        cancelled.push(reason.cause);
        return true;
      },
    };
    return { submitter: new TaskSubmitter(pool as unknown as ProcessPool), handed, cancelled };
  }

  function submit(submitter: TaskSubmitter, options: Submission["options"] = {}): ProcessFuture<unknown> {
    return submitter.submit({ fn: add, args: [1, 2], options, calledFrom: submit });
  }

  test("rejects the future of a worker that sends bytes that are no value", async () => {
    const { submitter, handed } = makeSubmitter();
    for (const kind of ["result", "failure"] as const) {
      const future = submit(submitter);
      const bytes = Uint8Array.of(0x77, 1, 2);
      handed.at(-1)?.settle(kind === "result" ? { kind, value: bytes } : { kind: "failure", error: bytes });
      await assert.rejects(future, Error);
      assert.equal(future.done, true);
    }
  });

  test("shows the worker's stack and the line that submitted", async () => {
    const { submitter, handed } = makeSubmitter();
    const future = submit(submitter);
    const thrown = new RangeError("from the worker");
    thrown.stack = "RangeError: from the worker\n    at inTheWorker (file:///worker.js:1:1)";
    handed[0]?.settle({ kind: "failure", error: encodeThrown(thrown) });
    const error = await future.exception();
    assert.ok(error instanceof RangeError);
    assert.match(error.stack ?? "", /inTheWorker.*[\s\S]*executor.parts\.test/);
  });

  test("gives a function one id however often it is submitted, and its name unless the call has one", () => {
    const { submitter, handed } = makeSubmitter();
    void submit(submitter);
    void submit(submitter, { name: "mine", timeoutMs: 7 });
    const [first, second] = handed;
    assert.equal(first?.fn, second?.fn);
    assert.deepEqual([first?.name, second?.name, second?.timeoutMs], ["add", "mine", 7]);
  });

  test("cancels by the signal of the call, until the task has settled", async () => {
    const { submitter, handed, cancelled } = makeSubmitter();
    const controllers = [new AbortController(), new AbortController()];
    const submitted = controllers.map(({ signal }) => submit(submitter, { signal }));
    handed[1]?.settle({ kind: "ended", error: new CancelledError() });
    controllers[0]?.abort("enough");
    controllers[1]?.abort("too late");
    assert.deepEqual(cancelled, ["enough"]);
    assert.equal(submitted[1]?.cancelled, true);
    const never = submit(submitter, { signal: AbortSignal.abort("before") });
    assert.equal(((await never.exception()) as Error).cause, "before");
    assert.equal(handed.length, 2, "a call whose signal is aborted already doesn't reach the pool");
  });
});

test("a future shows its class, and its start fails with it when it ends before it begins", async () => {
  const future = futures.create<number>(makeControl(true));
  assert.equal(Object.prototype.toString.call(future), "[object ProcessFuture]");
  const { started } = future;
  const error = new RangeError("never begun");
  futures.reject(future, error);
  await assert.rejects(started, error);
  await assert.rejects(future, error);
  assert.equal(future.cancel(), false);
  const other = futures.create<number>(makeControl(true));
  futures.reject(other, new CancelledError());
  await assert.rejects(other.started, CancelledError);
  assert.equal(other.cancel(), true, "it is cancelled, as was asked");
});

test("a future that only waits for functions of its result can't be cancelled any more", async () => {
  const submitted: PoolTask[] = [];
  const pool = { expectTask: () => {}, checkRoom: () => {}, submit: (task: PoolTask) => submitted.push(task) };
  const future = new TaskSubmitter(pool as unknown as ProcessPool).submit(REQUEST);
  const value = encodeValue({ add }, "result", { writer: { writeFunction: (fn) => referenceToFunction(fn) } });
  submitted[0]?.settle({ kind: "result", value });
  assert.equal(future.done, false);
  assert.equal(future.cancel("too late"), false);
  assert.deepEqual(await future, { add });
});
