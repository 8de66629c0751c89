/** What `map` accepts and gives. Compiled, never run. */

import { isExactly } from "./assert-type.js";
import type { ProcessPoolExecutor } from "../../src/index.js";

declare const pool: ProcessPoolExecutor;

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
