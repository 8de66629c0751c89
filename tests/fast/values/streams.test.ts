import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { Readable } from "node:stream";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";
import net from "node:net";

import { CancelledError } from "asynccpu";
import { NotSerializableError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";

import { WINDOW_BYTES } from "../../../src/live/session.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

const executor = new ProcessPoolExecutor({ maxWorkers: 1, graceMs: 200 });
after(() => executor.shutdown());

async function collect(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const chunks: unknown[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** Reads one chunk and then waits for a signal, with the stream open. */
async function readOne(stream: AsyncIterable<unknown>, signal: AbortSignal): Promise<unknown> {
  const iterator = stream[Symbol.asyncIterator]();
  const { value } = (await iterator.next()) as { readonly value: unknown };
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });
  return value;
}

interface Tracked {
  readonly stream: ReadableStream<Uint8Array>;
  made: number;
  cancelled: { readonly reason: unknown } | undefined;
}

/** A stream that never ends, and counts. */
function endless(chunkBytes: number): Tracked {
  const tracked: Tracked = {
    made: 0,
    cancelled: undefined,
    stream: new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          tracked.made += 1;
          controller.enqueue(new Uint8Array(chunkBytes));
        },
        cancel: (reason) => {
          tracked.cancelled = { reason };
        },
      },
      { highWaterMark: 0 },
    ),
  };
  return tracked;
}

