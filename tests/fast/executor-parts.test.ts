/** The parts of an executor by themselves, with a pool and a submitter of the test's own. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { test } from "node:test";

import { CancelledError } from "../../src/errors.js";
import { ProcessTaskFactory } from "../../src/executor/process-task-factory.js";
import { ProcessTaskManager } from "../../src/executor/process-task-manager.js";
import { TaskSubmitter } from "../../src/executor/task-submitter.js";
import { add } from "../fixtures/tasks.js";
import { encodeThrown } from "../../src/wire/error-codec.js";
import { encodeValue } from "../../src/wire/codec.js";
import { futures } from "../../src/executor/process-future.js";
import { referenceToFunction } from "../../src/pickle/function-reference.js";
import type { FutureControl } from "../../src/executor/process-future.js";
import type { PoolTask } from "../../src/pool/pool-task.js";
import type { ProcessFuture } from "../../src/executor/process-future.js";
import type { ProcessPool } from "../../src/pool/process-pool.js";
import type { ProcessTask } from "../../src/system/process-task.js";
import type { Submission } from "../../src/executor/task-submitter.js";
import type { TaskObserver } from "../../src/executor/submitted-kind.js";
import type { TaskRequest } from "../../src/executor/process-task-factory.js";

const REQUEST: TaskRequest = { fn: add, args: [1, 2], options: {}, calledFrom: add };

function makeControl(canCancel: boolean): FutureControl {
  return { cancel: () => canCancel, lookForStart: () => false, wantStart: () => {} };
}

/** A submitter whose tasks do what the test says. */
class FakeSubmitter {
  /** Called when somebody wants to know which tasks have begun. */
  lookForStarts: () => void = () => {};
  readonly submissions: Submission[] = [];
  readonly created: ProcessFuture<unknown>[] = [];
  readonly #observers: TaskObserver[] = [];

  submit<T>(submission: Submission, observer: TaskObserver): ProcessFuture<T> {
    const future = futures.create<T>(makeControl(false));
    this.submissions.push(submission);
    this.#observers.push(observer);
    this.created.push(future);
    return future;
  }

