import assert from "node:assert/strict";
import { describe } from "node:test";
import { readdirSync } from "node:fs";
import { test } from "node:test";

import { InvalidOptionError } from "../../../src/index.js";
import { NotSerializableError } from "../../../src/index.js";
import { createSharedArray } from "../../../src/index.js";
import { decodeValue } from "../../../src/values/codec.js";
import { disposeSharedArray } from "../../../src/index.js";
import { encodePinned } from "../../../src/memory/pins.js";
import { encodeValue } from "../../../src/values/codec.js";
import { memoryDescriptors } from "../../fixtures/memory-tasks.js";
import { memoryMappings } from "../../fixtures/memory-tasks.js";
import { sharedMemoryOf } from "../../../src/index.js";

const isLinux = process.platform === "linux";
const skip = isLinux ? false : "shared memory is for Linux";

const TYPES = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  (globalThis as unknown as { Float16Array?: Float32ArrayConstructor }).Float16Array,
].filter((type) => type !== undefined) as unknown as Float64ArrayConstructor[];

/** As a message to another process, but within this one. */
function sendHere<T>(value: T): T {
  const { encoded, pins } = encodePinned(() => encodeValue(value, "value"));
  try {
    return decodeValue(encoded) as T;
  } finally {
    pins?.release();
  }
}

