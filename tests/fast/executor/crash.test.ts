import assert from "node:assert/strict";
import { after } from "node:test";
import { closeSync } from "node:fs";
import { test } from "node:test";
import { writeSync } from "node:fs";

import { CancelledError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";
import { currentTask } from "asynccpu";

import { CrashJudge } from "../../../src/pool/worker/crash-cause.js";
import { add } from "../../fixtures/tasks.js";
import { encodeThrown } from "../../../src/values/thrown.js";
import { encodeToParent } from "../../../src/wire/messages/message-codec.js";
import { hangForEver } from "../../fixtures/tasks.js";
import { processId } from "../../fixtures/tasks.js";

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });

after(() => executor.shutdown());

async function assertCrash(future: Promise<unknown>, exitCode: number | null, signal: string | null): Promise<void> {
  await assert.rejects(future, (error) => {
    assert.ok(error instanceof WorkerCrashedError, String(error));
    assert.deepEqual([error.exitCode, error.signal], [exitCode, signal]);
    return true;
  });
}

test("a task that exits its process fails alone, with the exit code, whatever it is", async () => {
  for (const code of [0, 3]) {
    const exiting = executor.with({ name: "leaver" }).createProcessTask((status: number) => {
      console.error("last words");
      process.exit(status);
    }, code);
    const next = executor.createProcessTask(add, 1, 2);
    await assert.rejects(exiting, (error) => {
      assert.ok(error instanceof WorkerCrashedError);
      assert.deepEqual([error.exitCode, error.signal, error.taskName], [code, null, "leaver"]);
      assert.match(error.stderr, /last words/);
      assert.match(error.stack ?? "", /submitted from[^]*executor.crash\.test/);
      return true;
    });
    assert.equal(await next, 3);
  }
});

test("a worker killed from outside fails its task alone", async () => {
  const future = executor.createProcessTask(hangForEver);
  const next = executor.createProcessTask(add, 1, 2);
  const processTask = await future.started;
  assert.equal(processTask.sendSignal("SIGKILL"), true);
  await assertCrash(future, null, "SIGKILL");
  assert.equal(await next, 3);
  assert.equal(processTask.sendSignal("SIGKILL"), false);
});

test("SIGTERM from elsewhere cancels the task of a worker when that listens, and the next task has a fresh worker", async () => {
  const future = executor.createProcessTask(async () => {
    const { signal } = currentTask();
    await new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  });
  const processTask = await future.started;
  process.kill(processTask.id, "SIGTERM");
  await assert.rejects(future, CancelledError);
  assert.notEqual(await executor.submit(processId), processTask.id);
});

test("SIGTERM from elsewhere ends a worker whose task does not listen by that signal", async () => {
  const future = executor.createProcessTask(hangForEver);
  process.kill((await future.started).id, "SIGTERM");
  await assertCrash(future, null, "SIGTERM");
});

test("an error thrown beside a task fails that task with that error", async () => {
  for (const how of ["timer", "rejection", "tick"]) {
    const future = executor.createProcessTask((kind: string) => {
      if (kind === "timer") {
        setTimeout(() => {
          throw new RangeError("beside");
        }, 1);
      }
      if (kind === "rejection") void Promise.reject(new RangeError("beside"));
      if (kind === "tick") {
        process.nextTick(() => {
          throw new RangeError("beside");
        });
      }
      return new Promise<never>(() => {});
    }, how);
    await assert.rejects(future, (error) => error instanceof RangeError && error.message === "beside");
  }
  assert.equal(await executor.submit(add, 1, 2), 3);
});

test("what an ended task left behind harms no other task", async () => {
  const leaver = (): number => {
    const timer = setInterval(() => {
      if (!Reflect.has(globalThis, "lastingRuns")) return;
      clearInterval(timer);
      throw new Error("left behind");
    }, 5);
    return process.pid;
  };
  const leaverPid = await executor.submit(leaver);
  const lasting = async (): Promise<number> => {
    Reflect.set(globalThis, "lastingRuns", true);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    return process.pid;
  };
  assert.equal(await executor.submit(lasting), leaverPid, "it ran while the error came, to its end");
  assert.notEqual(await executor.submit(processId), leaverPid, "the worker was replaced after that");
});

