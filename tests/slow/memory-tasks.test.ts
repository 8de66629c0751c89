import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { LogQueue } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { createSharedArray } from "asynccpu";
import { disposeSharedArray } from "asynccpu";
import { sharedMemoryOf } from "asynccpu";

import { addAtomically } from "../fixtures/memory-tasks.js";
import { addUnderLock } from "../fixtures/memory-tasks.js";
import { describe as describeThere } from "../fixtures/memory-tasks.js";
import { disposeHere } from "../fixtures/memory-tasks.js";
import { echo } from "../fixtures/tasks.js";
import { fill } from "../fixtures/memory-tasks.js";
import { fillFurther } from "../fixtures/memory-tasks.js";
import { hasLoadedKoffi } from "../fixtures/memory-tasks.js";
import { makeArray } from "../fixtures/memory-tasks.js";
import { makeArrayAndFailLater } from "../fixtures/memory-tasks.js";
import { makeArrayAndLoseIt } from "../fixtures/memory-tasks.js";
import { markAndReturn } from "../fixtures/memory-tasks.js";
import { memoryDescriptors } from "../fixtures/memory-tasks.js";
import { memoryMappings } from "../fixtures/memory-tasks.js";
import { processId } from "../fixtures/tasks.js";
import { throwWithArray } from "../fixtures/memory-tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const skip = process.platform === "linux" ? false : "shared memory is for Linux";

/** Captured by functions of this module, which travel by value. */
const captured = createSharedArray(Float64Array, 1000);
const parts = { counter: createSharedArray(Int32Array, 4), label: "part" };

function addToCaptured(value: number): number {
  captured[7] = (captured[7] ?? 0) + value;
  Atomics.add(parts.counter, 1, value);
  return captured.length;
}

