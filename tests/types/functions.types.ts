/** Functions of every form, and what their futures are of. Compiled, never run. */

import { currentTask } from "../../src/index.js";
import { isExactly } from "./assert-type.js";
import type { IsAny } from "./assert-type.js";
import type { ProcessFuture } from "../../src/index.js";
import type { ProcessPoolExecutor } from "../../src/index.js";
import type { ProcessTaskPoolExecutor } from "../../src/index.js";

declare const pool: ProcessPoolExecutor;
declare const executor: ProcessTaskPoolExecutor;

// Type parameters follow from the arguments.
declare function identity<T>(value: T): T;
declare function pair<A, B>(a: A, b: B): Promise<[A, B]>;
declare function mapAll<T, U>(values: readonly T[], change: (value: T) => U): U[];
declare function firstOf<T extends { id: number }>(values: readonly T[]): T | undefined;
isExactly<ProcessFuture<number>>()(pool.submit(identity, 1));
isExactly<ProcessFuture<string>>()(pool.submit(identity, "text" as string));
isExactly<ProcessFuture<[number, string]>>()(pool.submit(pair, 1, "a"));
isExactly<ProcessFuture<string[]>>()(pool.submit(mapAll, [1, 2], (value: number) => String(value)));
isExactly<ProcessFuture<{ id: number; name: string } | undefined>>()(
  executor.createProcessTask(firstOf, [{ id: 1, name: "x" }]),
);
isExactly<ProcessFuture<{ a: number }>>()(pool.submit(structuredClone, { a: 1 }));
for await (const value of pool.map(identity, [1, 2])) isExactly<number>()(value);
// @ts-expect-error what the type parameter must have is missing
pool.submit(firstOf, [{ name: "x" }]);

// Of several signatures, the first that takes the arguments counts.
declare function read(path: string): string;
declare function read(path: string, asBytes: true): Promise<Uint8Array>;
declare function read(from: number, to: number): number[];
declare function narrow(value: string): string;
declare function narrow(value: unknown): unknown;
isExactly<ProcessFuture<string>>()(pool.submit(read, "a"));
isExactly<ProcessFuture<Uint8Array>>()(pool.submit(read, "a", true));
isExactly<ProcessFuture<number[]>>()(pool.submit(read, 1, 2));
isExactly<ProcessFuture<string>>()(executor.createProcessTask(narrow, "a"));
isExactly<ProcessFuture<unknown>>()(executor.createProcessTask(narrow, 1));
isExactly<ProcessFuture<number[]>>()(executor.with({ name: "read" }).createProcessTask(read, 1, 2));
isExactly<ProcessFuture<Uint8Array>>()(pool.with({}).submit(read, "a", true));
// @ts-expect-error no signature takes a null
pool.submit(read, null);
// @ts-expect-error no signature takes a string and a number
pool.submit(read, "a", 1);
// @ts-expect-error no signature takes nothing
executor.createProcessTask(read);

// Of `map`, it is the last one, as everywhere in TypeScript.
for await (const value of pool.map(read, [1], [2])) isExactly<number[]>()(value);
// @ts-expect-error the last signature takes numbers
pool.map(read, ["a"]);
for await (const value of pool.map((path: string) => read(path), ["a"])) isExactly<string>()(value);

// Tuples: readonly ones, optional elements, names.
declare function area(corner: readonly [x: number, y: number]): number;
declare function open(...args: readonly [path: string, flags?: string]): number;
declare function sum(...values: number[]): number;
declare const corner: readonly [number, number];
declare const args: readonly [string, string];
isExactly<ProcessFuture<number>>()(pool.submit(area, corner));
isExactly<ProcessFuture<number>>()(pool.submit(area, [1, 2]));
isExactly<ProcessFuture<number>>()(pool.submit(open, "a"));
isExactly<ProcessFuture<number>>()(pool.submit(open, ...args));
isExactly<ProcessFuture<number>>()(pool.submit(sum));
isExactly<ProcessFuture<number>>()(pool.submit(sum, 1, 2, 3));
// @ts-expect-error a corner too many
pool.submit(area, [1, 2, 3]);
// @ts-expect-error an optional element of a wrong type
pool.submit(open, "a", 1);