  /** The steps of one task, whose future stands for the task itself. */
  observer(index: number): { onDispatched(): void; onStarted(processTask: ProcessTask): void; onSettled(): void } {
    const observer = this.#observers[index];
    assert.ok(observer !== undefined);
    const task = this.created[index] as unknown as PoolTask;
    return {
      onDispatched: () => observer.onDispatched(task),
      onStarted: (processTask) => observer.onStarted(task, processTask),
      onSettled: () => observer.onSettled(task),
    };
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

function makeFactory(): { submitter: FakeSubmitter; factory: ProcessTaskFactory } {
  const submitter = new FakeSubmitter();
  return { submitter, factory: new ProcessTaskFactory(submitter as unknown as TaskSubmitter) };
}

describe("a task factory", () => {
  test("hands the request on as it is, and gives the future of the submitter", () => {
    const { submitter, factory } = makeFactory();
    const future = factory.create(REQUEST);
    assert.deepEqual(submitter.submissions, [REQUEST]);
    assert.equal(future, submitter.created[0]);
  });

  test("knows a task as running from its start to its end, and signals those alone", () => {
    const { submitter, factory } = makeFactory();
    const signals: string[] = [];
    const [a, b] = [fakeProcess("a", signals), fakeProcess("b", signals)];
    for (let i = 0; i < 3; i += 1) void factory.create(REQUEST);
    submitter.observer(0).onDispatched();
    assert.deepEqual(factory.running, [], "a task on its way doesn't run");
    submitter.observer(0).onStarted(a);
    submitter.observer(1).onStarted(b);
    assert.deepEqual(factory.running, [a, b]);
    factory.sendSignal("SIGTERM");
    submitter.observer(0).onSettled();
    // Ends without having begun: cancelled while it waited.
    submitter.observer(2).onSettled();
    factory.sendSignal("SIGHUP");
    assert.deepEqual(signals, ["SIGTERM to a", "SIGTERM to b", "SIGHUP to b"]);
    assert.deepEqual(factory.running, [b]);
  });

  test("tells its observer each step, with the registry already right", () => {
    const { submitter, factory } = makeFactory();
    const steps: string[] = [];
    factory.watch({
      onDispatched: () => steps.push(`dispatched ${factory.running.length}`),
      onStarted: () => steps.push(`started ${factory.running.length}`),
      onSettled: () => steps.push(`settled ${factory.running.length}`),
    });
    void factory.create(REQUEST);
    submitter.observer(0).onDispatched();
    submitter.observer(0).onStarted(fakeProcess("a", []));
    submitter.observer(0).onSettled();
    assert.deepEqual(steps, ["dispatched 0", "started 1", "settled 0"]);
  });
});

describe("a task manager", () => {
  interface Scene {
    readonly submitter: FakeSubmitter;
    readonly factory: ProcessTaskFactory;
    readonly manager: ProcessTaskManager;
    readonly signals: string[];
  }

  function makeScene(taskCount: number): Scene {
    const { submitter, factory } = makeFactory();
    const manager = new ProcessTaskManager(factory, 1000);
    for (let i = 0; i < taskCount; i += 1) void manager.createProcessTask(REQUEST);
    return { submitter, factory, manager, signals: [] };
  }

  test("signals at once when no creation is in flight, queued ones notwithstanding", async () => {
    const { submitter, manager, signals } = makeScene(2);
    submitter.observer(0).onDispatched();
    submitter.observer(0).onStarted(fakeProcess("a", signals));
    assert.equal(await manager.lockAndSendSignal("SIGTERM"), true);
    assert.deepEqual(signals, ["SIGTERM to a"]);
  });

  test("looks first which of them have begun without a notice", async () => {
    const { submitter, manager, signals } = makeScene(1);
    submitter.observer(0).onDispatched();
    submitter.lookForStarts = () => submitter.observer(0).onStarted(fakeProcess("a", signals));
    assert.equal(await manager.lockAndSendSignal("SIGTERM"), true);
    assert.deepEqual(signals, ["SIGTERM to a"]);
  });

  test("and goes on looking while it waits", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
    const { submitter, manager, signals } = makeScene(1);
    submitter.observer(0).onDispatched();
    const sending = manager.lockAndSendSignal("SIGTERM");
    submitter.lookForStarts = () => submitter.observer(0).onStarted(fakeProcess("a", signals));
    t.mock.timers.tick(5);
    assert.equal(await sending, true);
    assert.deepEqual(signals, ["SIGTERM to a"]);
  });

  test("waits for the creations in flight, so that the signal reaches their processes too", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { submitter, manager, signals } = makeScene(2);
    submitter.observer(0).onDispatched();
    submitter.observer(1).onDispatched();
    const sending = manager.lockAndSendSignal("SIGTERM");
    t.mock.timers.tick(999);
    submitter.observer(0).onStarted(fakeProcess("a", signals));
    await new Promise(setImmediate);
    assert.deepEqual(signals, [], "the second is still on its way");
    submitter.observer(1).onStarted(fakeProcess("b", signals));
    assert.equal(await sending, true);
    assert.deepEqual(signals, ["SIGTERM to a", "SIGTERM to b"]);
  });

  test("signals anyway when a creation is not done after timeoutInEmergencyMs, and says so", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { submitter, manager, signals } = makeScene(2);
    submitter.observer(0).onStarted(fakeProcess("a", signals));
    submitter.observer(1).onDispatched();
    const sending = manager.lockAndSendSignal("SIGTERM");
    t.mock.timers.tick(999);
    await new Promise(setImmediate);
    assert.deepEqual(signals, []);
    t.mock.timers.tick(1);
    assert.equal(await sending, false);
    assert.deepEqual(signals, ["SIGTERM to a"]);
    // The lost creation comes to its end later: nothing is waiting any more, nothing is signalled twice.
    submitter.observer(1).onStarted(fakeProcess("b", signals));
    t.mock.timers.tick(5000);
    await new Promise(setImmediate);
    assert.deepEqual(signals, ["SIGTERM to a"]);
  });

  test("doesn't wait for a creation that ended without a start, and counts one that is dispatched anew once", async () => {
    const { submitter, manager, signals } = makeScene(1);
    submitter.observer(0).onDispatched();
    // Its worker died; another one is chosen.
    submitter.observer(0).onDispatched();
    const sending = [manager.lockAndSendSignal("SIGTERM"), manager.lockAndSendSignal("SIGHUP")];
    submitter.observer(0).onSettled();
    assert.deepEqual(await Promise.all(sending), [true, true]);
    assert.deepEqual(signals, []);
    assert.equal(await manager.lockAndSendSignal("SIGTERM"), true, "nothing is in flight any more");
  });
});

describe("a task submitter", () => {
  function makeSubmitter(): { submitter: TaskSubmitter; handed: PoolTask[]; cancelled: unknown[] } {
    const handed: PoolTask[] = [];
    const cancelled: unknown[] = [];
    const pool = {
      expectTask: () => {},
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
    assert.match(error.stack ?? "", /inTheWorker.*[\s\S]*executor-parts\.test/);
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
  const pool = { expectTask: () => {}, submit: (task: PoolTask) => submitted.push(task) };
  const future = new TaskSubmitter(pool as unknown as ProcessPool).submit(REQUEST);
  const value = encodeValue({ add }, "result", { writer: { writeFunction: (fn) => referenceToFunction(fn) } });
  submitted[0]?.settle({ kind: "result", value });
  assert.equal(future.done, false);
  assert.equal(future.cancel("too late"), false);
  assert.deepEqual(await future, { add });
});