test("bytes that are no frame end their worker, and nothing else", async () => {
  const garbling = executor.createProcessTask(() => {
    writeSync(4, Buffer.alloc(64, 0xff));
    return new Promise<never>(() => {});
  });
  await assert.rejects(
    garbling,
    (error) => error instanceof Error && Reflect.get(error, "code") === "ASYNCCPU_PROTOCOL",
  );
  assert.equal(await executor.submit(add, 1, 2), 3);
});

test("a task that says in its worker's name that its start has failed ends that worker, and nothing else", async () => {
  const error = encodeThrown(new RangeError("it has not"));
  const pid = await executor.submit(processId);
  const lying = executor.createProcessTask(
    (bytes: Uint8Array) => {
      writeSync(4, bytes);
      return new Promise<never>(() => {});
    },
    Buffer.concat(encodeToParent({ kind: "initializeFailed", isConfigurer: false, error })),
  );
  const waiting = executor.submit(processId);
  await assert.rejects(
    lying,
    (thrown) => thrown instanceof Error && Reflect.get(thrown, "code") === "ASYNCCPU_PROTOCOL",
  );
  assert.notEqual(await waiting, pid);
  assert.equal(await executor.submit(add, 1, 2), 3);
});

test("a task that closes the private pipes fails, and the pool goes on", async () => {
  for (const fd of [3, 4, 5]) {
    const closing = executor.createProcessTask((descriptor: number) => {
      closeSync(descriptor);
      return new Promise<never>(() => {});
    }, fd);
    // Killed by this side, unless Node in the worker is faster: it aborts when it reads a descriptor that is closed.
    await assert.rejects(closing, (error) => {
      assert.ok(error instanceof WorkerCrashedError, String(error));
      assert.equal(error.exitCode, null);
      assert.match(String(error.signal), /^SIG(KILL|ABRT)$/);
      return true;
    });
    assert.equal(await executor.submit(add, 1, 2), 3);
  }
});

test("a crash while a large argument is being written does not hang", async () => {
  const future = executor.createProcessTask(() => process.exit(1));
  const big = executor.createProcessTask((bytes: Uint8Array) => bytes.byteLength, new Uint8Array(20_000_000));
  await assertCrash(future, 1, null);
  assert.equal(await big, 20_000_000);
});

test("a full V8 heap is named as the likely cause, and the pool goes on", async () => {
  await using small = new ProcessTaskPoolExecutor({ maxWorkers: 1, execArgv: ["--max-old-space-size=32"] });
  const hoarding = small.createProcessTask(() => {
    const hoard: object[] = [];
    for (;;) hoard.push({ at: hoard.length });
  });
  await assert.rejects(hoarding, (error) => {
    assert.ok(error instanceof WorkerCrashedError);
    assert.equal(error.likelyCause, "heap-limit");
    assert.match(error.message, /--max-old-space-size/);
    return true;
  });
  assert.equal(await small.submit(add, 1, 2), 3);
});

test("a SIGKILL is put down to the kernel's want of memory only when its count has risen", () => {
  let count: number | undefined = 5;
  const judge = new CrashJudge(() => count);
  assert.equal(judge.judge("SIGKILL", false), undefined);
  count = 6;
  assert.equal(judge.judge("SIGKILL", false), "oom-killer");
  assert.equal(judge.judge(null, true), undefined, "a task may print anything");
  assert.equal(judge.judge("SIGABRT", true), "heap-limit");
  assert.equal(judge.judge("SIGKILL", true, true), "heap-limit", "it hung before it had aborted");
  count = undefined;
  assert.equal(new CrashJudge(() => count).judge("SIGKILL", false), undefined);
});

test("a result that this process has no memory for fails its task, and the pool goes on", async (t) => {
  const allocate = Buffer.allocUnsafeSlow.bind(Buffer);
  const mocked = t.mock.method(Buffer, "allocUnsafeSlow", (sizeBytes: number) => {
    if (sizeBytes > 1024 * 1024) throw new RangeError("Array buffer allocation failed");
    return allocate(sizeBytes);
  });
  const error = await executor.createProcessTask(() => new Uint8Array(30_000_000)).exception();
  mocked.mock.restore();
  assert.ok(error instanceof RangeError, String(error));
  assert.match(error.message, /no memory for a message of 30000\d\d\d bytes/);
  assert.equal(await executor.submit(add, 1, 2), 3);
});
