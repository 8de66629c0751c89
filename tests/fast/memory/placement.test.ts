import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { InvalidOptionError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { createSharedArray } from "asynccpu";
import { sharedMemoryOf } from "asynccpu";

import { describe as describeThere } from "../../fixtures/memory-tasks.js";
import { echo } from "../../fixtures/tasks.js";
import { fill } from "../../fixtures/memory-tasks.js";
import { makePlainArray } from "../../fixtures/memory-tasks.js";
import { markAndReturn } from "../../fixtures/memory-tasks.js";
import { memoryDescriptors } from "../../fixtures/memory-tasks.js";
import { memoryMappings } from "../../fixtures/memory-tasks.js";
import { processId } from "../../fixtures/tasks.js";
import { throwWithPlainArray } from "../../fixtures/memory-tasks.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

const skip = process.platform === "linux" ? false : "shared memory is for Linux";
const LARGE = 300_000;

describe("large arrays placed in shared memory", { skip }, () => {
  const executor = new ProcessPoolExecutor({ maxWorkers: 1, shareAboveBytes: 100_000 });

  after(() => executor.shutdown());

  test("each process has a copy of its own, writable and nobody else's", async () => {
    const data = new Uint8Array(LARGE).fill(5);
    const there = await executor.submit(describeThere, data);
    // The tell-tale of shared memory: a buffer of whole pages.
    assert.deepEqual(there, { isShared: false, bufferBytes: 327_680 });
    const back = await executor.submit(markAndReturn<{ data: Uint8Array }>, { data });
    assert.equal(data[0], 5, "the sender's is untouched");
    assert.equal(back.data[0], 77);
    assert.equal(back.data[LARGE - 1], 5);
    assert.equal(back.data.length, LARGE);
    assert.equal(sharedMemoryOf(back.data), undefined);
    assert.equal(back.data.buffer.byteLength, 327_680);
  });

  test("results are placed, and errors' properties", async () => {
    const result = await executor.submit(makePlainArray, LARGE, 3);
    assert.equal(result.buffer.byteLength, 327_680);
    assert.ok(result.every((byte) => byte === 3));
    const error: unknown = await executor.submit(throwWithPlainArray, LARGE).catch((reason: unknown) => reason);
    assert.ok(error instanceof RangeError && "data" in error && error.data instanceof Uint8Array);
    assert.deepEqual([error.data.buffer.byteLength, error.data[7]], [327_680, 9]);
  });

  test("small ones are not, nor those whose buffer would change its size", async () => {
    const small = await executor.submit(makePlainArray, 1000, 3);
    assert.equal(small.buffer.byteLength, 1000);
    const odd = await executor.submit(echo<ArrayBuffer>, new ArrayBuffer(LARGE));
    assert.equal(odd.byteLength, LARGE);
    const whole = await executor.submit(echo<ArrayBuffer>, new Uint8Array(131_072).fill(2).buffer);
    assert.equal(whole.byteLength, 131_072);
    assert.equal(new Uint8Array(whole)[131_071], 2);
  });

  test("what occurs twice arrives as one; views of one whole buffer share it", async () => {
    const data = new Uint8Array(131_072).fill(1);
    const words = new Uint32Array(data.buffer);
    const back = await executor.submit(echo<readonly ArrayBufferView[]>, [
      data,
      data,
      words,
      data.subarray(1, 120_001),
    ]);
    assert.equal(back[0], back[1]);
    assert.equal(back[0]?.buffer, back[2]?.buffer);
    assert.notEqual(back[0]?.buffer, back[3]?.buffer);
    assert.equal(back[3]?.byteLength, 120_000);
  });

  test("shared arrays stay shared", async () => {
    using array = createSharedArray(Float64Array, LARGE);
    await executor.submit(fill, array, 4);
    assert.equal(array[LARGE - 1], 4);
  });

  test("nothing of them stays open, in any process", async () => {
    const pid = await executor.submit(processId);
    assert.equal(memoryDescriptors().length, 0);
    const futures = Array.from({ length: 8 }, () => executor.submit(makePlainArray, LARGE, 1));
    const cancelled = executor.submit(echo, new Uint8Array(LARGE));
    cancelled.cancel();
    await Promise.allSettled([...futures, cancelled]);
    assert.equal(memoryDescriptors().length, 0);
    await waitUntil(() => memoryDescriptors(pid).length + memoryMappings(pid) === 0, {
      what: "the worker's collection",
    });
  });

  test("the threshold is an option with a range", () => {
    assert.throws(() => new ProcessPoolExecutor({ shareAboveBytes: 1000 }), InvalidOptionError);
    assert.throws(() => new ProcessPoolExecutor({ shareAboveBytes: 1e6 + 0.5 }), InvalidOptionError);
  });
});
