/** What richer values are to the compiler. Compiled, never run. */

import { decodeInstance } from "../../src/index.js";
import { encodeInstance } from "../../src/index.js";
import { isExactly } from "./assert-type.js";
import { registerClass } from "../../src/index.js";
import type { ProcessFuture } from "../../src/index.js";
import type { ProcessPoolExecutor } from "../../src/index.js";

declare const executor: ProcessPoolExecutor;

class Point {
  readonly x: number;
  readonly y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
}

abstract class Shape {
  abstract readonly area: number;
}

class Account {
  readonly #cents: bigint;
  constructor(cents: bigint) {
    this.#cents = cents;
  }
  static [encodeInstance](account: Account): { cents: bigint } {
    return { cents: account.#cents };
  }
  static [decodeInstance](plain: { cents: bigint }): Account {
    return new this(plain.cents);
  }
}

registerClass(Point);
registerClass(Shape);
registerClass(Account, { name: "app.Account" });
registerClass(Point, {});
registerClass(Point, { name: undefined });
// @ts-expect-error an instance
registerClass(new Point(1, 2));
// @ts-expect-error a function that is no class
registerClass((x: number) => x);
// @ts-expect-error the name is a text
registerClass(Point, { name: 5 });
// @ts-expect-error no such option
registerClass(Point, { tag: "x" });

// Classes, functions, streams and signals keep their types on both sides.
declare function move(point: Point): Point;
isExactly<ProcessFuture<Point>>()(executor.submit(move, new Point(1, 2)));
declare function apply(fn: (value: number) => string, value: number): string;
isExactly<ProcessFuture<string>>()(executor.submit(apply, String, 1));
// @ts-expect-error a function of another type
void executor.submit(apply, (value: string) => value, 1);
declare function pack(stream: ReadableStream<Uint8Array>, signal: AbortSignal): ReadableStream<Uint8Array>;
isExactly<ProcessFuture<ReadableStream<Uint8Array>>>()(
  executor.submit(pack, new ReadableStream<Uint8Array>(), AbortSignal.abort()),
);
