/** Maps that go on after calls that fail. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { CancelledError } from "asynccpu";
import { ExecutorShutdownError } from "asynccpu";
import { FunctionNotPicklableError } from "asynccpu";
import { InvalidOptionError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { TaskTimeoutError } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";
import type * as Library from "asynccpu";
import type { MapOutcome } from "asynccpu";
import type { NotSerializableError } from "asynccpu";

import { add } from "../../fixtures/tasks.js";
import { hangForEver } from "../../fixtures/tasks.js";

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, graceMs: 0 });

after(() => executor.shutdown());

const KINDS = ["map", "mapUnordered"] as const;
const SIZES = [undefined, 1, 2, 10];

async function collect<T>(outcomes: AsyncIterable<T>): Promise<{ all: T[]; error: unknown }> {
  const all: T[] = [];
  try {
    for await (const outcome of outcomes) all.push(outcome);
    return { all, error: undefined };
  } catch (error) {
    return { all, error };
  }
}

function byIndex(a: { readonly index: number }, b: { readonly index: number }): number {
  return a.index - b.index;
}

/** An outcome in short: the value, or the name of the error. */
function brief(outcome: MapOutcome<unknown, unknown>): unknown {
  return outcome.status === "fulfilled" ? outcome.value : (outcome.reason as Error).name;
}

function failAtOdd(i: number): number {
  if (i % 2 === 1) throw new RangeError(`at ${i}`);
  return i * 10;
}

describe("each item gives an outcome", () => {
  test("with its place and what it was, also behind one that failed in the same chunk", async () => {
    for (const kind of KINDS) {
      for (const chunkSize of SIZES) {
        const view = executor.with({ onError: "continue", chunkSize });
        const { all, error } = await collect(view[kind](failAtOdd, [4, 5, 6, 7]));
        assert.equal(error, undefined);
        const sorted = kind === "map" ? all : all.toSorted(byIndex);
        const reasons = sorted.map((outcome) => (outcome.status === "rejected" ? outcome.reason : undefined));
        assert.deepEqual(sorted, [
          { index: 0, item: 4, status: "fulfilled", value: 40 },
          { index: 1, item: 5, status: "rejected", reason: reasons[1] },
          { index: 2, item: 6, status: "fulfilled", value: 60 },
          { index: 3, item: 7, status: "rejected", reason: reasons[3] },
        ]);
        assert.ok(reasons[1] instanceof RangeError && reasons[1].message === "at 5");
        assert.match(reasons[3] instanceof Error ? (reasons[3].stack ?? "") : "", /submitted from[^]*map-continue/);
      }
    }
  });

  test("whose item is the list of the items of several iterables", async () => {
    const plain = new ProcessPoolExecutor({ maxWorkers: 1 });
    await using _ = plain;
    const { all } = await collect(plain.with({ onError: "continue" }).map(add, [1, 2], [10, 20]));
    assert.deepEqual(
      all.map(({ item }) => item),
      [
        [1, 10],
        [2, 20],
      ],
    );
    assert.deepEqual(all.map(brief), [11, 22]);
  });

  test("in ten thousand items of which every third fails, none is missing or there twice", async () => {
    const failAtThird = (i: number): number => {
      if (i % 3 === 0) throw new RangeError();
      return i;
    };
    for (const kind of KINDS) {
      const { all } = await collect(executor.with({ onError: "continue" })[kind](failAtThird, Array(10_000).keys()));
      const sorted = kind === "map" ? all : all.toSorted(byIndex);
      sorted.forEach((outcome, i) => {
        assert.deepEqual([outcome.index, outcome.item], [i, i]);
        assert.equal(brief(outcome), i % 3 === 0 ? "RangeError" : i);
      });
      assert.equal(all.length, 10_000);
    }
  });
});

