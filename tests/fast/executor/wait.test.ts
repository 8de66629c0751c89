/** `asCompleted` and `wait`. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import process from "node:process";
import { test } from "node:test";

import { asCompleted } from "asynccpu";
import { InvalidOptionError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { wait } from "asynccpu";
import { WaitTimeoutError } from "asynccpu";

import { add } from "../../fixtures/tasks.js";
import { hangForEver } from "../../fixtures/tasks.js";

const executor = new ProcessPoolExecutor({ maxWorkers: 2, graceMs: 0 });

after(() => executor.shutdown());

/** A promise, and what settles it. */
class Settable {
  resolve: (value: unknown) => void = () => {};
  reject: (error: unknown) => void = () => {};
  readonly promise = new Promise<unknown>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

function makeSettables(count: number): Settable[] {
  return Array.from({ length: count }, () => new Settable());
}

function never(): Promise<never> {
  return new Promise(() => {});
}

describe("asCompleted", () => {
  test("gives futures as they settle, well or not, and each of them once", async () => {
    const [a, b, c] = makeSettables(3) as [Settable, Settable, Settable];
    const results = asCompleted([a.promise, b.promise, a.promise, c.promise]);
    b.resolve(2);
    assert.deepEqual((await results.next()).value, { future: b.promise, status: "fulfilled", value: 2 });
    const next = [results.next(), results.next(), results.next()];
    const reason = new RangeError("c");
    c.reject(reason);
    a.resolve(1);
    const values = (await Promise.all(next)).map(({ value }) => value);
    assert.deepEqual(values, [
      { future: c.promise, status: "rejected", reason },
      { future: a.promise, status: "fulfilled", value: 1 },
      undefined,
    ]);
    assert.deepEqual(await results.next(), { done: true, value: undefined });
  });

  test("gives the futures of tasks, also those that were cancelled", async () => {
    const futures = [1, 2, 3].map((i) => executor.submit(add, i, 10));
    const cancelled = executor.submit(hangForEver);
    const seen: unknown[] = [];
    cancelled.cancel();
    for await (const completion of asCompleted([...futures, cancelled])) {
      assert.equal(completion.future.done, true);
      seen.push(completion.status === "fulfilled" ? completion.value : completion.future.cancelled);
    }
    assert.deepEqual(new Set(seen), new Set([11, 12, 13, true]));
    for await (const _ of asCompleted([])) assert.fail("there is nothing");
  });

  test("causes no unhandled rejection of what a loop did not reach", async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", note);
    try {
      const settables = makeSettables(3);
      for await (const _ of asCompleted([Promise.resolve(), ...settables.map(({ promise }) => promise)])) break;
      asCompleted(settables.map(({ promise }) => promise));
      for (const { reject } of settables) reject(new Error("not reached"));
      await new Promise(setImmediate);
      await new Promise(setImmediate);
      assert.deepEqual(unhandled, []);
    } finally {
      process.off("unhandledRejection", note);
    }
  });

  test("fails when its time is over, after what has settled, and is left at once", { timeout: 60_000 }, async () => {
    const results = asCompleted([never(), Promise.resolve(1), never()], { timeoutMs: 20 });
    await new Promise((resolve) => {
      setTimeout(resolve, 30);
    });
    const first = (await results.next()).value;
    assert.equal(first?.status === "fulfilled" && first.value, 1);
    await assert.rejects(results.next(), (error) => {
      assert.ok(error instanceof WaitTimeoutError);
      assert.deepEqual([error.code, error.timeoutMs], ["ASYNCCPU_WAIT_TIMEOUT", 20]);
      assert.match(error.message, /^2 of 3 futures had not settled after 20 ms/);
      return true;
    });
    assert.deepEqual(await results.next(), { done: true, value: undefined });
    const left = asCompleted([never()], { timeoutMs: 2 ** 31 - 1 });
    const waiting = left.next();
    assert.deepEqual(await left.return?.(), { done: true, value: undefined });
    assert.deepEqual(await waiting, { done: true, value: undefined });
  });

  test("takes time that grows as the number of futures does", async () => {
    const timeOf = async (count: number): Promise<number> => {
      const settables = makeSettables(count);
      // CPU time: other programs take none of it away.
      const began = process.cpuUsage();
      const results = asCompleted(settables.map(({ promise }) => promise));
      settables.toReversed().forEach(({ resolve }, index) => resolve(index));
      let seen = 0;
      for await (const _ of results) seen += 1;
      assert.equal(seen, count);
      const { user, system } = process.cpuUsage(began);
      return (user + system) / 1000;
    };
    await timeOf(1000);
    // Were it quadratic, it would be a hundred times as long; ten times are fair.
    assert.ok((await timeOf(100_000)) < 50 * (await timeOf(10_000)));
  });
});

