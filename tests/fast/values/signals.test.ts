import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";

import { NotSerializableError } from "../../../src/index.js";
import { ProcessPoolExecutor } from "../../../src/index.js";
import { poolOf } from "../../testlibraries/pool-of.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
after(() => executor.shutdown());

/** Resolves with what a signal is aborted with. */
function reasonOf(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });
}

describe("an AbortSignal as argument", () => {
  it("is aborted in the task when it is in the parent, and the reason travels", async () => {
    const controller = new AbortController();
    const future = executor.submit(reasonOf, controller.signal);
    await future.started;
    controller.abort(Object.assign(new RangeError("enough"), { code: "E_ENOUGH" }));
    const reason = await future;
    assert.ok(reason instanceof RangeError);
    assert.deepEqual([reason.message, Reflect.get(reason, "code")], ["enough", "E_ENOUGH"]);
  });

  it("is a real signal: AbortSignal.any takes it, and the default reason is an AbortError", async () => {
    const controller = new AbortController();
    const future = executor.submit(async (signal: AbortSignal) => {
      const any = AbortSignal.any([signal, new AbortController().signal]);
      await new Promise((resolve) => {
        any.addEventListener("abort", resolve);
      });
      return [signal instanceof AbortSignal, any.aborted, (any.reason as Error).name];
    }, controller.signal);
    await future.started;
    controller.abort();
    assert.deepEqual(await future, [true, true, "AbortError"]);
  });

  it("may be aborted already, also between submission and start", async () => {
    const show = (signal: AbortSignal): unknown[] => [signal.aborted, signal.reason];
    assert.deepEqual(await executor.submit(show, AbortSignal.abort("before")), [true, "before"]);
    const blocker = new AbortController();
    const running = executor.submit(reasonOf, blocker.signal);
    await running.started;
    const controller = new AbortController();
    // A short one by now, which other than with a signal could be given to the worker ahead of need.
    const waiting = executor.submit(show, controller.signal);
    assert.equal(poolOf(executor).workers[0]?.tasks?.all.length, 1);
    controller.abort("meanwhile");
    blocker.abort("go on");
    assert.equal(await running, "go on");
    assert.deepEqual(await waiting, [true, "meanwhile"]);
  });

  it("is one of several, each by itself, and the same where it is the same", async () => {
    const controllers = Array.from({ length: 20 }, () => new AbortController());
    const signals = controllers.map(({ signal }) => signal);
    const future = executor.submit(
      async (all: readonly AbortSignal[], last: { readonly signal: AbortSignal }) => {
        const aborted: number[] = [];
        await new Promise<void>((resolve) => {
          for (const [index, signal] of all.entries()) {
            signal.addEventListener("abort", () => {
              aborted.push(index);
              if (aborted.length === 3) resolve();
            });
          }
        });
        return { aborted, isSame: all.at(-1) === last.signal };
      },
      signals,
      { signal: signals.at(-1) as AbortSignal },
    );
    await future.started;
    for (const index of [7, 0, 19]) controllers[index]?.abort();
    // Those that are aborted before the task looks are told in the order of the arguments.
    const { aborted, isSame } = await future;
    assert.deepEqual([aborted.toSorted((one, other) => one - other), isSame], [[0, 7, 19], true]);
  });

  it("leaves no listener behind, however the task ends", async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    for (let round = 0; round < 3; round++) await executor.submit((each: AbortSignal) => each.aborted, signal);
    await executor
      .submit((_each: AbortSignal) => {
        throw new Error("no");
      }, signal)
      .exception();
    const future = executor.submit(reasonOf, signal);
    await future.started;
    await waitUntil(() => listeners > 0, { what: "a listener on the signal" });
    future.cancel();
    await future.exception();
    assert.equal(listeners, 0);
    controller.abort();
  });

  it("works beside the signal that cancels the task", async () => {
    const controller = new AbortController();
    const future = executor.with({ signal: controller.signal }).submit(reasonOf, controller.signal);
    await future.started;
    controller.abort("both");
    assert.equal((await future.exception()) instanceof Error, true);
  });

  it("is never aborted when it comes from AbortSignal.timeout and the task is over before", async () => {
    assert.equal(await executor.submit((signal: AbortSignal) => signal.aborted, AbortSignal.timeout(100_000)), false);
  });
});

describe("an AbortSignal elsewhere", () => {
  it("arrives in a result when it is aborted, and is refused otherwise", async () => {
    const aborted = await executor.submit(() => AbortSignal.abort(new TypeError("done")));
    assert.ok(aborted instanceof AbortSignal && aborted.reason instanceof TypeError);
    const error: unknown = await executor.submit(() => [new AbortController().signal]).exception();
    assert.ok(error instanceof NotSerializableError);
    assert.equal(error.path, "result[0]");
  });

  it("is refused in initargs, and a controller is refused with advice", async () => {
    assert.throws(
      () =>
        new ProcessPoolExecutor({ initializer: () => {}, initargs: [new AbortController().signal] as unknown as [] }),
      NotSerializableError,
    );
    const error: unknown = await executor.submit((value: unknown) => value, new AbortController()).exception();
    assert.ok(error instanceof NotSerializableError);
    assert.match(error.message, /pass its signal/);
  });
});
