import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import { ProcessPoolExecutor } from "asynccpu";
import { createSharedArray } from "asynccpu";
import { disposeSharedArray } from "asynccpu";
import { sharedMemoryOf } from "asynccpu";

import { echo } from "../../fixtures/tasks.js";
import { fill } from "../../fixtures/memory-tasks.js";
import { makeArray } from "../../fixtures/memory-tasks.js";
import { memoryDescriptors } from "../../fixtures/memory-tasks.js";
import { memoryMappings } from "../../fixtures/memory-tasks.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function footprint(): { descriptors: number; mappings: number } {
  return { descriptors: memoryDescriptors().length, mappings: memoryMappings() };
}

/** Collects until the footprint is as small as it is to be. */
async function waitForFootprint(count: number): Promise<void> {
  const isSo = (): boolean => {
    collect();
    const { descriptors, mappings } = footprint();
    return descriptors === count && mappings === count;
  };
  await waitUntil(isSo, { what: `a footprint of ${count}` });
}

describe(
  "memory is free when its last holder drops it",
  {
    skip: process.platform === "linux" ? false : "shared memory is for Linux",
  },
  () => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1 });

    after(() => executor.shutdown());

    test("an array that nobody holds any more", async () => {
      for (let count = 0; count < 50; count += 1) createSharedArray(Float64Array, 10_000).fill(1);
      await waitForFootprint(0);
    });

    test("as long as any view is held, the memory is", async () => {
      const part = createSharedArray(Float64Array, 10_000).fill(3).subarray(9000, 9010);
      await waitForFootprint(1);
      assert.deepEqual(
        [...part],
        Array.from({ length: 10 }, () => 3),
      );
      disposeSharedArray(part);
    });

    test("arguments, once their tasks are over", async () => {
      const futures = Array.from({ length: 20 }, (_, index) =>
        executor.submit(fill, createSharedArray(Float64Array, 10_000), index),
      );
      assert.ok(footprint().descriptors >= 1);
      await Promise.all(futures);
      await waitForFootprint(0);
    });

    test("results, and the same one again is the same buffer while it is held", async () => {
      const result = await executor.submit(makeArray, 10_000, 1);
      const again = await executor.submit(echo, result);
      assert.equal(again.buffer, result.buffer);
      assert.equal(memoryDescriptors().length, 1);
      disposeSharedArray(result);
      await waitForFootprint(0);
    });

    test("captured by a function that is dropped", async () => {
      for (let count = 0; count < 5; count += 1) {
        const array = createSharedArray(Float64Array, 10_000);
        assert.equal(await executor.submit(() => array.length), 10_000);
      }
      await waitForFootprint(0);
    });

    test("an array disposed while tasks hold it is kept until they are over", async () => {
      const array = createSharedArray(Float64Array, 10_000).fill(1);
      const futures = Array.from({ length: 3 }, () => executor.submit(makeArray, 10, 1));
      const last = executor.submit(fill, array, 5);
      disposeSharedArray(array);
      assert.equal(memoryMappings(), 0);
      assert.equal(memoryDescriptors().length, 1);
      for (const future of futures) disposeSharedArray(await future);
      await last;
      assert.equal(memoryDescriptors().length, 0);
    });

    test("sent back by a worker after it was disposed here, it arrives as new", async () => {
      const array = createSharedArray(Float64Array, 10_000).fill(1);
      const future = executor.submit(echo, array);
      disposeSharedArray(array);
      const back = await future;
      assert.deepEqual([array[5], back[5]], [0, 1]);
      assert.equal(sharedMemoryOf(back)?.isDisposed, false);
      disposeSharedArray(back);
      await waitForFootprint(0);
    });

    test("a thread that ends leaves no descriptor", async () => {
      const source = `
      import { createSharedArray } from ${JSON.stringify(import.meta.resolve("asynccpu"))};
      globalThis.kept = createSharedArray(Float64Array, 1000).fill(1);
    `;
      const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
      await new Promise((resolve, reject) => {
        thread.once("exit", resolve);
        thread.once("error", reject);
      });
      assert.deepEqual(footprint(), { descriptors: 0, mappings: 0 });
    });
  },
);