// Defaults are optional; parameters of functions on the spot have the types that they say.
isExactly<ProcessFuture<number>>()(pool.submit((x: number, y: number = 2) => x + y, 1));
isExactly<ProcessFuture<number>>()(pool.submit((value) => value, 1));
isExactly<ProcessFuture<string>>()(pool.submit(async ({ name }: { name: string }) => name, { name: "x" }));

// A function that needs a `this` has none in a worker.
declare class Counter {
  static of(this: void, start: number): Counter;
  next(step: number): number;
  own(this: Counter, step: number): number;
}
declare const counter: Counter;
declare function needsThis(this: { base: number }, value: number): number;
declare function needsNoThis(this: void, value: number): number;
isExactly<ProcessFuture<number>>()(pool.submit(needsNoThis, 1));
isExactly<ProcessFuture<Counter>>()(pool.submit(Counter.of, 1));
isExactly<ProcessFuture<number>>()(pool.submit(needsThis.bind({ base: 1 }), 1));
// @ts-expect-error it has no object to be called on
pool.submit(needsThis, 1);
// @ts-expect-error nor has this method
executor.createProcessTask(counter.own, 1);
// @ts-expect-error nor here
pool.map(needsThis, [1]);
// A method that doesn't say so can't be told from a function.
isExactly<ProcessFuture<number>>()(pool.submit(counter.next.bind(counter), 1));

// The abort signal comes from the context: no argument is added to those of the function.
declare function watched(value: number, signal?: AbortSignal): Promise<number>;
isExactly<ProcessFuture<number>>()(pool.submit(watched, 1));
isExactly<ProcessFuture<number>>()(executor.with({ signal: AbortSignal.timeout(1000) }).submit(watched, 1));
isExactly<ProcessFuture<boolean>>()(pool.submit((value: number) => currentTask().signal.aborted || value > 1, 1));

// What comes of it: promises are awaited, however deep; nothing and never stay what they are.
declare function thenable(): PromiseLike<PromiseLike<Date>>;
declare function quits(): Promise<never>;
declare function maybe(): Promise<string> | undefined;
declare function values(count: number): Iterable<number>;
isExactly<ProcessFuture<Date>>()(pool.submit(thenable));
isExactly<ProcessFuture<never>>()(pool.submit(quits));
isExactly<ProcessFuture<string | undefined>>()(pool.submit(maybe));
isExactly<ProcessFuture<void>>()(pool.submit(async () => {}));
isExactly<ProcessFuture<Iterable<number>>>()(pool.submit(values, 1));
isExactly<void>()(await pool.submit(() => {}));

// `any` comes out only where the function itself gives it.
declare function parse(text: string): unknown;
declare function isNotAny<T>(value: T, ...proof: IsAny<T> extends true ? [never] : []): void;
isNotAny(await pool.submit(parse, "1"));
isNotAny(await pool.submit(identity, 1));
isNotAny(await pool.submit(read, "a"));
isNotAny(await executor.createProcessTask(pair, 1, 2));
isNotAny(pool.submit(parse, "1").exception());
isNotAny(await pool.submit(parse, "1").exception());
isNotAny(pool.submit(parse, "1").started);
isNotAny((await pool.map(parse, ["1"]).next()).value);
isNotAny(pool.stats().workers);
isNotAny(pool.warmUp());
isNotAny(executor.runningTasks[0]);
isNotAny(currentTask().signal.reason as unknown);
// @ts-expect-error that the proof can fail
isNotAny(JSON.parse("1"));

// Calls that are wrong in the ways of everyday.
declare function bill(order: number, country: string): Promise<number>;
// @ts-expect-error a promise in place of the function
pool.submit(bill(1, "x"));
// @ts-expect-error the function's arguments in a list
pool.submit(bill, [1, "x"]);
// @ts-expect-error the arguments before the function
pool.submit(1, "x", bill);
// @ts-expect-error a promise as an argument: it is to be awaited first
pool.submit(bill, Promise.resolve(1), "x");
// @ts-expect-error a class is called with `new`
pool.submit(Counter);
// @ts-expect-error the future of a number is none of a string
const wrong: ProcessFuture<string> = pool.submit(bill, 1, "x");
