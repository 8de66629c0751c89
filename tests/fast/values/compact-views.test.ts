/** Binary data in the compact encoding. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { it } from "node:test";

import { ATTACHED_BYTES } from "../../../src/values/binary/attachments.js";
import { COMPACT_TAG } from "../../../src/values/compact/write.js";
import { encodeCompact } from "../../../src/values/compact/write.js";
import { writePlainList } from "../../../src/values/compact/write.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeArguments } from "../../../src/values/codec.js";
import { encodeValue } from "../../../src/values/codec.js";

const CLASSES = [Uint8Array, Uint8ClampedArray, Int16Array, Int32Array, Float32Array, Float64Array, BigInt64Array];

/** What arrives, and whether it went the compact way. */
function send(value: unknown): { readonly arrived: unknown; readonly isCompact: boolean } {
  const bytes = encodeValue(value, "value");
  const isCompact = bytes[0] === COMPACT_TAG;
  return { arrived: decodeValue(bytes), isCompact };
}

function fill(sizeBytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: sizeBytes }, (_, index) => index * 7);
}

describe("binary data below the size of attachments", () => {
  for (const View of CLASSES) {
    it(`arrives as ${View.name} of any size, in memory of its own`, () => {
      for (const sizeBytes of [8, 96, 4080, 4088, 4104, 65_536, ATTACHED_BYTES - 8]) {
        const sent = new View(fill(sizeBytes).buffer);
        const { arrived, isCompact } = send({ before: "a", sent, behind: [1.5, "b"] });
        assert.ok(isCompact, `${sizeBytes} bytes`);
        assert.deepStrictEqual(arrived, { before: "a", sent, behind: [1.5, "b"] });
        const { buffer, byteOffset } = (arrived as { readonly sent: ArrayBufferView }).sent;
        assert.deepEqual([buffer.byteLength, byteOffset], [sizeBytes, 0]);
      }
    });
  }

  it("stays a Buffer, or a DataView, with its own bytes alone", () => {
    const pooled = Buffer.from("pooled");
    assert.ok(pooled.buffer.byteLength > pooled.length);
    const view = new DataView(fill(20).buffer, 4, 8);
    const { arrived, isCompact } = send([pooled, view]);
    assert.ok(isCompact);
    const [buffer, dataView] = arrived as [Buffer, DataView];
    assert.ok(Buffer.isBuffer(buffer) && dataView instanceof DataView);
    assert.deepEqual([buffer.toString(), buffer.buffer.byteLength], ["pooled", 6]);
    assert.deepEqual([dataView.byteLength, dataView.buffer.byteLength, dataView.getUint8(0)], [8, 8, 28]);
  });

  it("is a copy of when it was sent, and the bytes of the next value are others", () => {
    for (const sizeBytes of [100, 50_000]) {
      const first = fill(sizeBytes);
      const firstBytes = encodeArguments([first, "first"]);
      first.fill(9);
      const secondBytes = encodeArguments([fill(sizeBytes + 1), "second"]);
      const thirdBytes = encodeArguments(["third"]);
      assert.deepStrictEqual(decodeValue(firstBytes), [fill(sizeBytes), "first"]);
      assert.deepStrictEqual(decodeValue(secondBytes), [fill(sizeBytes + 1), "second"]);
      assert.deepStrictEqual(decodeValue(thirdBytes), ["third"]);
    }
  });

  it("may come many times in one value", () => {
    const views = Array.from({ length: 20 }, (_, index) => fill(30_000 + index));
    const { arrived, isCompact } = send({ views, name: "all" });
    assert.ok(isCompact);
    assert.deepStrictEqual(arrived, { views, name: "all" });
  });

  it("is shared where views share the whole of a buffer, and not where they show parts", () => {
    const whole = fill(64);
    const shared = send([whole, new Float64Array(whole.buffer)]);
    const [bytes, doubles] = shared.arrived as [Uint8Array, Float64Array];
    assert.equal(bytes.buffer, doubles.buffer);
    const same = send([whole, whole]).arrived as [Uint8Array, Uint8Array];
    assert.equal(same[0], same[1]);
    const parts = send([whole.subarray(0, 8), whole.subarray(4, 12)]);
    assert.ok(parts.isCompact);
    const [left, right] = parts.arrived as [Uint8Array, Uint8Array];
    assert.notEqual(left.buffer, right.buffer);
    assert.deepEqual([...left, ...right], [...whole.subarray(0, 8), ...whole.subarray(4, 12)]);
  });

  it("goes another way with a class of its own, a length that changes, or nothing in it", () => {
    class Picture extends Uint8Array {}
    const resizable: ArrayBuffer = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) as ArrayBuffer;
    for (const value of [new Picture(8), new Uint8Array(resizable), new Uint8Array(0), fill(ATTACHED_BYTES)]) {
      assert.equal(send(value).isCompact, false);
    }
  });

  it("goes another way beside what is too long for this one", () => {
    const views = [fill(30_000), fill(5000)];
    for (const text of ["é中".repeat(4100), "x".repeat(20_000)]) {
      assert.deepStrictEqual(send([...views, text]).arrived, [...views, text]);
    }
    const wide = Object.fromEntries(Array.from({ length: 17_000 }, (_, index) => [`k${index}`, 1]));
    assert.deepStrictEqual(send([...views, wide]).arrived, [...views, wide]);
  });

  it("holds little more memory than its bytes, however long it waits", () => {
    for (const value of [[fill(5000)], [fill(100_000), fill(8000)]]) {
      const { buffer, length } = encodeValue(value, "value");
      assert.ok(buffer.byteLength < 1.5 * length + 16_384, `${buffer.byteLength} for ${length}`);
    }
  });

  it("goes where larger data is shared when it is as large as that", () => {
    assert.equal(encodeCompact(fill(70_000), "one", 65_536), undefined);
    assert.notEqual(encodeCompact(fill(60_000), "one", 65_536), undefined);
    assert.notEqual(encodeCompact(fill(70_000), "one"), undefined);
  });

  it("leaves nothing behind in the writer of lists, however many and whatever goes wrong", () => {
    const target = Buffer.alloc(8192);
    const list = [{ id: 1 }, fill(8)];
    for (let round = 0; round < 100; round += 1) writePlainList(list, target, 0);
    assert.throws(() => writePlainList([fill(5000), Symbol("none")], target, 0));
    const end = writePlainList(list, target, 0);
    assert.deepStrictEqual(decodeValue(target.subarray(0, end)), list);
    assert.deepStrictEqual(decodeValue(encodeArguments(["after"])), ["after"]);
  });

  it("is refused where its bytes are cut off, or of no class", () => {
    const bytes = Buffer.from(encodeValue(fill(40), "value"));
    for (let length = 1; length < bytes.length; length += 1) {
      assert.throws(() => decodeValue(bytes.subarray(0, length)));
    }
    bytes[2] = 200;
    assert.throws(() => decodeValue(bytes));
    const doubles = Buffer.from(encodeValue(new Float64Array(2), "value"));
    doubles[3] = 15;
    assert.throws(() => decodeValue(doubles.subarray(0, -1)));
  });
});
