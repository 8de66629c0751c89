import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after } from "node:test";
import { describe } from "node:test";
import { once } from "node:events";
import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";
import { test } from "node:test";

import { CancelledError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";

import { add } from "../../fixtures/tasks.js";
import { hangForEver } from "../../fixtures/tasks.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

setFlagsFromString("--expose-gc");

const executor = new ProcessPoolExecutor({ maxWorkers: 2, graceMs: 0 });

after(() => executor.shutdown());

async function collect<T>(results: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const result of results) all.push(result);
  return all;
}

/** Keeps no process running, as `hangForEver` does. */
function never(): Promise<never> {
  return new Promise(() => {});
}

/** Counts what was taken and whether the iterator was closed. */
class CountingIterable implements Iterable<number> {
  taken = 0;
  isClosed = false;

  *[Symbol.iterator](): Generator<number> {
    try {
      for (;;) yield this.taken++;
    } finally {
      this.isClosed = true;
    }
  }
}

async function* countLater(length: number): AsyncGenerator<number> {
  for (let i = 0; i < length; i += 1) {
    await new Promise(setImmediate);
    yield i;
  }
}

test("results come in the order of the items, whatever the size of the chunks", async () => {
  const items = Array.from({ length: 25 }, (_, i) => i);
  const expected = items.map((i) => i + i * 10);
  const tens = items.map((i) => i * 10);
  assert.deepEqual(await collect(executor.map(add, items, tens)), expected);
  for (const chunkSize of [1, 4, 25, 100]) {
    assert.deepEqual(await collect(executor.with({ chunkSize }).map(add, items, tens)), expected);
  }
});

test("slow items do not change the order", async () => {
  const wait = async (ms: number): Promise<number> => {
    await new Promise((resolve) => {
      setTimeout(resolve, ms);
    });
    return ms;
  };
  assert.deepEqual(await collect(executor.map(wait, [40, 1, 20, 0])), [40, 1, 20, 0]);
});

test("the shortest iterable ends the map; none and empty ones give nothing", async () => {
  assert.deepEqual(await collect(executor.map(add, [1, 2, 3], countLater(2))), [1, 3]);
  assert.deepEqual(await collect(executor.map(add, [], [1])), []);
  assert.deepEqual(await collect(executor.map(() => 1)), []);
});

test("items are taken lazily, and leaving the loop cancels and closes", async () => {
  const numbers = new CountingIterable();
  const results = executor.with({ maxInFlight: 3, chunkSize: 2 }).map((x: number) => x, numbers);
  assert.equal(numbers.taken, 0, "nothing is taken before the first result is asked for");
  const seen: number[] = [];
  for await (const result of results) {
    seen.push(result);
    assert.ok(numbers.taken <= result + 3 * 2 + 2, `${numbers.taken} taken at result ${result}`);
    if (result === 9) break;
  }
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(numbers.isClosed, true);
});

test("leaving the loop ends what runs", async () => {
  const results = executor.map((i: number) => (i === 0 ? Promise.resolve(0) : hangForEver()), [0, 1, 2]);
  for await (const result of results) {
    assert.equal(result, 0);
    break;
  }
  assert.equal(await executor.submit(add, 1, 1), 2);
});

test("a failure comes after the results before it, and ends the map", async () => {
  const failAt3 = (i: number): number => {
    if (i === 3) throw new RangeError("at 3");
    return i;
  };
  for (const chunkSize of [1, 2, 10]) {
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const result of executor.with({ chunkSize }).map(failAt3, [0, 1, 2, 3, 4, 5])) seen.push(result);
    };
    await assert.rejects(run(), (error) => error instanceof RangeError && error.message === "at 3");
    assert.deepEqual(seen, [0, 1, 2]);
  }
});

test("a map keeps its executor until it has ended, when nobody else does", async () => {
  const collectGarbage = runInNewContext("gc") as () => void;
  async function* countSlowly(): AsyncGenerator<number> {
    for (let i = 0; i < 4; i += 1) {
      yield i;
      // What is collected is made known in a turn of its own.
      for (let turn = 0; turn < 5; turn += 1) {
        await new Promise(setImmediate);
        collectGarbage();
      }
    }
  }
  const kept: WeakRef<ProcessPoolExecutor>[] = [];
  const makeExecutor = (): ProcessPoolExecutor => {
    const dropped = new ProcessPoolExecutor({ maxWorkers: 1 });
    kept.push(new WeakRef(dropped));
    return dropped;
  };
  const square = (x: number): number => x * x;
  assert.deepEqual(await collect(makeExecutor().map(square, countSlowly())), [0, 1, 4, 9]);
  const view = (): AsyncGenerator<number> => makeExecutor().with({ chunkSize: 2 }).map(square, countSlowly());
  assert.deepEqual(await collect(view()), [0, 1, 4, 9]);
  const leave = async (): Promise<void> => {
    for await (const result of makeExecutor().map(square, countSlowly())) if (result === 1) break;
    assert.equal((await makeExecutor().map(square, countSlowly()).next()).value, 0);
  };
  await leave();
  await waitUntil(
    () => {
      collectGarbage();
      return kept.every((executorRef) => executorRef.deref() === undefined);
    },
    { what: "the end of the executors whose maps have ended, or were left" },
  );
});