describe("shared arrays", { skip }, () => {
  for (const type of TYPES) {
    test(`${type.name}: filled with zeros, its length in elements, and the same memory on arrival`, () => {
      using array = createSharedArray(type, 1001);
      assert.equal(Object.prototype.toString.call(array), `[object ${type.name}]`);
      assert.equal(array.constructor, type);
      assert.equal(array.length, 1001);
      assert.ok(array.every((element) => String(element) === "0"));
      const one = (typeof array[0] === "bigint" ? 1n : 1) as number;
      array[1000] = one;
      const arrived = sendHere(array);
      assert.equal(arrived.constructor, type);
      assert.equal(arrived.length, 1001);
      assert.equal(arrived.buffer, array.buffer);
      assert.equal(arrived[1000], one);
    });
  }

  test("views of every kind travel, and share one buffer on arrival", () => {
    using array = createSharedArray(Uint8Array, 100);
    array.set([1, 2, 3, 4, 5, 6, 7, 8]);
    const sent = {
      part: array.subarray(2, 6),
      data: new DataView(array.buffer, 4, 3),
      bytes: Buffer.from(array.buffer, 1, 4),
      buffer: array.buffer,
      words: new Uint16Array(array.buffer, 2, 2),
      map: new Map([[array, [array]]]),
      plain: Uint8Array.of(9),
    };
    const arrived = sendHere(sent);
    for (const view of [arrived.part, arrived.data, arrived.bytes, arrived.words]) {
      assert.equal(view.buffer, array.buffer);
    }
    assert.equal(arrived.buffer, array.buffer);
    assert.deepEqual([...arrived.part], [3, 4, 5, 6]);
    assert.deepEqual([arrived.data.byteOffset, arrived.data.byteLength, arrived.data.getUint8(0)], [4, 3, 5]);
    assert.ok(Buffer.isBuffer(arrived.bytes));
    assert.deepEqual([...arrived.bytes], [2, 3, 4, 5]);
    assert.deepEqual([arrived.words.byteOffset, arrived.words.length], [2, 2]);
    for (const [key, [value]] of arrived.map) assert.equal(key, value);
    assert.equal(arrived.map.size, 1);
    assert.deepEqual([...arrived.plain], [9]);
    assert.notEqual(arrived.plain.buffer, array.buffer);
  });

  test("their owner has a name", () => {
    using array = createSharedArray(Float32Array, 3);
    const memory = sharedMemoryOf(array.subarray(1));
    assert.equal(memory?.owner.id, process.pid);
    assert.equal(memory.sizeBytes, 65_536);
    assert.equal(memory.isDisposed, false);
    assert.match(memory.id, /^[\da-f]{32}$/);
    assert.equal(sharedMemoryOf(new Float32Array(3)), undefined);
  });

  test("disposing gives memory and descriptor back at once, views hold zeros, and nothing of it can be sent", () => {
    const array = createSharedArray(Float64Array, 1_000_000).fill(5);
    const id = sharedMemoryOf(array)?.id;
    const part = array.subarray(500_000, 500_010);
    assert.deepEqual([memoryDescriptors(process.pid, id).length, memoryMappings(process.pid, id)], [1, 1]);
    disposeSharedArray(array);
    assert.deepEqual([memoryDescriptors(process.pid, id).length, memoryMappings(process.pid, id)], [0, 0]);
    assert.ok(part.every((element) => element === 0));
    array[0] = 3;
    assert.equal(array[0], 3, "what is written now is nobody's");
    assert.equal(sharedMemoryOf(part)?.isDisposed, true);
    for (const value of [array, { a: [part] }, array.buffer]) {
      assert.throws(() => sendHere(value), { name: "NotSerializableError", message: /disposed in this process/ });
    }
    assert.throws(() => encodeValue({ part }, "value"), NotSerializableError);
    disposeSharedArray(array);
    disposeSharedArray(new Uint8Array(3));
  });

  test("using disposes at the end of the block", () => {
    let array: Int32Array;
    {
      using inBlock = createSharedArray(Int32Array, 10);
      inBlock.fill(1);
      array = inBlock;
    }
    assert.equal(array[0], 0);
    assert.equal(sharedMemoryOf(array)?.isDisposed, true);
  });

  test("what is in transit outlives its sender's dispose", () => {
    const array = createSharedArray(Float64Array, 10).fill(6);
    const { encoded, pins } = encodePinned(() => encodeValue([array], "value"));
    array[Symbol.dispose]();
    const [arrived] = decodeValue(encoded) as [Float64Array];
    assert.equal(arrived[0], 6);
    assert.notEqual(arrived.buffer, array.buffer);
    pins?.release();
    assert.equal(sharedMemoryOf(arrived)?.isDisposed, false);
    assert.equal(sendHere(arrived).buffer, arrived.buffer);
    disposeSharedArray(arrived);
  });

  test("its memory can't be moved away by a transfer", () => {
    using array = createSharedArray(Uint8Array, 10).fill(3);
    const { buffer } = array as unknown as { buffer: ArrayBuffer & { transfer?(): ArrayBuffer } };
    for (const move of [
      () => structuredClone(buffer, { transfer: [buffer] }),
      () => buffer.transfer?.(),
      () => new ReadableStream({ type: "bytes", start: (controller) => controller.enqueue(new Uint8Array(buffer)) }),
    ]) {
      try {
        move();
      } catch {
        // Refused, or (on Node 20) copied.
      }
      assert.equal(array[9], 3);
    }
  });

  test("without elements, and of other sizes", () => {
    using empty = createSharedArray(Float64Array, 0);
    assert.equal(sendHere(empty).length, 0);
    assert.throws(() => createSharedArray(Float64Array, -1), InvalidOptionError);
    assert.throws(() => createSharedArray(Float64Array, 1.5), InvalidOptionError);
    assert.throws(() => createSharedArray(Float64Array, 2 ** 40), InvalidOptionError);
    assert.throws(() => createSharedArray("Float64Array" as never, 1), InvalidOptionError);
    assert.throws(() => createSharedArray(Buffer as never, 1), InvalidOptionError);
    assert.throws(() => createSharedArray(class extends Float64Array {}, 1), InvalidOptionError);
  });

  test("an encoding that nobody confirms copies", () => {
    using array = createSharedArray(Float64Array, 3).fill(8);
    const copy = decodeValue(encodeValue(array.subarray(0, 3), "log record")) as Float64Array;
    assert.deepEqual([...copy], [8, 8, 8]);
    assert.notEqual(copy.buffer, array.buffer);
    assert.equal(sharedMemoryOf(copy), undefined);
  });

  test("nothing of them has a name in the file system", () => {
    const before = readdirSync("/dev/shm");
    using array = createSharedArray(Float64Array, 10);
    assert.deepEqual(readdirSync("/dev/shm"), before);
    assert.equal(array.length, 10);
  });
});
