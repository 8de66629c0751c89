/** What `submit` and `createProcessTask` accept, and what type their futures have. Compiled, never run. */

import { ProcessPoolExecutor } from "../../src/index.js";
import { ProcessTaskPoolExecutor } from "../../src/index.js";
import { isExactly } from "./assert-type.js";
import type { ProcessFuture } from "../../src/index.js";

declare const pool: ProcessPoolExecutor;
declare const executor: ProcessTaskPoolExecutor;

declare function add(a: number, b: number): number;
declare function load(path: string): Promise<Buffer>;
declare function greet(name: string, greeting?: string): string;
declare function total(first: number, ...rest: number[]): number;
declare function identity<T>(value: T): T;
declare function first<T>(values: readonly T[]): Promise<T | undefined>;
declare function sumOf(values: readonly number[]): number;
declare function nothing(): void;
declare function never(): never;
declare function either(flag: boolean): string | Promise<number>;
declare function nested(): Promise<Promise<string>>;

// The future is of what the function returns, with promises awaited.
isExactly<ProcessFuture<number>>()(executor.createProcessTask(add, 1, 2));
isExactly<ProcessFuture<number>>()(pool.submit(add, 1, 2));
isExactly<ProcessFuture<number>>()(executor.submit(add, 1, 2));
isExactly<ProcessFuture<Buffer>>()(executor.createProcessTask(load, "a.txt"));
isExactly<ProcessFuture<void>>()(executor.createProcessTask(nothing));
isExactly<ProcessFuture<never>>()(executor.createProcessTask(never));
isExactly<ProcessFuture<string | number>>()(executor.createProcessTask(either, true));
isExactly<ProcessFuture<string>>()(executor.createProcessTask(nested));
isExactly<number>()(await executor.createProcessTask(add, 1, 2));
isExactly<[number, Buffer]>()(
  await Promise.all([executor.createProcessTask(add, 1, 2), executor.createProcessTask(load, "a.txt")]),
);

// Wrong arguments: type, number, order.
// @ts-expect-error a string is no number
executor.createProcessTask(add, 1, "2");
// @ts-expect-error an argument is missing
executor.createProcessTask(add, 1);
// @ts-expect-error an argument too many
executor.createProcessTask(add, 1, 2, 3);
// @ts-expect-error all arguments are missing
pool.submit(add);
// @ts-expect-error a null is no string
pool.submit(load, null);

// A function, not a promise and not the result of a call.
// @ts-expect-error a promise
executor.createProcessTask(load("a.txt"));
// @ts-expect-error a number
executor.createProcessTask(add(1, 2));
// @ts-expect-error the name of a function
executor.createProcessTask("add", 1, 2);
// @ts-expect-error undefined
executor.createProcessTask(undefined);

// Optional and rest parameters.
isExactly<ProcessFuture<string>>()(executor.createProcessTask(greet, "Ada"));
isExactly<ProcessFuture<string>>()(executor.createProcessTask(greet, "Ada", "Hi"));
isExactly<ProcessFuture<number>>()(executor.createProcessTask(total, 1));
isExactly<ProcessFuture<number>>()(executor.createProcessTask(total, 1, 2, 3));
// @ts-expect-error an optional argument of a wrong type
executor.createProcessTask(greet, "Ada", 1);
// @ts-expect-error a rest argument of a wrong type
executor.createProcessTask(total, 1, 2, "3");

// Generic functions keep what they were called with.
isExactly<string>()(await executor.createProcessTask(first<string>, ["a", "b"]).then((value) => value ?? ""));
isExactly<ProcessFuture<number>>()(executor.createProcessTask(identity<number>, 1));
// @ts-expect-error not what the function was instantiated with
executor.createProcessTask(identity<number>, "1");

// Readonly arrays and tuples go in, spread or whole.
declare const pair: readonly [number, number];
isExactly<ProcessFuture<number>>()(executor.createProcessTask(add, ...pair));
isExactly<ProcessFuture<number>>()(executor.createProcessTask(sumOf, [1, 2, 3] as const));
// @ts-expect-error a spread array of unknown length
executor.createProcessTask(add, ...[1, 2, 3]);

// Functions written on the spot.
isExactly<ProcessFuture<number>>()(executor.createProcessTask(() => 1));
isExactly<ProcessFuture<number>>()(executor.createProcessTask(async (text: string) => text.length, "abc"));
// @ts-expect-error the parameter says number
executor.createProcessTask((value: number) => value, "1");

// Views have the same calls with the same types.
const view = executor.with({ timeoutMs: 1000, name: "sum", signal: AbortSignal.timeout(5000) });
isExactly<ProcessFuture<number>>()(view.createProcessTask(add, 1, 2));
isExactly<ProcessFuture<Buffer>>()(view.submit(load, "a.txt"));
// @ts-expect-error a string is no number
view.createProcessTask(add, 1, "2");
// @ts-expect-error no such option
executor.with({ timeout: 1000 });
// @ts-expect-error milliseconds are a number
executor.with({ timeoutMs: "1s" });
// @ts-expect-error a plain pool's views have no tasks
pool.with({}).createProcessTask(add, 1, 2);