describe("what costs one item alone", () => {
  test("is an argument or a result that can't be sent", async () => {
    const giveOdd = (item: unknown): unknown => (item === 3 ? { a: [() => item] } : item);
    const items: unknown[] = [1, { a: Symbol("mine") }, 3, { b: 4 }, 5];
    for (const chunkSize of SIZES) {
      const { all } = await collect(executor.with({ onError: "continue", chunkSize }).map(giveOdd, items));
      assert.deepEqual(all.map(brief), [1, "NotSerializableError", "NotSerializableError", { b: 4 }, 5]);
      const paths = all.map((outcome) => (outcome.status === "rejected" ? outcome.reason : undefined));
      assert.equal((paths[1] as NotSerializableError).path, "args[0].a");
      assert.equal((paths[2] as NotSerializableError).path, "result.a[0]");
      assert.deepEqual(
        all.map(({ index, item }) => [index, item]),
        items.map((item, index) => [index, item]),
      );
    }
  });

  test("is a result that can't be read, and the streams around it arrive", async () => {
    const library = import.meta.resolve("asynccpu");
    const make = async (i: number): Promise<unknown> => {
      if (i !== 1) return new Blob([`stream ${i}`]).stream();
      // Reason: this registration is to be made in the worker alone.
      const { registerClass } = (await import(library)) as typeof Library;
      class Stranger {}
      registerClass(Stranger, { name: "StrangerOfContinue" });
      return [new Blob(["unread"]).stream(), new Stranger()];
    };
    await using pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    for (const chunkSize of [1, 3]) {
      const texts: string[] = [];
      for await (const outcome of pool.with({ onError: "continue", chunkSize }).map(make, [0, 1, 2])) {
        const isThere = outcome.status === "fulfilled";
        texts.push(isThere ? await new Response(outcome.value as ReadableStream).text() : "unreadable");
      }
      assert.deepEqual(texts, ["stream 0", "unreadable", "stream 2"]);
      assert.equal(await pool.submit(add, 1, 2), 3, "the worker is free");
    }
  });

  test("is a crash or the end of its time, when chunks are single calls; else it costs the chunk", async () => {
    const crashAt1 = (i: number): number => (i === 1 ? process.exit(7) : i);
    const crashed = async (chunkSize: number): Promise<unknown[]> =>
      (await collect(executor.with({ onError: "continue", chunkSize }).map(crashAt1, [0, 1, 2, 3, 4]))).all.map(brief);
    const gone = WorkerCrashedError.name;
    assert.deepEqual(await crashed(1), [0, gone, 2, 3, 4]);
    assert.deepEqual(await crashed(2), [gone, gone, 2, 3, 4]);
    const stayAt1 = (i: number): number => {
      // Here, as a module to be imported would count, too.
      for (let at = i; at === 1; at = i);
      return i;
    };
    const { all } = await collect(executor.with({ onError: "continue", timeoutMs: 1500 }).map(stayAt1, [0, 1, 2]));
    assert.deepEqual(all.map(brief), [0, TaskTimeoutError.name, 2]);
  });
});

describe("what ends the map all the same", () => {
  function* endless(): Generator<number> {
    for (let i = 0; ; i += 1) yield i;
  }

  test("is a function that can't be sent, or an executor that takes no tasks: no item would go better", async () => {
    const secrets = new WeakRef({});
    const unsendable = (i: number): string => `${i} ${typeof secrets.deref()}`;
    const closed = new ProcessPoolExecutor({ maxWorkers: 1 });
    await closed.shutdown();
    for (const kind of KINDS) {
      const first = await collect(executor.with({ onError: "continue" })[kind](unsendable, endless()));
      assert.ok(first.error instanceof FunctionNotPicklableError, String(first.error));
      assert.deepEqual(first.all, []);
      const second = await collect(closed.with({ onError: "continue" })[kind](add, endless(), endless()));
      assert.ok(second.error instanceof ExecutorShutdownError);
    }
  });

  test("is its signal, whose error is no item's", async () => {
    for (const kind of KINDS) {
      const controller = new AbortController();
      const view = executor.with({ onError: "continue", signal: controller.signal });
      const results = view[kind]((i: number) => (i === 0 ? Promise.resolve(0) : hangForEver()), endless());
      assert.equal((await results.next()).value?.status, "fulfilled");
      const next = results.next();
      controller.abort("enough");
      await assert.rejects(next, (error) => error instanceof CancelledError && error.cause === "enough");
      assert.deepEqual(await results.next(), { done: true, value: undefined });
    }
  });

  test("is a source that fails, after the outcomes of what came before it", async () => {
    function* failAfterTwo(): Generator<number> {
      yield 1;
      yield 2;
      throw new TypeError("no more");
    }
    for (const kind of KINDS) {
      const { all, error } = await collect(executor.with({ onError: "continue" })[kind](failAtOdd, failAfterTwo()));
      assert.deepEqual(all.toSorted(byIndex).map(brief), ["RangeError", 20]);
      assert.ok(error instanceof TypeError);
    }
  });
});

test('onError is "stop", which is the default, or "continue"', async () => {
  for (const onError of ["skip", "", true, null]) {
    assert.throws(
      () => executor.with({ onError: onError as never }),
      (error) => error instanceof InvalidOptionError && /"stop" or "continue"/.test(error.message),
    );
  }
  const { all, error } = await collect(executor.with({ onError: "stop" }).map(failAtOdd, [0, 1, 2]));
  assert.deepEqual(all, [0]);
  assert.ok(error instanceof RangeError);
});
