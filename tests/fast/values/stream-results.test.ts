import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { Writable } from "node:stream";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";
import { spawnSync } from "node:child_process";

import { CancelledError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { TaskTimeoutError } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";
import { currentTask } from "asynccpu";

import { waitUntil } from "../../testlibraries/wait-until.js";

const executor = new ProcessPoolExecutor({ maxWorkers: 1, graceMs: 200 });
after(() => executor.shutdown());

async function collect(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const chunks: unknown[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** A task: a stream of numbers below a limit. */
function count(limit: number): ReadableStream<number> {
  let next = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (next < limit) controller.enqueue(next++);
      else controller.close();
    },
    cancel: (reason) => {
      Reflect.set(globalThis, "cancelledWith", String(reason));
    },
  });
}

const isBusy = (): boolean => executor.stats().workers.some(({ state }) => state === "busy");

describe("a readable stream in a result", () => {
  it("is read while its task goes on in the worker, which is free when it has ended", async () => {
    const future = executor.submit(count, 3000);
    const stream = await future;
    assert.ok(stream instanceof ReadableStream);
    assert.equal(future.done, true);
    assert.equal(isBusy(), true);
    const behind = executor.submit(() => "next");
    const chunks = await collect(stream);
    assert.deepEqual(
      chunks,
      Array.from({ length: 3000 }, (_, index) => index),
    );
    assert.equal(await behind, "next");
    await waitUntil(() => !isBusy(), { what: "the worker to be free" });
  });

  it("may stand anywhere in it, be a stream of Node, and be several", async () => {
    const result = await executor.submit(async () => {
      return {
        web: new Map([["a", new Blob(["web"]).stream()]]),
        node: [Readable.from([{ a: 1 }, { a: 2 }]), Readable.from(Buffer.from("xyz"), { objectMode: false })],
      };
    });
    const [objects, bytes] = result.node;
    assert.ok(objects instanceof Readable && bytes instanceof Readable);
    assert.deepEqual(await objects.toArray(), [{ a: 1 }, { a: 2 }]);
    assert.equal(String(Buffer.concat((await bytes.toArray()) as Buffer[])), "xyz");
    const web = result.web.get("a");
    assert.equal(await new Response(web as ReadableStream).text(), "web");
  });

  it("may be made of a stream that is an argument", async () => {
    const source = new Blob(["text ".repeat(100_000)]).stream();
    const packed = await executor.submit(
      (stream: ReadableStream) => stream.pipeThrough(new CompressionStream("gzip")),
      source,
    );
    const text = await new Response((packed as ReadableStream).pipeThrough(new DecompressionStream("gzip"))).text();
    assert.equal(text.length, 500_000);
  });

  it("that is cancelled is cancelled in the worker, with the reason, and its task is over", async () => {
    const stream = await executor.submit(count, 1_000_000);
    const reader = stream.getReader();
    assert.equal((await reader.read()).value, 0);
    await reader.cancel("had enough");
    const seen = await executor.submit(() => Reflect.get(globalThis, "cancelledWith") as unknown);
    assert.equal(seen, "had enough");
  });

  it("that fails in the worker fails here, as what it failed with", async () => {
    const stream = await executor.submit(
      () =>
        new ReadableStream({
          pull: (controller) => controller.error(Object.assign(new RangeError("broken"), { code: "E_X" })),
        }),
    );
    await assert.rejects(
      collect(stream),
      (error) => error instanceof RangeError && Reflect.get(error, "code") === "E_X",
    );
    assert.equal(await executor.submit(() => 1), 1);
  });

  it("whose worker dies, or whose task takes too long, fails with that error; the future stays resolved", async () => {
    const crash = executor.submit(
      () =>
        new ReadableStream<number>(
          { pull: () => process.kill(process.pid, "SIGKILL") as unknown as undefined },
          { highWaterMark: 0 },
        ),
    );
    await assert.rejects(collect(await crash), WorkerCrashedError);
    assert.ok((await crash) instanceof ReadableStream);
    const slow = await executor.with({ timeoutMs: 300 }).submit(() => new ReadableStream<number>());
    await assert.rejects(collect(slow), TaskTimeoutError);
    assert.equal(await executor.submit(() => 1), 1);
  });

  it("ends with its task when that is cancelled by its signal", async () => {
    const controller = new AbortController();
    const stream = await executor.with({ signal: controller.signal }).submit(count, 1_000_000);
    const reader = stream.getReader();
    await reader.read();
    controller.abort("no more");
    await assert.rejects(async () => {
      for (;;) await reader.read();
    }, CancelledError);
    assert.equal(await executor.submit(() => 1), 1);
  });

  it("that is not serialisable in part is refused, and nothing of it stays", async () => {
    const error: unknown = await executor.submit(() => [new ReadableStream(), Promise.resolve(1)]).exception();
    assert.equal((error as { path?: string }).path, "result[1]");
    await waitUntil(() => !isBusy(), { what: "the worker to be free" });
  });

  it("is made by code that belongs to its task, whose name it sees", async () => {
    const stream = await executor.with({ name: "maker" }).submit(
      () =>
        new ReadableStream<string>(
          {
            pull: (controller) => {
              controller.enqueue(currentTask().name);
              controller.close();
            },
          },
          { highWaterMark: 0 },
        ),
    );
    assert.deepEqual(await collect(stream), ["maker"]);
  });

  it("that nobody reads is ended by a shutdown; one that is read is waited for", async () => {
    const own = new ProcessPoolExecutor({ maxWorkers: 2 });
    const [unread, read] = await Promise.all([own.submit(count, 10), own.submit(count, 2000)]);
    const reader = read.getReader();
    await reader.read();
    const shutdown = own.shutdown();
    let chunks = 1;
    while (!(await reader.read()).done) chunks += 1;
    assert.equal(chunks, 2000);
    await shutdown;
    await assert.rejects(collect(unread), CancelledError);
  });

  it("keeps the program running while it is read, and not a moment longer", () => {
    const index = new URL("../../../src/index.js", import.meta.url).href;
    const program = `
      import { ProcessPoolExecutor } from ${JSON.stringify(index)};
      const executor = new ProcessPoolExecutor({ maxWorkers: 2 });
      const makeStream = (limit) => { let n = 0; return new ReadableStream({ async pull(c) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (n < limit) c.enqueue(n++); else c.close();
      } }); };
      const unread = await executor.submit(makeStream, 5);
      let count = 0;
      for await (const chunk of await executor.submit(makeStream, 5)) count += 1;
      console.log(count);
    `;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
      timeout: 30_000,
    });
    assert.deepEqual([stdout.trim(), status], ["5", 0]);
  });
});

describe("a writable stream in a result", () => {
  it("takes what is written here to the worker, and tells of its end", async () => {
    const written = (): unknown[] => ((globalThis as { written?: unknown[] }).written ??= []);
    const stream = await executor.submit((list: typeof written) => {
      Reflect.set(globalThis, "written", []);
      return new WritableStream({
        write: (chunk) => void list().push(chunk),
        close: () => void list().push("closed"),
      });
    }, written);
    const writer = stream.getWriter();
    await writer.write({ a: 1 });
    await writer.write("b");
    await writer.close();
    assert.deepEqual(await executor.submit(() => Reflect.get(globalThis, "written") as unknown), [
      { a: 1 },
      "b",
      "closed",
    ]);
  });

  it("may be a stream of Node, whose failure is told here", async () => {
    const stream = await executor.submit(async () => {
      return new Writable({
        write: (_chunk, _encoding, callback) => callback(new RangeError("disk full")),
      });
    });
    assert.ok(stream instanceof Writable);
    const error = await new Promise((resolve) => {
      stream.on("error", resolve);
      stream.write("x");
      stream.end();
    });
    assert.ok(error instanceof RangeError);
    assert.equal(await executor.submit(() => 1), 1);
  });
});
