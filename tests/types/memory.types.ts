/** What shared arrays are to the compiler. Compiled, never run. */

import { createSharedArray } from "../../src/index.js";
import { disposeSharedArray } from "../../src/index.js";
import { isExactly } from "./assert-type.js";
import { sharedMemoryOf } from "../../src/index.js";
import type { ProcessFuture } from "../../src/index.js";
import type { ProcessPoolExecutor } from "../../src/index.js";
import type { ProcessTask } from "../../src/index.js";
import type { SharedArray } from "../../src/index.js";

declare const executor: ProcessPoolExecutor;
declare function sum(array: Float64Array): number;
declare function make(length: number): SharedArray<Float64Array>;

// Of the class that was named, with all that it has.
const floats = createSharedArray(Float64Array, 10);
isExactly<Float64Array<ArrayBuffer> & Disposable>()(floats);
const longs = createSharedArray(BigInt64Array, 10);
isExactly<BigInt64Array<ArrayBuffer> & Disposable>()(longs);

// As an argument, and as a result.
isExactly<ProcessFuture<number>>()(executor.submit(sum, floats));
// @ts-expect-error an array of another class
void executor.submit(sum, longs);
isExactly<ProcessFuture<SharedArray<Float64Array>>>()(executor.submit(make, 10));

// @ts-expect-error not a class
createSharedArray("Float64Array", 10);
// @ts-expect-error DataView is no class of typed arrays
createSharedArray(DataView, 10);

isExactly<ProcessTask | undefined>()(sharedMemoryOf(floats)?.owner);
disposeSharedArray(floats.subarray(1));
disposeSharedArray(floats.buffer);

executor.with({ transfer: [new ArrayBuffer(8)] });
// @ts-expect-error no list
executor.with({ transfer: new ArrayBuffer(8) });
// @ts-expect-error a number is no buffer
executor.with({ transfer: [8] });
