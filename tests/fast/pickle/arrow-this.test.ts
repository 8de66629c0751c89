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
import { runInThisContext } from "node:vm";

import { FunctionNotPicklableError } from "../../../src/errors.js";
import type { PickleProblem } from "../../../src/errors.js";
import { pickleFunction } from "../../../src/pickle/pickle-function.js";
import { PickleChild } from "../../fixtures/pickle-child/pickle-child.js";

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

  const bodies = [
    "{ for (const each of [run(1)]) if (each > 0) return this.factor; }",
    "{ for (const each in { [run(1)]: 1 }) return this.factor + each; }",
    "{ for (let i = run(1); i < run(2); i++) return this.factor; }",
    "{ while (run(1)) return this.factor; }",
    "{ do { run(1); } while (run(-1) > 0); return this.factor; }",
    "{ switch (run(1)) { case run(1): return this.factor; } }",
    "{ if (run(1)) return this.factor; }",
    "{ throwing: { if (run(1)) break throwing; } return this.factor; }",
    "{ const { a = run(1), ...rest } = { b: run(2) }; return this.factor + a; }",
    "{ var a = run(1), b = run(2); return this.factor + a + b; }",
    "{ let a; a = run(1); return this.factor; }",
    "{ function hoisted() { return run(1); } return hoisted() + this.factor; }",
    "{ class Local extends run(Object) { own = run(1); } return this.factor; }",
    "{ class Local { [run(1)]() { return this; } } return this.factor; }",
    "{ ; ; run(1); return this.factor; }",
    "{ debugger; run(1); return this.factor; }",
    "{ counted++; return this.factor; }",
    "{ return counted++, this.factor; }",
    "{ return `${run(1)} ${this.factor}`; }",
    "{ return String.raw`${run(1)} ${this.factor}`; }",
    "{ return run(1) ? this.factor : 0; }",
    "{ return [...[run(1)], this.factor]; }",
    "{ return { [run(1)]: this.factor }; }",
    "{ return new Map([[run(1), this.factor]]).size; }",
    "{ return (() => run(1) + this.factor)(); }",
    "{ throw new Error(run(1) + this.factor); }",
    "run(1) + this.factor",
    "(counted++, this.factor)",
    "this.factor + run(1)",
    "this?.factor ?? run(1)",
    "({ a: run(1), b: this.factor })",
    "run(run(run(1))) && this.factor",
    "`${run(1)}${this.factor}`",
  ];
  for (const body of bodies) {
    for (const head of ["() =>", "async (first = run(1), [second = run(2)] = [run(3)]) =>"]) {
      it(`runs nothing of it while it looks: ${head} ${body}`, () => {
        const make = runInThisContext(
          `(run) => { let counted = 0; return [function () { return ${head} ${body}; }, () => counted]; }`,
        ) as (call: typeof run) => [(this: object) => (...args: never[]) => unknown, () => number];
        const [makeArrow, counted] = make(run);
        const [before, countedBefore] = [ran, counted()];
        const arrow = makeArrow.call({ factor: 3 });
        ok(pickleFunction(arrow).payload.length > 0);
        deepStrictEqual([ran, counted()], [before, countedBefore]);
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

  it("is not called where something of it would run: static parts of a class", () => {
    const before = ran;
    const bodies = [
      function (this: unknown) {
        return () => {
          class Local {
            static own = run(1);
          }
          return [Local, this];
        };
      },
      function (this: unknown) {
        return () => [
          class {
            static {
              run(1);
            }
          },
          this,
        ];
      },
    ];
    for (const make of bodies) {
      const problems = problemsOf(Reflect.apply(make, counter, []));
      match(problems[0]?.problem ?? "", /can't be read without running some of it/);
    }
    strictEqual(ran, before);
  });

  it("is not called where something of it would run: computed keys of parameters", () => {
    const before = ran;
    const fn = function (this: unknown) {
      return ({ [run(1)]: first }: Record<number, number>) => [first, this];
    }.call(counter);
    const [problem, ...others] = problemsOf(fn);
    deepStrictEqual(others, []);
    match(problem?.problem ?? "", /can't be read without running some of it/);
    match(problem?.position ?? "", /pickle.arrow-this\.test\.(?:js|ts):\d+:\d+$/);
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
    match(problemsOf(new Derived().lexicalSuper())[0]?.problem ?? "", /uses super/);
    deepStrictEqual(
      problemsOf(outer(1)).map(({ problem }) => /uses (\S+)/.exec(problem)?.[1]),
      ["arguments", "new.target"],
    );
  });
});
