/** Calls that a pool must refuse, or survive. */

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";

import { CancelledError } from "asynccpu";
import { LogQueue } from "asynccpu";
import { NotSerializableError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";

import { ProtocolError } from "../../src/errors.js";
import { HeldPins } from "../../src/memory/pins.js";
import { Replier } from "../../src/subprocess/task/replier.js";
import { add } from "../fixtures/tasks.js";
import { addLater } from "../fixtures/tasks.js";
import { decodeThrown } from "../../src/values/thrown.js";
import { spinForEver } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { ToParentMessage } from "../../src/wire/messages/protocol.js";

test("names of any length and kind travel, or are replaced, and strand nothing", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const long = executor.with({ name: "ü".repeat(200_000) });
  assert.deepEqual(await Promise.all([long.submit(add, 1, 2), long.submit(add, 3, 4)]), [3, 7]);
  for (const name of [5, { a: 1 }, undefined, Symbol("s")]) {
    const odd = (): string => "ran";
    Object.defineProperty(odd, "name", { value: name });
    assert.equal(await executor.submit(odd), "ran");
  }
});

test("a reason to cancel that can't be sent still ends the task", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 50 });
  const hostile = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error("no keys");
      },
      get: () => {
        throw new Error("no value");
      },
    },
  );
  for (const reason of [() => 1, Symbol("s"), hostile, new WeakMap()]) {
    const future = executor.submit(spinForEver);
    await future.started;
    assert.equal(future.cancel(reason), true);
    await assert.rejects(future, (error) => error instanceof CancelledError && error.cause === reason);
  }
});

test("one abort signal serves thousands of tasks: no warning, one listener, none in the end", async (t) => {
  const warnings: Error[] = [];
  const note = (warning: Error): number => warnings.push(warning);
  process.on("warning", note);
  t.after(() => process.off("warning", note));
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
  const controller = new AbortController();
  const bound = executor.with({ signal: controller.signal });
  const done = Array.from({ length: 3000 }, (_, i) => bound.submit(add, i, 1));
  assert.equal(getEventListeners(controller.signal, "abort").length, 1);
  assert.equal((await Promise.all(done)).length, 3000);
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
  const ended = Array.from({ length: 3000 }, () => bound.submit(spinForEver));
  controller.abort("enough");
  const outcomes = await Promise.allSettled(ended);
  assert.ok(outcomes.every((outcome) => outcome.status === "rejected" && outcome.reason instanceof CancelledError));
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
  assert.deepEqual(warnings, []);
});

test("a hundred bad and a hundred good submissions, mixed, each get what they deserve", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
  const socketLike = (): unknown => new WeakRef({});
  const futures = Array.from({ length: 200 }, (_, i): Promise<unknown> => {
    if (i % 2 === 0) return executor.submit(add, i, 0);
    if (i % 4 === 1) return executor.submit((value: unknown) => value, socketLike());
    return executor.submit(socketLike);
  });
  for (const [i, outcome] of (await Promise.allSettled(futures)).entries()) {
    if (outcome.status === "fulfilled") assert.equal(outcome.value, i);
    else assert.ok(i % 2 === 1 && outcome.reason instanceof NotSerializableError, String(outcome.reason));
  }
});

test("ten arguments of 100 MB and a cancel of all don't hang, and the pool goes on", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, graceMs: 0 });
  const data = new Uint8Array(100_000_000);
  const futures = Array.from({ length: 10 }, () => executor.submit((bytes: Uint8Array) => bytes.byteLength, data));
  await futures[0]?.started;
  for (const future of futures) future.cancel();
  for (const outcome of await Promise.allSettled(futures)) {
    assert.ok(outcome.status === "fulfilled" || outcome.reason instanceof CancelledError);
  }
  assert.equal(await executor.submit(add, 1, 2), 3);
});

test("an outcome that is too long for a message becomes a failure, not silence", () => {
  const sent: ToParentMessage[] = [];
  const send = (message: ToParentMessage): void => {
    if (message.kind === "result") throw new ProtocolError("A message of many bytes is over the limit.");
    sent.push(message);
  };
  const replier = new Replier({ id: 9, beganMs: performance.now() }, send, new HeldPins());
  replier.succeed(Uint8Array.of(1));
  replier.exit();
  const [message] = sent;
  assert.ok(message?.kind === "failure");
  assert.ok(decodeThrown(message.error) instanceof ProtocolError);
});

test("a log queue that throws harms no task", async (t) => {
  class BrokenQueue extends LogQueue {
    override put(): void {
      throw new Error("the queue is broken");
    }
  }
  const warnings: string[] = [];
  const note = (warning: Error): number => warnings.push(warning.message);
  process.on("warning", note);
  t.after(() => process.off("warning", note));
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, queue: new BrokenQueue() });
  const logging = (): number => {
    console.log("a record");
    return 5;
  };
  assert.equal(await executor.createProcessTask(logging), 5);
  await waitUntil(() => warnings.includes("the queue is broken"), { what: "the warning" });
});

test("a map gives the results that are there while its source is slow, and can be left although the source never goes on", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
  let wasClosed = false;
  async function* source(): AsyncGenerator<number> {
    try {
      yield 1;
      yield 2;
      await new Promise(() => {});
    } finally {
      wasClosed = true;
    }
  }
  const seen: number[] = [];
  for await (const value of executor.map(addLater, source(), [10, 20, 30])) {
    seen.push(value);
    if (seen.length === 2) break;
  }
  assert.deepEqual(seen, [11, 22]);
  assert.equal(wasClosed, false, "a generator that waits can't be closed; the loop was left all the same");
});

test("a source that waits for the results of a map gets them", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
  let hearOf = (_value: number): void => {};
  async function* feedback(): AsyncGenerator<number> {
    let value = 1;
    while (value < 100) {
      const heard = new Promise<number>((resolve) => {
        hearOf = resolve;
      });
      yield value;
      value = await heard;
    }
  }
  const seen: number[] = [];
  const doubled = executor.map((value: number) => value * 2, feedback());
  for await (const value of doubled) {
    seen.push(value);
    hearOf(value);
  }
  assert.deepEqual(seen, [2, 4, 8, 16, 32, 64, 128]);
});
