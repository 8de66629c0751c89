/** Arrow functions that use the `this` of the function around them. */

import { deepStrictEqual } from "node:assert/strict";
import { match } from "node:assert/strict";
import { ok } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import inspector from "node:inspector";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";
import { createContext } from "node:vm";
import { runInContext } from "node:vm";

import { FunctionNotPicklableError } from "../../src/errors.js";
import type { PickleProblem } from "../../src/errors.js";
import { pickleFunction } from "../../src/pickle/pickle-function.js";
import { PickleChild } from "../fixtures/pickle-child/pickle-child.js";

let ran = 0;
function run(value: number): number {
  ran += 1;
  return value;
}

/** Each member is an arrow function that would count if any of it ran. */
class Counter {
  readonly factor = 3;
  readonly field = (value: number): number => run(value) * this.factor;
  readonly later = async (value: number): Promise<number> => Promise.resolve(run(value) + this.factor);
  readonly loop = (): number => {
    for (;;) if (run(1) > 0) return this.factor;
  };
  readonly caught = (): number => {
    try {
      return run(this.factor);
    } catch {
      return run(-1);
    } finally {
      run(0);
    }
  };
  readonly assigns = (): number => {
    ran += 1;
    return this.factor;
  };
  readonly defaults = (
    first = run(1),
    [second = run(2), ...rest]: (number | undefined)[] = [run(3)],
    { a: { b = run(4) } = { b: run(5) } } = {},
  ) => [first, second, rest.length, b, this.factor];
  readonly inner = () => [1, 2].map((each) => each * this.factor);
  static readonly own = (): string => this.name;
  method(word: string) {
    return () => `${word} ${this.factor}`;
  }
}

function problemsOf(fn: unknown): readonly PickleProblem[] {
  try {
    pickleFunction(fn);
  } catch (error) {
    ok(error instanceof FunctionNotPicklableError);
    return error.problems;
  }
  return [];
}

describe("an arrow function that uses this", () => {
  const child = new PickleChild();
  after(() => child.end());
  const counter = new Counter();
  function makesArrow(this: unknown): () => unknown {
    return () => this;
  }
  const of = (value: unknown): (() => unknown) => Reflect.apply(makesArrow, value, []);

  const cases: readonly [name: string, fn: (...args: never[]) => unknown, args: unknown[], expected: unknown][] = [
    ["a field", counter.field, [2], 6],
    ["an async field", counter.later, [2], 5],
    ["one that begins with a loop", counter.loop, [], 3],
    ["one that begins with try", counter.caught, [], 3],
    ["one that begins with an assignment", counter.assigns, [], 3],
    ["one with initialisers of parameters", counter.defaults, [], [1, 3, 0, 5, 3]],
    ["an arrow in an arrow", counter.inner, [], [3, 6]],
    ["one of a method", counter.method("word"), [], "word 3"],
    ["one of a static field", Counter.own, [], "Counter"],
    ["a primitive", of("text"), [], "text"],
    ["nothing", of(undefined), [], undefined],
    ["null", of(null), [], null],
    ["a bound one", counter.field.bind(null, 4), [], 12],
  ];
  for (const generations of [0, 2]) {
    for (const [name, fn, args, expected] of cases) {
      it(`takes it along: ${name}, after ${generations} more generations`, async () => {
        const before = ran;
        const { payload } = pickleFunction(fn);
        strictEqual(ran, before, "something of the function ran in this process");
        deepStrictEqual(await child.callPayload(payload, [args], { generations }), [expected]);
      });
    }
  }

  it("works as before in this process, and is called when it is called", async () => {
    const before = ran;
    pickleFunction(counter.field);
    strictEqual(counter.field(2), 6);
    strictEqual(await counter.later(1), 4);
    strictEqual(ran, before + 2);
  });

  it("may be of another realm", async () => {
    const fn = runInContext("(function () { return (x) => x + this.y; }).call({ y: 1 })", createContext({})) as never;
    deepStrictEqual(await child.callPayload(pickleFunction(fn).payload, [[2]]), [3]);
  });

  it("is not called where something of it would run: computed keys of parameters", () => {
    const before = ran;
    const fn = function (this: unknown) {
      return ({ [run(1)]: first }: Record<number, number>) => [first, this];
    }.call(counter);
    const [problem, ...others] = problemsOf(fn);
    deepStrictEqual(others, []);
    match(problem?.problem ?? "", /can't be read \(because of computed keys/);
    match(problem?.position ?? "", /pickle-arrow-this\.test\.(?:js|ts):\d+:\d+$/);
    strictEqual(ran, before);
  });

  it("says which part of it can't be sent", () => {
    const holder = { config: { promise: Promise.resolve(1) }, fn: (): unknown => undefined };
    holder.fn = function (this: typeof holder) {
      return () => this.config;
    }.call(holder);
    const [problem] = problemsOf(holder.fn);
    match(problem?.variable ?? "", /\(this\)\.config\.promise$/);
  });

  it("leaves a debugger of the user's alone", () => {
    const session = new inspector.Session();
    session.connect();
    const seen: string[] = [];
    try {
      session.on("Debugger.paused", () => seen.push("paused"));
      session.post("Debugger.enable");
      session.post("Debugger.setPauseOnExceptions", { state: "all" });
      pickleFunction(new Counter().field);
      deepStrictEqual(seen, []);
      // It still is at work: its own breakpoint holds.
      session.post("Runtime.evaluate", { expression: "debugger" });
      deepStrictEqual(seen, ["paused"]);
    } finally {
      session.disconnect();
    }
  });

  it("still takes no arguments, super or new.target from around it", () => {
    class Derived extends Counter {
      lexicalSuper(): () => unknown {
        return () => super.method("x");
      }
    }
    function outer(..._: number[]): () => unknown {
      return () => [arguments.length, new.target];
    }
    match(problemsOf(new Derived().lexicalSuper())[0]?.problem ?? "", /takes super/);
    deepStrictEqual(
      problemsOf(outer(1)).map(({ problem }) => /takes (\S+)/.exec(problem)?.[1]),
      ["arguments", "new.target"],
    );
  });
});