describe("a readable stream as argument", () => {
  it("arrives chunk by chunk: web and Node, bytes, text and objects", async () => {
    const chunks = [{ a: 1 }, "text", new Map([[1, new Date(0)]]), Buffer.from("b"), null, 5n];
    const web = new ReadableStream({
      start: (controller) => {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });
    assert.deepEqual(await executor.submit(collect, web), chunks);
    assert.deepEqual(await executor.submit(collect, Readable.from(["a", { b: 1 }, [2]])), ["a", { b: 1 }, [2]]);
    const bytes = (await executor.submit(
      collect,
      Readable.from([Buffer.from("ab"), Buffer.from("cd")], { objectMode: false }),
    )) as Buffer[];
    assert.equal(Buffer.concat(bytes).toString(), "abcd");
    const text = Readable.from(["grü", "ße"], { objectMode: false, encoding: "utf8" });
    assert.equal((await executor.submit(collect, text)).join(""), "grüße");
    const kinds = await executor.submit(
      (first: object, second: Readable) => [first instanceof ReadableStream, second.readableObjectMode],
      new ReadableStream(),
      Readable.from([]),
    );
    assert.deepEqual(kinds, [true, true]);
  });

  it("may be long, and one of several that are read at the same time", async () => {
    const make = (length: number): ReadableStream<number> => {
      let next = 0;
      return new ReadableStream({
        pull: (controller) => {
          if (next < length) controller.enqueue(next++);
          else controller.close();
        },
      });
    };
    const sums = await executor.submit(
      async (streams: readonly ReadableStream<number>[]) =>
        Promise.all(
          streams.map(async (stream) => {
            let sum = 0;
            for await (const value of stream) sum += value;
            return sum;
          }),
        ),
      [make(2000), make(1000), make(0)],
    );
    assert.deepEqual(sums, [1_999_000, 499_500, 0]);
  });

  it("is not read before the task reads, and no further ahead than the window and a chunk", async () => {
    const tracked = endless(100_000);
    const idle = new AbortController();
    const unread = executor.submit(
      (_stream: ReadableStream, signal: AbortSignal) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve("unread"));
        }),
      tracked.stream,
      idle.signal,
    );
    await unread.started;
    idle.abort();
    assert.equal(await unread, "unread");
    assert.equal(tracked.made, 0);
    const [other, go] = [endless(100_000), new AbortController()];
    const future = executor.submit(readOne, other.stream, go.signal);
    await waitUntil(() => other.made * 100_000 >= WINDOW_BYTES, { what: "the reading of the stream" });
    go.abort();
    await future;
    assert.ok(other.made <= Math.ceil(WINDOW_BYTES / 100_000) + 2, `${other.made} chunks were read`);
  });

  it("tells the task of an error, and of one in the middle after what came before", async () => {
    let count = 0;
    const failing = new ReadableStream({
      pull: (controller) => {
        count += 1;
        if (count <= 2) controller.enqueue(count);
        else controller.error(Object.assign(new RangeError("broken"), { code: "E_BROKEN" }));
      },
    });
    const seen = await executor.submit(async (stream: ReadableStream<number>) => {
      const chunks: number[] = [];
      try {
        for await (const chunk of stream) chunks.push(chunk);
        return undefined;
      } catch (error) {
        return [chunks.length <= 2, error instanceof RangeError, (error as { code?: string }).code];
      }
    }, failing);
    assert.deepEqual(seen, [true, true, "E_BROKEN"]);
    const node = new Readable({
      read() {
        this.destroy(new TypeError("gone"));
      },
    });
    node.on("error", () => {});
    const error: unknown = await executor.submit(collect, node).exception();
    assert.ok(error instanceof TypeError && error.message === "gone");
  });

  it("of chunks that can't be sent ends with an error there, and is cancelled here", async () => {
    let cancelled: unknown;
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue({ a: [Promise.resolve(1)] }),
      cancel: (reason) => {
        cancelled = reason;
      },
    });
    const error: unknown = await executor.submit(collect, stream).exception();
    assert.ok(error instanceof NotSerializableError);
    assert.equal(error.path, "chunk.a[0]");
    assert.ok(cancelled instanceof NotSerializableError);
  });

  it("is cancelled when the task cancels it, with the reason", async () => {
    const tracked = endless(10);
    await executor.submit(async (stream: ReadableStream) => {
      const reader = stream.getReader();
      await reader.read();
      await reader.cancel("enough");
    }, tracked.stream);
    await waitUntil(() => tracked.cancelled !== undefined, { what: "the stream's cancellation" });
    assert.equal(tracked.cancelled?.reason, "enough");
    const node = Readable.from(
      (async function* forever() {
        for (;;) yield 1;
      })(),
    );
    await executor.submit(async (stream: Readable) => {
      for await (const _chunk of stream) break;
    }, node);
    await waitUntil(() => node.destroyed, { what: "the stream's end" });
  });

  it("is cancelled when the task ends: well, with an error, by a cancellation, by a crash", async () => {
    const kinds: [what: string, body: (stream: ReadableStream) => unknown, reason: (reason: unknown) => boolean][] = [
      ["well", async (stream) => void (await stream.getReader().read()), (reason) => reason instanceof CancelledError],
      [
        "error",
        async (stream) => {
          await stream.getReader().read();
          throw new RangeError("task failed");
        },
        (reason) => reason instanceof RangeError,
      ],
      [
        "crash",
        async (stream) => {
          await stream.getReader().read();
          process.kill(process.pid, "SIGKILL");
        },
        (reason) => reason instanceof WorkerCrashedError,
      ],
    ];
    for (const [what, body, isRight] of kinds) {
      const tracked = endless(1000);
      await executor.submit(body, tracked.stream).exception();
      await waitUntil(() => tracked.cancelled !== undefined, { what: "the stream's cancellation" });
      assert.ok(isRight(tracked.cancelled?.reason), `${what}: ${String(tracked.cancelled?.reason)}`);
    }
    const tracked = endless(1000);
    const future = executor.submit(readOne, tracked.stream, new AbortController().signal);
    await waitUntil(() => tracked.made > 0, { what: "the reading of the stream" });
    future.cancel();
    await future.exception();
    await waitUntil(() => tracked.cancelled !== undefined, { what: "the stream's cancellation" });
    assert.ok(tracked.cancelled?.reason instanceof CancelledError);
  });

  it("is given back untouched when the call is refused, or never begins", async () => {
    const tracked = endless(10);
    const refused = executor.submit((..._all: unknown[]) => 1, tracked.stream, Promise.resolve(1));
    assert.ok((await refused.exception()) instanceof NotSerializableError);
    assert.equal(tracked.stream.locked, false);
    const blocker = new AbortController();
    const running = executor.submit(readOne, endless(1).stream, blocker.signal);
    await running.started;
    const queued = executor.submit(collect, tracked.stream);
    assert.equal(tracked.stream.locked, true);
    queued.cancel();
    await queued.exception();
    assert.deepEqual([tracked.stream.locked, tracked.made, tracked.cancelled], [false, 0, undefined]);
    blocker.abort();
    await running;
  });

  it("is refused when it is in use, or a socket", async () => {
    const locked = new ReadableStream();
    locked.getReader();
    const busy = new WritableStream();
    busy.getWriter();
    const destroyed = new PassThrough();
    destroyed.destroy();
    for (const [value, message] of [
      [locked, /locked: somebody else reads/],
      [busy, /locked: somebody else writes/],
      [destroyed, /destroyed/],
      [new net.Socket(), /a socket/],
      [new TransformStream(), /its readable and its writable side/],
    ] as const) {
      const error: unknown = await executor.submit((all: unknown) => all, { in: [value] }).exception();
      assert.ok(error instanceof NotSerializableError);
      assert.equal(error.path, "args[0].in[0]");
      assert.match(error.message, message);
    }
  });
});
