import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { InvalidOptionError } from "asynccpu";
import { NotSerializableError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { createSharedArray } from "asynccpu";

import { FrameDecoder } from "../../../src/wire/messages/frame-decoder.js";
import { MAX_ATTACHMENTS } from "../../../src/values/binary/attachments.js";
import { ProtocolError } from "../../../src/errors.js";
import { attachmentsOf } from "../../../src/values/binary/attachments.js";
import { decodeValue } from "../../../src/values/codec.js";
import { echo } from "../../fixtures/tasks.js";
import { encodeArguments } from "../../../src/values/codec.js";
import { encodeFrame } from "../../../src/wire/messages/frame.js";
import { encodeValue } from "../../../src/values/codec.js";
import { giveBackSnapshot } from "../../../src/values/binary/snapshot-memory.js";
import { makeFrame } from "../../../src/wire/messages/frame.js";
import { makePlainArray } from "../../fixtures/memory-tasks.js";
import { markAndReturn } from "../../fixtures/memory-tasks.js";
import { sizeWithAttachments } from "../../../src/values/binary/attachments.js";
import { takeSnapshot } from "../../../src/values/binary/snapshot-memory.js";
import { throwWithPlainArray } from "../../fixtures/memory-tasks.js";
import type { EncodeOptions } from "../../../src/values/codec.js";
import type { Frame } from "../../../src/wire/messages/frame.js";

const LARGE = 1_000_000;

function makeLarge(): Uint8Array<ArrayBuffer> {
  const large = new Uint8Array(LARGE);
  for (let index = 0; index < LARGE; index += 1) large[index] = index % 251;
  return large;
}

/** Through frames that arrive in pieces, as from a pipe. */
function sendThrough<T>(value: T, options?: EncodeOptions): T {
  const frames: Frame[] = [];
  const decoder = new FrameDecoder((frame) => frames.push(frame));
  const buffers = encodeFrame(makeFrame(5, { name: "name", payload: encodeValue(value, "value", options) }));
  const stream = Buffer.concat(buffers);
  for (let at = 0; at < stream.byteLength; at += 65_537) decoder.push(stream.subarray(at, at + 65_537));
  assert.equal(decoder.isMidFrame, false);
  assert.deepEqual(
    frames.map(({ kind, name }) => [kind, name]),
    [[5, "name"]],
  );
  return decodeValue(frames[0]?.payload ?? Buffer.of()) as T;
}

describe("large binary data beside its value", () => {
  test("arrives with a buffer of its own, of its own size", () => {
    const sent = { data: makeLarge(), list: [1, "two", new Map([[3, makeLarge().subarray(0, 600_000)]])], none: null };
    const arrived = sendThrough(sent);
    assert.deepEqual(arrived, sent);
    assert.equal(arrived.data.buffer.byteLength, LARGE);
    const [, , map] = arrived.list as [number, string, Map<number, Uint8Array>];
    assert.equal(map.get(3)?.buffer.byteLength, 600_000);
    assert.notEqual(arrived.data.buffer, sent.data.buffer);
  });

  test("a snapshot: what is written later doesn't travel", () => {
    const data = makeLarge();
    const bytes = encodeValue([data], "value");
    data.fill(0);
    const [arrived] = decodeValue(bytes) as [Uint8Array];
    assert.equal(arrived[250], 250);
  });

  test("buffers, and all that is on the same one, stay together", () => {
    const whole = makeLarge();
    const sent = {
      whole,
      words: new Uint32Array(whole.buffer),
      buffer: whole.buffer,
      again: whole,
      bytes: Buffer.from(whole.buffer),
      view: new DataView(whole.buffer, 8, 700_000),
    };
    const arrived = sendThrough(sent);
    assert.equal(arrived.again, arrived.whole);
    for (const view of [arrived.whole, arrived.words, arrived.bytes]) assert.equal(view.buffer, arrived.buffer);
    assert.ok(Buffer.isBuffer(arrived.bytes));
    assert.equal(arrived.view.buffer.byteLength, 700_000);
    assert.equal(arrived.view.getUint8(0), 8);
    assert.deepEqual(sendThrough(new Float64Array(100_000).fill(0.5)), new Float64Array(100_000).fill(0.5));
    assert.deepEqual(sendThrough([whole.buffer, 1]), [whole.buffer, 1]);
  });

  test("values with errors and classes bring it too", () => {
    const error = Object.assign(new RangeError("large"), { data: makeLarge(), cause: new Error("inner") });
    const arrived = sendThrough({ error, other: makeLarge() });
    assert.ok(arrived.error instanceof RangeError);
    assert.deepEqual(arrived.error.data, error.data);
    assert.equal(arrived.other.buffer.byteLength, LARGE);
  });

  test("a resizable buffer stays resizable", (t) => {
    const Resizable = ArrayBuffer as unknown as new (size: number, options: { maxByteLength: number }) => ArrayBuffer;
    const buffer = new Resizable(LARGE, { maxByteLength: 2 * LARGE }) as ArrayBuffer & { resizable?: boolean };
    if (buffer.resizable !== true) {
      t.skip("this Node.js has none");
      return;
    }
    assert.equal(sendThrough({ buffer }).buffer.resizable, true);
  });

  test("nested in another encoding, it is part of the bytes", () => {
    const bytes = encodeArguments([makeLarge()], { isNested: true });
    assert.equal(attachmentsOf(bytes).length, 0);
    assert.deepEqual(decodeValue(Uint8Array.from(bytes)), [makeLarge()]);
  });

  test("its size counts", () => {
    assert.ok(sizeWithAttachments(encodeValue([makeLarge()], "value")) > LARGE);
    assert.equal(sizeWithAttachments(encodeValue(1, "value")), 6);
  });

  test("without it, the bytes are refused", () => {
    const bytes = encodeValue([makeLarge()], "value");
    assert.throws(() => decodeValue(Uint8Array.from(bytes)), /attachments of the encoded value are missing/);
    assert.throws(() => decodeValue(Uint8Array.of(3)), /missing/);
    assert.throws(() => decodeValue(Uint8Array.of(3, 0, 0, 0, 0)));
  });

  test("a stream of nothing but attachments is refused at last", () => {
    const decoder = new FrameDecoder(() => assert.fail("no frame"));
    const [attachment] = encodeFrame(makeFrame(192, { payload: Uint8Array.of(1) }));
    assert.throws(() => {
      for (let count = 0; count <= MAX_ATTACHMENTS; count += 1) decoder.push(attachment as Buffer);
    }, ProtocolError);
  });

  test("a false length sets memory aside only as bytes come", () => {
    const head = Buffer.alloc(16);
    head.writeUInt32LE(0x7fff_0000, 0);
    head.writeUInt8(192, 4);
    const before = process.memoryUsage().arrayBuffers;
    const decoder = new FrameDecoder(() => {});
    decoder.push(head);
    decoder.push(Buffer.alloc(1000));
    assert.ok(process.memoryUsage().arrayBuffers - before < 4 * 1024 * 1024);
  });
});

describe("memory for snapshots", () => {
  test("is used again for data of about the same size, after it was given back", () => {
    const first = takeSnapshot(makeLarge());
    const second = takeSnapshot(makeLarge());
    assert.notEqual(first.buffer, second.buffer);
    giveBackSnapshot(first);
    giveBackSnapshot(first);
    giveBackSnapshot(makeLarge());
    const third = takeSnapshot(makeLarge().subarray(0, 900_000).fill(7));
    assert.equal(third.buffer, first.buffer);
    assert.equal(third.byteLength, 900_000);
    assert.equal(third[899_999], 7);
    assert.equal(takeSnapshot(makeLarge()).buffer === first.buffer, false);
    giveBackSnapshot(second);
    assert.notEqual(takeSnapshot(makeLarge().subarray(0, 1000)).buffer, second.buffer);
  });
});

describe("large arrays and transferred buffers in tasks", () => {
  const executor = new ProcessPoolExecutor({ maxWorkers: 2 });

  after(() => executor.shutdown());

  test("arguments and results arrive as they were, many at a time", async () => {
    const arrays = Array.from({ length: 12 }, (_, index) => new Uint8Array(LARGE + index).fill(index));
    const futures = arrays.map((data) => {
      const future = executor.submit(markAndReturn<{ data: Uint8Array }>, { data });
      // The snapshot was taken; its memory is used again for later ones.
      data.fill(200);
      return future;
    });
    for (const [index, { data }] of (await Promise.all(futures)).entries()) {
      assert.deepEqual(data, new Uint8Array(LARGE + index).fill(index).fill(77, 0, 1));
    }
    const results = await Promise.all([1, 2, 3].map((value) => executor.submit(makePlainArray, LARGE, value)));
    for (const [index, result] of results.entries()) assert.deepEqual(result, new Uint8Array(LARGE).fill(index + 1));
  });

  test("in errors, in maps, and as arguments of an initializer", async () => {
    const error: unknown = await executor.submit(throwWithPlainArray, LARGE).catch((reason: unknown) => reason);
    assert.ok(error instanceof RangeError && "data" in error && error.data instanceof Uint8Array);
    assert.equal(error.data.length, LARGE);
    const chunks = executor.with({ chunkSize: 2 }).map(echo<Uint8Array>, [makeLarge(), makeLarge(), makeLarge()]);
    for await (const data of chunks) assert.deepEqual(data, makeLarge());
    await using other = new ProcessPoolExecutor({ maxWorkers: 1, initializer: keep, initargs: [makeLarge()] });
    assert.equal(await other.submit(lengthKept), LARGE);
    const failing = executor.with({ chunkSize: 2 }).map(throwWithPlainArray, [LARGE, LARGE]);
    await assert.rejects(failing.next(), { name: "RangeError" });
  });

  test("a transferred buffer is detached here, and its bytes arrive", async () => {
    for (const size of [10, LARGE]) {
      const data = new Uint8Array(size).fill(5);
      const view = data.subarray(size / 2);
      const { buffer } = data;
      const future = executor.with({ transfer: [buffer] }).submit(echo<readonly Uint8Array[]>, [data, view]);
      assert.equal(buffer.byteLength, 0, "at once, as postMessage does");
      assert.equal(data.length, 0);
      const [back, part] = await future;
      assert.equal(back?.length, size);
      assert.ok(back.every((byte) => byte === 5));
      assert.equal(part?.length, size / 2);
    }
  });

  test("a buffer that is not among the arguments is detached all the same", async () => {
    const buffer = new ArrayBuffer(8);
    assert.equal(await executor.with({ transfer: [buffer] }).submit(echo, 1), 1);
    assert.equal(buffer.byteLength, 0);
  });

  test("when the call is refused, nothing is detached", async () => {
    const buffer = new ArrayBuffer(LARGE);
    await assert.rejects(
      executor.with({ transfer: [buffer] }).submit(echo<unknown>, [buffer, Symbol("x")]),
      NotSerializableError,
    );
    assert.equal(buffer.byteLength, LARGE);
  });

  test("what can't be transferred is refused", async () => {
    const gone = new ArrayBuffer(8);
    structuredClone(gone, { transfer: [gone] });
    await assert.rejects(executor.with({ transfer: [gone] }).submit(echo, 1), { path: "transfer[0]" });
    const twice = new ArrayBuffer(8);
    await assert.rejects(executor.with({ transfer: [twice, twice] }).submit(echo, 1), { path: "transfer[1]" });
    using shared = createSharedArray(Uint8Array, 8);
    if (process.platform === "linux") {
      const view = executor.with({ transfer: [shared.buffer] });
      await assert.rejects(view.submit(echo, 1), { message: /shared memory/ });
    }
    assert.throws(() => executor.with({ transfer: [new Uint8Array(8)] as never }), InvalidOptionError);
    assert.throws(() => executor.with({ transfer: "x" as never }), InvalidOptionError);
  });
});

const kept: Uint8Array[] = [];

function keep(data: Uint8Array): void {
  kept.push(data);
  Reflect.set(globalThis, "lengthOfKept", data.length);
}

function lengthKept(): unknown {
  return Reflect.get(globalThis, "lengthOfKept");
}