describe("wait", () => {
  const errorOf = new RangeError("failed");
  // Settled beforehand.
  const failed = (): Promise<never> => Promise.reject(errorOf);

  test("for all gives all", async () => {
    const futures = [executor.submit(add, 1, 1), failed(), Promise.resolve()];
    const { done, notDone } = await wait(futures);
    assert.deepEqual([done, notDone], [new Set(futures), new Set()]);
    assert.deepEqual(await wait([]), { done: new Set(), notDone: new Set() });
  });

  test("for the first that settles gives all that have settled by then", async () => {
    const open = never();
    const settled = [Promise.resolve(1), failed(), Promise.resolve(2)];
    const { done, notDone } = await wait([open, ...settled], { returnWhen: "FIRST_COMPLETED" });
    assert.deepEqual([done, notDone], [new Set(settled), new Set([open])]);
    const [slow, quick] = makeSettables(2) as [Settable, Settable];
    const waiting = wait(new Set([slow.promise, quick.promise]), { returnWhen: "FIRST_COMPLETED" });
    quick.resolve(1);
    assert.deepEqual([...(await waiting).done], [quick.promise]);
  });

  test("for the first failure goes on past results and what is cancelled, and ends when nothing fails", async () => {
    const [result, failure, open] = makeSettables(3) as [Settable, Settable, Settable];
    const cancelled = executor.submit(hangForEver);
    const futures = [result.promise, cancelled, failure.promise, open.promise];
    let isOver = false;
    const waiting = wait(futures, { returnWhen: "FIRST_EXCEPTION" }).then((waited) => {
      isOver = true;
      return waited;
    });
    result.resolve(1);
    cancelled.cancel();
    await cancelled.exception();
    await new Promise(setImmediate);
    assert.equal(isOver, false);
    failure.reject(errorOf);
    const { done, notDone } = await waiting;
    assert.deepEqual([done, notDone], [new Set(futures.slice(0, 3)), new Set([open.promise])]);
    assert.equal((await wait([Promise.resolve()], { returnWhen: "FIRST_EXCEPTION" })).done.size, 1);
  });

  test("gives what there is when its time is over", async () => {
    const futures = [Promise.resolve(), never()];
    for (const timeoutMs of [0, 10]) {
      const { done, notDone } = await wait(futures, { timeoutMs });
      assert.deepEqual([done.size, notDone.size], [1, 1]);
    }
  });
});

test("what is no list of futures, and an option that is wrong, is refused with what to do", async () => {
  const cases: [futures: unknown, options: unknown, option: string, text: RegExp][] = [
    [5, {}, "futures", /takes a list of futures, but was given 5/],
    [undefined, {}, "futures", /was given undefined/],
    ["text", {}, "futures", /was given "text"/],
    [executor.submit(add, 1, 1), {}, "futures", /takes a list of futures/],
    [[Promise.resolve(), 5], {}, "futures[1]", /a future or promise/],
    [[], { timeoutMs: -1 }, "timeoutMs", /from 0 to/],
    [[], { timeoutMs: 2 ** 31 }, "timeoutMs", /from 0 to/],
    [[], { timeout: 5 }, "timeout", /Did you mean "timeoutMs"\?$/],
    [[], 5, "options", /takes an object of options/],
  ];
  for (const [futures, options, option, text] of cases) {
    const isRefused = (error: unknown): boolean => {
      assert.ok(error instanceof InvalidOptionError, String(error));
      assert.equal(error.option, option);
      assert.match(error.message, text);
      return true;
    };
    assert.throws(() => asCompleted(futures as never, options as never), isRefused);
    await assert.rejects(wait(futures as never, options as never), isRefused);
  }
  await assert.rejects(wait([], { returnWhen: "FIRST" as never }), /returnWhen.*"FIRST_COMPLETED"/);
  assert.throws(() => asCompleted([], { returnWhen: "ALL_COMPLETED" } as never), /an option of wait\(\)/);
});
