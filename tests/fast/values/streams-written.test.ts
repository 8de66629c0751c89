import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { Writable } from "node:stream";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";

import { ProcessPoolExecutor } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";

import { WINDOW_BYTES } from "../../../src/live/session.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

const executor = new ProcessPoolExecutor({ maxWorkers: 1, graceMs: 200 });
after(() => executor.shutdown());

describe("a writable stream as argument", () => {
  it("gets what the task writes, in order, and its end: web and Node", async () => {
    const written: unknown[] = [];
    const web = new WritableStream({
      write: (chunk) => void written.push(chunk),
      close: () => void written.push("closed"),
    });
    const answer = await executor.submit(async (stream: WritableStream<unknown>) => {
      const writer = stream.getWriter();
      await writer.write({ a: 1 });
      void writer.write("b");
      await writer.close();
      return "all written";
    }, web);
    assert.equal(answer, "all written");
    assert.deepEqual(written, [{ a: 1 }, "b", "closed"]);
    const parts: string[] = [];
    const node = new Writable({
      write: (chunk: Buffer, _encoding, callback) => {
        parts.push(chunk.toString());
        callback();
      },
    });
    await executor.submit(async (stream: Writable) => {
      stream.write("x");
      await new Promise<void>((resolve) => {
        stream.end("y", resolve);
      });
    }, node);
    assert.equal(parts.join(""), "xy");
    assert.equal(node.writableFinished, true);
  });

  it("holds up the task that writes faster than it takes", async () => {
    let release = (): void => {};
    let taken = 0;
    const slow = new WritableStream({
      write: () => {
        taken += 1;
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      },
    });
    const progress: number[] = [];
    const counter = new WritableStream<number>({ write: (chunk) => void progress.push(chunk) });
    const future = executor.submit(
      async (stream: WritableStream<Uint8Array>, report: WritableStream<number>) => {
        const [writer, reporter] = [stream.getWriter(), report.getWriter()];
        for (let count = 1; count <= 40; count++) {
          await writer.write(new Uint8Array(100_000));
          await reporter.write(count);
        }
        await writer.close();
      },
      slow,
      counter,
    );
    await waitUntil(() => progress.length * 100_000 >= WINDOW_BYTES && taken === 1, { what: "the writing to stop" });
    assert.ok(progress.length <= Math.ceil(WINDOW_BYTES / 100_000) + 2, `${progress.length} chunks were written`);
    const timer = setInterval(() => release(), 1);
    await future;
    clearInterval(timer);
    assert.equal(taken, 40);
  });

  it("that fails fails the task's writing; one that the task aborts is aborted", async () => {
    const failing = new WritableStream({
      write: () => {
        throw new RangeError("disk full");
      },
    });
    const error: unknown = await executor
      .submit(async (stream: WritableStream<string>) => {
        const writer = stream.getWriter();
        for (;;) await writer.write("x".repeat(1000));
      }, failing)
      .exception();
    assert.ok(error instanceof RangeError && error.message === "disk full");
    let aborted: unknown;
    const stream = new WritableStream({
      abort: (reason) => {
        aborted = reason;
      },
    });
    await executor.submit((each: WritableStream) => each.abort(new TypeError("not any more")), stream);
    await waitUntil(() => aborted !== undefined, { what: "the stream's abort" });
    assert.ok(aborted instanceof TypeError);
  });

  it("that the task doesn't close stays open and is unlocked, with all that was written", async () => {
    const written: unknown[] = [];
    const stream = new WritableStream({ write: (chunk) => void written.push(chunk) });
    await executor.submit((each: WritableStream<string>) => void each.getWriter().write("from the task"), stream);
    await waitUntil(() => !stream.locked, { what: "the stream to be given back" });
    const writer = stream.getWriter();
    await writer.write("from here");
    assert.deepEqual(written, ["from the task", "from here"]);
    const parts: string[] = [];
    const node = new Writable({
      write: (chunk: Buffer, _encoding, callback) => {
        parts.push(chunk.toString());
        callback();
      },
    });
    await executor.submit((each: Writable) => void each.write("a"), node);
    await waitUntil(() => parts.length > 0, { what: "what the task has written" });
    assert.equal(node.destroyed, false);
    node.destroy();
  });

  it("is aborted when the task fails or its worker dies", async () => {
    const reasons: unknown[] = [];
    const make = (): WritableStream<string> => new WritableStream({ abort: (reason) => void reasons.push(reason) });
    const failed = executor.submit(async (stream: WritableStream<string>) => {
      await stream.getWriter().write("x");
      throw new RangeError("task failed");
    }, make());
    await failed.exception();
    const died = executor.submit(async (stream: WritableStream<string>) => {
      await stream.getWriter().write("x");
      process.exit(3);
    }, make());
    await died.exception();
    await waitUntil(() => reasons.length === 2, { what: "both streams' abort" });
    assert.ok(reasons[0] instanceof RangeError && reasons[1] instanceof WorkerCrashedError);
  });

  it("that the task never touches is left as it was, however the task ends", async () => {
    const stream = new WritableStream({ abort: () => assert.fail("aborted") });
    await executor
      .submit((_stream: WritableStream) => {
        throw new RangeError("task failed");
      }, stream)
      .exception();
    await waitUntil(() => !stream.locked, { what: "the stream to be given back" });
  });
});

describe("a Duplex as argument", () => {
  it("works both ways", async () => {
    const duplex = new PassThrough();
    const back = await executor.submit(async (stream: PassThrough) => {
      stream.end("there and back");
      let text = "";
      for await (const chunk of stream) text += String(chunk);
      return text;
    }, duplex);
    assert.equal(back, "there and back");
  });

  it("is destroyed when the task ends and leaves it open", async () => {
    const duplex = new PassThrough();
    await executor.submit((stream: PassThrough) => void stream.write("a"), duplex);
    await waitUntil(() => duplex.destroyed, { what: "the stream's end" });
  });
});

describe("Blobs and Files", () => {
  it("arrive with type and contents, in both directions", async () => {
    const blob = new Blob(["abc", new Uint8Array(2_000_000)], { type: "text/plain" });
    const shown = await executor.submit(
      async (each: Blob, list: readonly Blob[]) => [each.type, each.size, await list[0]?.text(), each === list[1]],
      blob,
      [new Blob(["xyz"]), blob],
    );
    assert.deepEqual(shown, ["text/plain", 2_000_003, "xyz", true]);
    const made = await executor.submit(() => ({ blob: new Blob(["from", " there"], { type: "a/b" }), n: 1 }));
    assert.ok(made.blob instanceof Blob);
    assert.deepEqual([made.blob.type, await made.blob.text(), made.n], ["a/b", "from there", 1]);
    const { File: NodeFile } = process.getBuiltinModule("node:buffer");
    const file = new NodeFile(["file"], "name.txt", { type: "c/d", lastModified: 5 });
    const back = (await executor.submit((each: unknown) => each, file)) as File;
    assert.deepEqual([back.name, back.lastModified, back.type, await back.text()], ["name.txt", 5, "c/d", "file"]);
  });
});
