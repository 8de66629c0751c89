/** What `map` accepts and gives. Compiled, never run. */

import { isExactly } from "./assert-type.js";
import type { MapOutcome } from "../../src/index.js";
import type { ProcessFuture } from "../../src/index.js";
import type { ProcessPoolExecutor } from "../../src/index.js";
import type { ProcessTaskPoolExecutor } from "../../src/index.js";
import type { TaskOptions } from "../../src/index.js";

declare const pool: ProcessPoolExecutor;
declare const taskPool: ProcessTaskPoolExecutor;

declare function square(value: number): number;
declare function repeat(text: string, count: number): Promise<string>;
declare function asyncNumbers(): AsyncGenerator<number>;
declare const words: readonly string[];
declare const counts: Set<number>;

for await (const value of pool.map(square, [1, 2, 3])) isExactly<number>()(value);
for await (const value of pool.map(repeat, words, counts)) isExactly<string>()(value);
for await (const value of pool.map(square, asyncNumbers())) isExactly<number>()(value);
for await (const value of pool.with({ chunkSize: 10, maxInFlight: 4 }).map(square, [1])) isExactly<number>()(value);

// @ts-expect-error items of a wrong type
pool.map(square, ["a"]);
// @ts-expect-error an iterable is missing
pool.map(repeat, words);
// @ts-expect-error not an iterable
pool.map(square, 1);
// @ts-expect-error iterables in the wrong order
pool.map(repeat, counts, words);

for await (const value of pool.mapUnordered(repeat, words, counts)) isExactly<string>()(value);
for await (const value of taskPool.with({ chunkSize: 10 }).mapUnordered(square, [1])) isExactly<number>()(value);
for await (const value of pool.with({ onError: "stop" }).map(square, [1])) isExactly<number>()(value);
// @ts-expect-error items of a wrong type
pool.mapUnordered(square, ["a"]);

for (const view of [pool.with({ onError: "continue", chunkSize: 2 }), taskPool.with({ onError: "continue" })]) {
  for await (const outcome of view.map(repeat, words, counts)) {
    isExactly<number>()(outcome.index);
    isExactly<[text: string, count: number]>()(outcome.item);
    if (outcome.status === "fulfilled") isExactly<string>()(outcome.value);
    else isExactly<unknown>()(outcome.reason);
    // @ts-expect-error it may have failed
    outcome.value satisfies string;
  }
  for await (const outcome of view.mapUnordered(square, asyncNumbers())) {
    isExactly<number>()(outcome.item);
    isExactly<MapOutcome<number, number>>()(outcome);
  }
  isExactly<ProcessFuture<number>>()(view.submit(square, 1));
  // @ts-expect-error items of a wrong type
  view.map(square, ["a"]);
}
isExactly<ProcessFuture<number>>()(taskPool.with({ onError: "continue" }).createProcessTask(square, 1));

declare function pad(text: string, length?: number): string;
for await (const { item } of pool.with({ onError: "continue" }).map(pad, words)) {
  item satisfies string | [text: string, length?: number | undefined];
  // @ts-expect-error whether one iterable is given or two is not seen
  item satisfies string;
}

declare const options: TaskOptions;
for await (const value of pool.with(options).map(square, [1])) isExactly<number>()(value);
// @ts-expect-error neither "stop" nor "continue"
pool.with({ onError: "skip" });
