/** What a map makes of its arguments: of a source that fails, and of what is no function or no iterable. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { InvalidOptionError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { PromisePassedError } from "asynccpu";

import { add } from "../../fixtures/tasks.js";
import { addLater } from "../../fixtures/tasks.js";
import { echo } from "../../fixtures/tasks.js";

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, graceMs: 0 });

after(() => executor.shutdown());

/** The results that come before the failure, and it. */
async function collect(results: AsyncIterable<unknown>): Promise<{ all: unknown[]; error: unknown }> {
  const all: unknown[] = [];
  try {
    for await (const result of results) all.push(result);
    return { all, error: undefined };
  } catch (error) {
    return { all, error };
  }
}

function* failAfter(count: number, error: unknown): Generator<number> {
  for (let i = 0; i < count; i += 1) yield i;
  throw error;
}

async function* failLaterAfter(count: number, error: unknown): AsyncGenerator<number> {
  for (let i = 0; i < count; i += 1) yield i;
  throw error;
}

describe("a source that throws", () => {
  const sizes = [
    { chunkSize: 1, maxInFlight: 1 },
    { chunkSize: 1, maxInFlight: 8 },
    { chunkSize: 2, maxInFlight: 4 },
    { chunkSize: 3, maxInFlight: 4 },
    { chunkSize: 100, maxInFlight: 2 },
  ];

  test("after some items gives the results of these first, then its error", async () => {
    const error = new RangeError("no more");
    for (const options of sizes) {
      for (const count of [0, 1, 2, 5]) {
        for (const source of [failAfter(count, error), failLaterAfter(count, error)]) {
          const outcome = await collect(executor.with(options).map((i: number) => i * 2, source));
          assert.deepEqual(
            outcome.all,
            Array.from({ length: count }, (_, i) => i * 2),
            JSON.stringify(options),
          );
          assert.equal(outcome.error, error);
        }
      }
    }
  });

  test("counts as an error whatever it throws", async () => {
    const outcome = await collect(executor.map((i: number) => i, failAfter(1, null)));
    assert.deepEqual(outcome, { all: [0], error: null });
  });

  test("beside others has these closed", async () => {
    let isClosed = false;
    function* endless(): Generator<number> {
      try {
        for (;;) yield 1;
      } finally {
        isClosed = true;
      }
    }
    const { all, error } = await collect(executor.map(add, endless(), failAfter(2, new RangeError("no more"))));
    assert.deepEqual(all, [1, 2]);
    assert.ok(error instanceof RangeError && isClosed);
  });

  test("is not heard of when a call has failed before", async () => {
    const failAt1 = (i: number): number => {
      if (i === 1) throw new TypeError("at 1");
      return i;
    };
    for (const options of sizes) {
      const { all, error } = await collect(
        executor.with(options).map(failAt1, failAfter(3, new RangeError("no more"))),
      );
      assert.deepEqual(all, [0]);
      assert.ok(error instanceof TypeError);
    }
  });
});

describe("the arguments of map", () => {
  type AnyMap = (...args: unknown[]) => AsyncIterable<unknown>;

  const views = [executor, executor.with({ chunkSize: 2 })] as unknown as readonly { map: AnyMap }[];
  const maps: [string, AnyMap][] = views.map((view, i) => [
    ["map", "with().map"][i] ?? "",
    (...args) => view.map(...args),
  ]);

  for (const [name, map] of maps) {
    test(`of ${name} are a function and iterables; what else they are is said at once`, () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      const cases: [unknown[], RegExp][] = [
        [[[1, 2], add], /takes the function first.*map\(fn, \[1, 2\]\).*given \[ 1, 2 \] first/],
        [[undefined, [1]], /given undefined first/],
        [[add, [1], 5], /takes iterables.*given 5\. Pass an array/],
        [[add, null], /given null/],
        [[add, undefined], /given undefined/],
        [[add, { length: 2 }], /given { length: 2 }/],
        [[add, Object.create(null)], /given \[Object: null prototype\] {}/],
        [[add, proxy], /given <Revoked Proxy>/],
        [[add, Promise.resolve([1])], /given Promise.*Await it first/],
        [
          [add, { [Symbol.iterator]: 5 }],
          /given { Symbol\(Symbol.iterator\): 5 }|given { \[Symbol\(Symbol.iterator\)\]: 5 }/,
        ],
      ];
      for (const [args, message] of cases) {
        assert.throws(
          () => map(...args),
          (error) => {
            assert.ok(error instanceof InvalidOptionError, String(error));
            assert.match(error.message, message);
            return true;
          },
        );
      }
      assert.throws(() => map(addLater(1, 2), [1]), PromisePassedError);
    });

    test(`of ${name} may be texts, whose items are their characters, and iterators of any kind`, async () => {
      assert.deepEqual(await collect(map(echo, "aé😀")), { all: ["a", "é", "😀"], error: undefined });
      assert.deepEqual((await collect(map(echo, new Set([1, 2]).values()))).all, [1, 2]);
      const odd = { [Symbol.asyncIterator]: undefined, [Symbol.iterator]: () => [1, 2][Symbol.iterator]() };
      assert.deepEqual((await collect(map(echo, odd))).all, [1, 2]);
    });
  }

  test("have their types", async () => {
    const texts: string[] = [];
    for await (const text of executor.map((letter: string) => letter.toUpperCase(), "ab")) texts.push(text);
    assert.deepEqual(texts, ["A", "B"]);
  });
});
