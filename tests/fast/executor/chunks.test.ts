/** Each call of a chunk behaves as a task of its own would. */

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { NotSerializableError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { createSharedArray } from "asynccpu";
import type * as Library from "asynccpu";

import { ATTACHED_BYTES } from "../../../src/values/binary/attachments.js";
import { EncodedThrown } from "../../../src/values/compact/joined-values.js";
import { FailedCall } from "../../../src/executor/outcome/settle-future.js";
import { decodeOutcome } from "../../../src/executor/outcome/settle-future.js";
import { encodeThrown } from "../../../src/values/thrown.js";
import { encodeValue } from "../../../src/values/codec.js";
import { futures } from "../../../src/executor/outcome/process-future.js";
import { joinValues } from "../../../src/values/compact/joined-values.js";
import { resultReader } from "../../../src/executor/outcome/settle-future.js";
import { settleFuture } from "../../../src/executor/outcome/settle-future.js";
import { splitValues } from "../../../src/values/compact/joined-values.js";
import { SubmissionStacks } from "../../../src/executor/outcome/submission-stack.js";
import { add } from "../../fixtures/tasks.js";
import { waitUntil } from "../../testlibraries/wait-until.js";
import type { ChunkResult } from "../../../src/executor/outcome/settle-future.js";

const executor = new ProcessPoolExecutor({ maxWorkers: 1, graceMs: 0 });

after(() => executor.shutdown());

/** What came before the failure, and the failure. */
async function collect<T>(results: AsyncIterable<T>): Promise<{ all: T[]; error: unknown }> {
  const all: T[] = [];
  try {
    for await (const result of results) all.push(result);
  } catch (error) {
    return { all, error };
  }
  return { all, error: undefined };
}

const SIZES = [1, 2, 3, 4];

describe("whatever the size of the chunks", () => {
  test("a result is taken when its call ends, and arrives as an object of its own", async () => {
    for (const chunkSize of SIZES) {
      const scratch = { values: new Float64Array(2), large: new Uint8Array(ATTACHED_BYTES) };
      const fill = (value: number): typeof scratch => {
        scratch.values.fill(value);
        scratch.large.fill(value);
        return scratch;
      };
      const { all } = await collect(executor.with({ chunkSize }).map(fill, [1, 2, 3, 4]));
      assert.deepEqual(
        all.map(({ values, large }) => [values[1], large.at(-1)]),
        [1, 2, 3, 4].map((value) => [value, value]),
      );
      assert.notEqual(all[0], all[1]);
    }
  });

  test("an argument is taken when the iterator gives it, and is not shared among the calls", async () => {
    const item = { count: 0, large: new Uint8Array(ATTACHED_BYTES) };
    function* reuse(): Generator<typeof item> {
      for (let count = 1; count <= 4; count += 1) {
        item.count = count;
        item.large.fill(count);
        yield item;
      }
    }
    const read = (given: typeof item): unknown => [given.count, given.large.at(-1)];
    const increment = (given: { count: number }): number => (given.count += 1);
    const counter = { count: 0 };
    for (const chunkSize of SIZES) {
      const view = executor.with({ chunkSize });
      assert.deepEqual(
        (await collect(view.map(read, reuse()))).all,
        [1, 2, 3, 4].map((value) => [value, value]),
      );
      assert.deepEqual((await collect(view.map(increment, [counter, counter, counter]))).all, [1, 1, 1]);
    }
  });

  test("a result that can't be sent is its call's failure", async () => {
    const failAt3 = (i: number): unknown => (i === 3 ? { a: [() => i] } : { i });
    for (const chunkSize of SIZES) {
      const { all, error } = await collect(executor.with({ chunkSize }).map(failAt3, [1, 2, 3, 4]));
      assert.deepEqual(all, [{ i: 1 }, { i: 2 }]);
      assert.ok(error instanceof NotSerializableError);
      assert.equal(error.path, "result.a[0]");
      assert.match(error.stack ?? "", /submitted from[^]*executor.chunks/);
    }
  });

  test("an argument that can't be sent is its call's failure", async () => {
    const items: unknown[] = [1, { b: 2 }, { a: { b: Symbol("mine") } }, 4];
    for (const chunkSize of SIZES) {
      const { all, error } = await collect(executor.with({ chunkSize }).map((item: unknown) => item, items));
      assert.deepEqual(all, [1, { b: 2 }]);
      assert.ok(error instanceof NotSerializableError);
      assert.equal(error.path, "args[0].a.b");
    }
  });

  test("an iterator that throws ends the map with what it throws", async () => {
    function* failing(): Generator<object> {
      yield { ok: true };
      throw new RangeError("no more");
    }
    for (const chunkSize of SIZES) {
      const { error } = await collect(executor.with({ chunkSize }).map((item: object) => item, failing()));
      assert.ok(error instanceof RangeError);
    }
  });
});

describe("in a chunk", () => {
  const view = executor.with({ chunkSize: 3 });

  test("streams and Blobs go both ways, and results before and behind those of a failure are let go", async () => {
    const streams = ["a", "b", "c"].map((text) => Readable.from([text, text]));
    const join = async (stream: Readable): Promise<string> => (await stream.toArray()).join("");
    assert.deepEqual((await collect(view.map(join, streams))).all, ["aa", "bb", "cc"]);
    const make = (text: string): unknown => {
      const { Readable: Made } = process.getBuiltinModule("node:stream");
      if (text === "fails") return [Made.from([text]), () => text];
      return { stream: Made.from([text]), blob: new Blob([text]), text };
    };
    const made = view.map(make, ["x", "y", "fails"]) as AsyncIterable<{ stream: Readable; blob: Blob; text: string }>;
    const { all, error } = await collect(made);
    assert.equal((error as NotSerializableError).path, "result[1]");
    const read = all.map(async ({ stream, blob }) => [await stream.toArray(), await blob.text()]);
    assert.deepEqual(await Promise.all(read), [
      [["x"], "x"],
      [["y"], "y"],
    ]);
    assert.equal(await executor.submit(add, 1, 2), 3, "the worker is free");
  });

  test("a stream in a list that can't be sent is given back", async () => {
    const streams = [Readable.from(["a"]), Readable.from(["b"])];
    const web = new ReadableStream();
    const items = [streams[0], streams[1], [web, Symbol("mine")]];
    const { all } = await collect(view.map((item: unknown) => item instanceof ReadableStream, items));
    assert.deepEqual(all, [false, false]);
    assert.equal(web.locked, false);
  });

  test("there may be more live values than one message takes", async () => {
    const { signal } = new AbortController();
    const many = Array.from({ length: 1500 }, () => signal);
    const isAborted = (one: AbortSignal): boolean => one.aborted;
    const { all, error } = await collect(executor.with({ chunkSize: 1500 }).map(isAborted, many));
    assert.equal(error, undefined);
    assert.equal(all.length, 1500);
  });

  test("functions, shared memory and large thrown values are as in single calls", async () => {
    const call = (fn: (x: number) => number): unknown => ({ root: fn(9), fn: Math.sqrt });
    const { all } = await collect(view.map(call, [Math.sqrt, (x: number) => x + 1, Math.abs]));
    assert.deepEqual(
      all,
      [3, 10, 9].map((root) => ({ root, fn: Math.sqrt })),
    );
    using array = createSharedArray(Float64Array, 4);
    const views = [0, 1, 2].map((at) => array.subarray(at, at + 1));
    const fill = (part: Float64Array, value: number): Float64Array => part.fill(value);
    const filled = await collect(view.map(fill, views, [7, 8, 9]));
    assert.deepEqual([...array], [7, 8, 9, 0]);
    assert.equal(filled.all[2]?.[0], 9);
    await using placing = new ProcessPoolExecutor({ maxWorkers: 1, shareAboveBytes: 65_536 });
    const makeLarge = (value: number): Uint8Array => {
      if (value === 3) throw Object.assign(new RangeError("three"), { large: new Uint8Array(200_000).fill(3) });
      return new Uint8Array(200_000).fill(value);
    };
    for (const each of [view, placing.with({ chunkSize: 3 })]) {
      const { all: arrays, error } = await collect(each.map(makeLarge, [1, 2, 3]));
      assert.deepEqual(
        arrays.map((one) => one.at(-1)),
        [1, 2],
      );
      assert.equal((error as RangeError & { large: Uint8Array }).large.at(-1), 3);
    }
  });
});

describe("a map that is left early", () => {
  test("gives back at once what it had taken, also when the next item never comes", async () => {
    await using pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    const stream = new ReadableStream({ start: (controller) => controller.close() });
    async function* items(): AsyncGenerator {
      yield 1;
      yield 2;
      yield stream;
      await new Promise(() => {});
    }
    for await (const kind of pool.with({ chunkSize: 2 }).map((item: unknown) => typeof item, items())) {
      assert.equal(kind, "number");
      // The stream is in the chunk that is being filled.
      await waitUntil(() => stream.locked, { what: "the third item to be taken" });
      break;
    }
    assert.equal(stream.locked, false);
  });
});

describe("a result that can't be read", () => {
  test("leaves the streams in those before it alone", async () => {
    await using pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    const library = import.meta.resolve("asynccpu");
    const streamOrStranger = async (index: number): Promise<unknown> => {
      if (index === 1) return new Blob(["hello"]).stream();
      // Reason: this registration is to be made in the worker alone.
      const { registerClass } = (await import(library)) as typeof Library;
      class Stranger {}
      registerClass(Stranger, { name: "StrangerOfChunks" });
      return new Stranger();
    };
    for (const chunkSize of [1, 2]) {
      const texts: string[] = [];
      const reading = async (): Promise<void> => {
        for await (const stream of pool.with({ chunkSize }).map(streamOrStranger, [1, 2])) {
          texts.push(await new Response(stream as ReadableStream).text());
        }
      };
      await assert.rejects(reading, /StrangerOfChunks/);
      assert.deepEqual(texts, ["hello"]);
    }
  });
});

test("a stream and a function in one result arrive, however it is asked for", async () => {
  await using pool = new ProcessPoolExecutor({ maxWorkers: 1 });
  const both = (): { stream: ReadableStream; fn: typeof add } => ({ stream: new Blob(["hello"]).stream(), fn: add });
  const { stream, fn } = await pool.submit(both);
  assert.equal(await new Response(stream).text(), "hello");
  assert.equal(fn, add);
});

describe("a payload of several values", () => {
  const plain = [1, "two", undefined, [3, "four"]];
  const large = new Uint8Array(ATTACHED_BYTES).fill(5);

  /** What is decoded: results as they are, and the errors of calls that have failed. */
  function decode(bytes: Uint8Array, callCount: number, goesOn = false): unknown[] {
    const { results } = decodeOutcome(bytes, resultReader, { callCount, goesOn }) as ChunkResult;
    return results.map((result) => (result instanceof FailedCall ? (result.error as object) : result));
  }

  function thrown(message: string): EncodedThrown {
    return new EncodedThrown(encodeThrown(new RangeError(message)));
  }

  test("gives plain values as they are, the others as they were encoded, and what was thrown in its place", () => {
    const values = [...plain, encodeValue({ large }, "one"), encodeValue({ a: 1 }, "other"), null];
    const bytes = joinValues([...values, thrown("end")]);
    const split = splitValues(bytes);
    assert.deepEqual(split.slice(0, 4), plain);
    assert.equal(split.length, 8);
    assert.deepEqual(decode(bytes, 8), [...plain, { large }, { a: 1 }, null, new RangeError("end")]);
    const many = Array.from({ length: 5000 }, (_, index) => `value ${index}`.padEnd(200));
    assert.deepEqual(splitValues(joinValues(many)), many);
    const mixed = joinValues([thrown("a"), 1, thrown("b"), encodeValue({ large }, "one"), thrown("c")]);
    const [a, b, c] = [new RangeError("a"), new RangeError("b"), new RangeError("c")];
    assert.deepEqual(decode(mixed, 5, true), [a, 1, b, { large }, c]);
  });

  test("that is damaged is an error, wherever it is cut", () => {
    const bytes = joinValues([...plain, encodeValue({ a: [1.5, "x"] }, "one")]);
    assert.deepEqual(decode(bytes, plain.length + 1), [...plain, { a: [1.5, "x"] }]);
    for (let length = 0; length < bytes.byteLength; length += 1) {
      const cut = bytes.subarray(0, length);
      try {
        assert.ok(decode(cut, plain.length + 1).some((result) => result instanceof Error));
      } catch (error) {
        assert.ok(error instanceof Error);
      }
    }
  });

  test("is damaged when it has more values than there were calls, or an empty one, and is none of a single call", () => {
    const bytes = joinValues([1, encodeValue({ a: 1 }, "one"), 3]);
    assert.deepEqual(decode(bytes, 3), [1, { a: 1 }, 3]);
    assert.throws(() => decode(bytes, 2), /damaged/);
    assert.throws(() => decode(bytes, 0));
    assert.throws(() => decode(encodeValue(5, "one"), 3), /damaged/);
    assert.throws(() => decode(joinValues([new Uint8Array(0)]), 3), /damaged/);
  });

  test("is damaged when it has too few values, unless the last one tells of the failure that ended them", () => {
    assert.throws(() => decode(joinValues([1, 2]), 3), /damaged/);
    assert.throws(() => decode(joinValues([]), 3), /damaged/);
    assert.throws(() => decode(joinValues([1, 2, 3, thrown("end")]), 3), /damaged/);
    for (const values of [[], [1], [1, 2]]) {
      const bytes = joinValues([...values, thrown("end")]);
      assert.deepEqual(decode(bytes, 3), [...values, new RangeError("end")]);
      if (values.length < 2) assert.throws(() => decode(bytes, 3, true), /damaged/);
    }
  });

  test("is what a chunk gives: a plain value is damage", async () => {
    const future = futures.create<unknown>({
      cancel: () => false,
      lookForStart: () => false,
      wantStart: () => {},
      hear: () => {},
    });
    const submission = new SubmissionStacks().capture(1, settleFuture);
    settleFuture(future, { kind: "value", value: 5 }, submission, resultReader, { callCount: 3, goesOn: false });
    await assert.rejects(future, /damaged/);
  });

  test("of which one can't be read gives those before it, and those behind it when the map goes on", () => {
    const bytes = joinValues([1, Uint8Array.of(0x77), 3]);
    const [first, second, ...rest] = decode(bytes, 3);
    assert.equal(first, 1);
    assert.ok(second instanceof Error);
    assert.deepEqual(rest, []);
    assert.deepEqual(decode(bytes, 3, true).slice(2), [3]);
  });
});