describe("shared arrays in tasks", { skip }, () => {
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });

  after(() => executor.shutdown());

  test("a worker that never sees one doesn't load koffi", async () => {
    assert.equal(await executor.submit(hasLoadedKoffi), false);
  });

  test("an argument is the same memory, for reading and writing", async () => {
    using array = createSharedArray(Float64Array, 1_000_000);
    await executor.submit(fill, array.subarray(10, 999_990), 2.5);
    assert.equal(array[9], 0);
    assert.equal(array[10], 2.5);
    assert.equal(array[999_989], 2.5);
    assert.equal(array[999_990], 0);
    assert.deepEqual(await executor.submit(describeThere, array), {
      isShared: true,
      bufferBytes: array.buffer.byteLength,
      ownerId: process.pid,
    });
  });

  test("a result made in a worker outlives the worker", async () => {
    const other = new ProcessPoolExecutor({ maxWorkers: 1 });
    const pid = await other.submit(processId);
    using array = await other.submit(makeArray, 300_000, 1.5);
    await other.shutdown();
    assert.equal(array.length, 300_000);
    assert.ok(array.every((element) => element === 1.5));
    assert.equal(sharedMemoryOf(array)?.owner.id, pid);
    await executor.submit(fill, array, 9);
    assert.equal(array[299_999], 9);
  });

  test("its own array comes back to the parent as the very same buffer, deep inside a value too", async () => {
    using data = createSharedArray(Uint8Array, 70_000);
    const value = { data, list: [data.subarray(5, 6)], map: new Map([["whole", data]]) };
    const back = await executor.submit(markAndReturn<typeof value>, value);
    assert.equal(back.data.buffer, data.buffer);
    assert.equal(back.list[0]?.buffer, data.buffer);
    assert.equal(back.map.get("whole"), back.data);
    assert.equal(data[0], 77);
  });

  test("a captured variable is the same memory, and the function is pickled once", async () => {
    for (let round = 1; round <= 5; round += 1) {
      assert.equal(await executor.submit(addToCaptured, 2), 1000);
      assert.equal(captured[7], round * 2);
      assert.equal(parts.counter[1], round * 2);
    }
  });

  test("an error brings the array that hangs on it", async () => {
    const error: unknown = await executor.submit(throwWithArray, 50).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof RangeError && "data" in error && error.data instanceof Int16Array);
    assert.equal(error.data[49], -3);
    assert.notEqual(sharedMemoryOf(error.data), undefined);
    disposeSharedArray(error.data);
  });

  test("a log record brings a copy of what the array held", async () => {
    const queue = new LogQueue();
    await using logging = new ProcessTaskPoolExecutor({ maxWorkers: 1, queue });
    using array = createSharedArray(Int32Array, 3).fill(4);
    await logging.submit((view: Int32Array) => console.log("array", view), array);
    const record = await queue.get();
    assert.match(record.message, /4/);
  });

  test("arguments of an initializer and of map", async () => {
    using array = createSharedArray(Float64Array, 10);
    await using other = new ProcessPoolExecutor({ maxWorkers: 2, initializer: fill, initargs: [array, 3] });
    assert.equal(await other.submit(echo, 1), 1);
    assert.equal(array[9], 3);
    const views = [array.subarray(0, 2), array.subarray(4, 6)];
    for await (const _ of other.with({ chunkSize: 2 }).map(fill, views, [7, 8])) {
      // Only for what the calls write.
    }
    assert.deepEqual([...array], [7, 7, 3, 3, 8, 8, 3, 3, 3, 3]);
  });

  test("handed on to a worker of a worker, and back from one that ends after each task", async () => {
    using array = createSharedArray(Float64Array, 10);
    await executor.submit(fillFurther, array, 6);
    assert.equal(array[9], 6);
    await using other = new ProcessPoolExecutor({ maxWorkers: 1, maxTasksPerChild: 1 });
    const results = await Promise.all([1, 2, 3].map((value) => other.submit(makeArray, 100_000, value)));
    assert.deepEqual(
      results.map((result) => result[99_999]),
      [1, 2, 3],
    );
    for (const result of results) disposeSharedArray(result);
  });

  test("a function that captured an array goes to workers that start later", async () => {
    using array = createSharedArray(Float64Array, 10).fill(1);
    const read = (): number => array[0] ?? -1;
    await using other = new ProcessPoolExecutor({ maxWorkers: 3, maxTasksPerChild: 2 });
    for (let round = 0; round < 5; round += 1) {
      array[0] = round;
      assert.deepEqual(await Promise.all([other.submit(read), other.submit(read)]), [round, round]);
    }
  });

  test("atomic operations are atomic between processes", async () => {
    using counter = createSharedArray(Int32Array, 1);
    using large = createSharedArray(BigInt64Array, 1);
    await using four = new ProcessPoolExecutor({ maxWorkers: 4 });
    const times = 50_000;
    const adding = Array.from({ length: 4 }, () => four.submit(addAtomically, counter, times));
    const addingLarge = Array.from({ length: 4 }, () => four.submit(addAtomically, large, times));
    for (let count = 0; count < times; count += 1) Atomics.add(counter, 0, 1);
    await Promise.all([...adding, ...addingLarge]);
    assert.equal(Atomics.load(counter, 0), 5 * times);
    assert.equal(Atomics.load(large, 0), BigInt(4 * times));
  });

  test("a lock made of compareExchange keeps processes apart", async () => {
    using lock = createSharedArray(Int32Array, 1);
    using sum = createSharedArray(Float64Array, 1);
    const adding = Array.from({ length: 2 }, () => executor.submit(addUnderLock, lock, sum, 2000));
    await Promise.all(adding);
    assert.equal(sum[0], 4000);
  });

  test("disposing is each process's own", async () => {
    using array = createSharedArray(Float64Array, 10).fill(3);
    assert.equal(await executor.submit(disposeHere, array), 0);
    assert.equal(array[0], 3);
    const future = executor.submit(disposeHere, array.fill(4));
    array[Symbol.dispose]();
    assert.equal(await future, 0, "submitted before, it still arrives");
    await assert.rejects(executor.submit(echo, [array]), {
      code: "ASYNCCPU_NOT_SERIALIZABLE",
      message: /args\[0\]\[0\].*disposed in this process/,
    });
  });

  test("a captured array that was disposed is named", async () => {
    const { add, array } = makeAdder();
    assert.equal(await executor.submit(add), 0);
    array[Symbol.dispose]();
    await assert.rejects(executor.submit(add), { code: "ASYNCCPU_NOT_PICKLABLE", message: /array.*disposed/s });
  });

  test("a result whose memory can't be opened any more rejects the future", async () => {
    await assert.rejects(executor.submit(makeArrayAndLoseIt, 10), { code: "ASYNCCPU_SHARED_MEMORY" });
  });

  test("a worker that retires with its result waits until the parent has it", async () => {
    await using other = new ProcessPoolExecutor({ maxWorkers: 1 });
    using array = await other.submit(makeArrayAndFailLater, 10);
    assert.equal(array[9], 4);
    assert.equal(await other.submit(echo, 1), 1);
  });

  test("an idle worker lets go of what its tasks have dropped, and the parent of what was confirmed", async () => {
    await using other = new ProcessPoolExecutor({ maxWorkers: 1 });
    const array = createSharedArray(Float64Array, 100_000);
    const id = sharedMemoryOf(array)?.id;
    const pid = await other.submit(processId);
    await other.submit(fill, array, 1);
    await other.submit(makeArray, 100_000, 2).then(disposeSharedArray);
    array[Symbol.dispose]();
    assert.equal(memoryDescriptors(process.pid, id).length, 0);
    // Looked at from outside: a task would keep it from being idle.
    await waitUntil(() => memoryMappings(pid) + memoryDescriptors(pid).length === 0, { what: "its collection" });
  });

  test("a cancelled task leaves nothing open", async () => {
    const array = createSharedArray(Float64Array, 10);
    const id = sharedMemoryOf(array)?.id;
    const futures = Array.from({ length: 20 }, () => executor.submit(fill, array, 1));
    for (const future of futures) future.cancel();
    await Promise.allSettled(futures);
    assert.equal(memoryDescriptors(process.pid, id).length, 1);
    array[Symbol.dispose]();
    assert.equal(memoryDescriptors(process.pid, id).length, 0);
  });
});

function makeAdder(): { add: () => number; array: Float64Array & Disposable } {
  const array = createSharedArray(Float64Array, 5);
  return { add: () => array[0] ?? -1, array };
}