test("a map ends with its signal, also while it waits for an item that never comes", async () => {
  const isCancelledWith =
    (cause: unknown) =>
    (error: unknown): boolean =>
      error instanceof CancelledError && error.cause === cause;
  let isClosed = false;
  const stalling: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({
      next: never,
      return: async () => {
        isClosed = true;
        return { done: true, value: undefined };
      },
    }),
  };
  const controller = new AbortController();
  const { signal } = controller;
  const results = executor.with({ signal }).map((x: number) => x, stalling);
  const first = results.next();
  await new Promise(setImmediate);
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(first, isCancelledWith(reason));
  assert.equal(isClosed, true);
  assert.deepEqual(await results.next(), { done: true, value: undefined });
  // It has been aborted before.
  await assert.rejects(
    executor
      .with({ signal })
      .map((x: number) => x, stalling)
      .next(),
    isCancelledWith(reason),
  );

  // Results that are there come first.
  const later = new AbortController();
  async function* stallAfterTwo(): AsyncGenerator<number> {
    yield 1;
    yield 2;
    await never();
  }
  const seen: number[] = [];
  const loop = async (): Promise<void> => {
    for await (const result of executor.with({ signal: later.signal }).map((x: number) => x, stallAfterTwo())) {
      seen.push(result);
      if (result === 2) setImmediate(() => later.abort(reason));
    }
  };
  await assert.rejects(loop(), isCancelledWith(reason));
  assert.deepEqual(seen, [1, 2]);
});

describe("a map that is left while a result is waited for", () => {
  const makeMap = (pool: ProcessPoolExecutor): AsyncGenerator<number> =>
    pool.map((i: number) => (i === 0 ? Promise.resolve(0) : hangForEver()), [0, 1, 2]);

  test("by return() ends at once, and so does what runs", async () => {
    const results = makeMap(executor);
    assert.deepEqual(await results.next(), { done: false, value: 0 });
    const waiting = results.next();
    await new Promise(setImmediate);
    assert.deepEqual(await results.return(undefined), { done: true, value: undefined });
    assert.deepEqual(await waiting, { done: true, value: undefined });
    assert.deepEqual(await results.next(), { done: true, value: undefined });
    assert.equal(await executor.submit(add, 1, 1), 2);
  });

  test("by throw() ends with that error", async () => {
    const results = makeMap(executor);
    await results.next();
    const waiting = results.next();
    await assert.rejects(results.throw(new RangeError("left")), /^RangeError: left$/);
    assert.deepEqual(await waiting, { done: true, value: undefined });
    assert.equal(await executor.submit(add, 1, 1), 2);
  });

  test("for an item that never comes ends at once", async () => {
    async function* stallAfterOne(): AsyncGenerator<number> {
      yield 1;
      await never();
    }
    const results = executor.map((x: number) => x, stallAfterOne());
    assert.deepEqual(await results.next(), { done: false, value: 1 });
    const waiting = results.next();
    await results.return(undefined);
    assert.deepEqual(await waiting, { done: true, value: undefined });
  });

  test("by the end of a stream that reads it ends what runs", async () => {
    const stream = Readable.from(makeMap(executor));
    const closed = once(stream, "close");
    stream.on("data", () => setImmediate(() => stream.destroy()));
    await closed;
    assert.equal(await executor.submit(add, 1, 1), 2);
  });

  test("before it has begun opens nothing", async () => {
    const numbers = new CountingIterable();
    const results = executor.map((x: number) => x, numbers);
    await results.return(undefined);
    assert.deepEqual(await results.next(), { done: true, value: undefined });
    assert.deepEqual([numbers.taken, numbers.isClosed], [0, false]);
  });
});

describe("the iterables of a map", () => {
  /** Gives numbers without an end, and notes when it is closed. */
  function makeIterable(name: string, log: string[], onClose: () => void = () => {}): Iterable<number> {
    let given = 0;
    return {
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: given++ }),
        return: () => {
          log.push(`${name} closed`);
          onClose();
          return { done: true, value: undefined };
        },
      }),
    };
  }

  function failToClose(): void {
    throw new Error("can't be closed");
  }

  test("are all closed when one can't be, and the map's own error is the one that is thrown", async () => {
    const log: string[] = [];
    const iterables = [
      makeIterable("a", log, failToClose),
      makeIterable("b", log, () => {
        throw new Error("can't be closed either");
      }),
      makeIterable("c", log),
    ] as const;
    const failAt2 = (i: number): number => {
      if (i === 2) throw new RangeError("at 2");
      return i;
    };
    const failing = executor.map((i: number, _j: number, _k: number) => failAt2(i), ...iterables);
    await assert.rejects(collect(failing), RangeError);
    assert.deepEqual(log, ["a closed", "b closed", "c closed"]);
  });

  test("that can't be closed make a map fail that was left, or has ended, without an error; the first counts", async () => {
    const log: string[] = [];
    const leave = async (): Promise<void> => {
      const first = makeIterable("a", log, failToClose);
      const results = executor.map(add, first, makeIterable("b", log));
      for await (const result of results) {
        assert.equal(result, 0);
        break;
      }
    };
    await assert.rejects(leave(), /can't be closed/);
    assert.deepEqual(log, ["a closed", "b closed"]);
    await assert.rejects(collect(executor.map(add, makeIterable("c", log, failToClose), [1])), /can't be closed/);
  });

  test("that were opened are closed when a later one can't be", async () => {
    const log: string[] = [];
    const unopened = { [Symbol.iterator]: () => 5 } as unknown as Iterable<number>;
    const results = executor.map(add, makeIterable("a", log, failToClose), unopened);
    await assert.rejects(results.next(), TypeError);
    assert.deepEqual(log, ["a closed"]);
  });
});
