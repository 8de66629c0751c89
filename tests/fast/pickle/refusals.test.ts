import { deepStrictEqual } from "node:assert/strict";
import { match } from "node:assert/strict";
import { ok } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import { throws } from "node:assert/strict";
import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import { describe } from "node:test";
import { it } from "node:test";
import { inspect } from "node:util";
import { runInThisContext } from "node:vm";

import { FunctionNotPicklableError } from "../../../src/errors.js";
import { NotAFunctionError } from "../../../src/errors.js";
import type { PickleProblem } from "../../../src/errors.js";
import { encodeInstance } from "../../../src/index.js";
import { isUnchanged } from "../../testlibraries/is-unchanged.js";
import { pickleFunction } from "../../../src/pickle/pickle-function.js";

function problemsOf(fn: unknown): readonly PickleProblem[] {
  try {
    pickleFunction(fn);
  } catch (error) {
    ok(error instanceof FunctionNotPicklableError);
    strictEqual(error.code, "ASYNCCPU_NOT_PICKLABLE");
    return error.problems;
  }
  return [];
}

class Account {
  #balance = 1;
  get balance(): number {
    return this.#balance;
  }
}

class Bus extends EventEmitter {}

// Nobody defines it.
declare const neverMissed: unknown;

describe("a function that can't be sent", () => {
  const unsendable: readonly [name: string, value: unknown, problem: RegExp][] = [
    ["a socket", new Socket(), /instance of Socket/],
    ["an instance of a class that extends a native one", new Bus(), /instance of Bus, which extends EventEmitter/],
    ["a promise", Promise.resolve(1), /promise/],
    ["a WeakRef", new WeakRef({}), /WeakRef/],
    ["a proxy", new Proxy({}, {}), /Proxy/],
    ["a running generator", (function* () {})(), /generator/],
    ["an iterator", [1].values(), /iterator/],
    ["shared memory", new SharedArrayBuffer(8), /SharedArrayBuffer/],
    ["a stream", process.stdout, /instance of/],
    ["an abort signal", new AbortController().signal, /AbortSignal/],
    ["an object with private fields", new Account(), /private state \(#balance\)/],
    ["a native function", new Intl.NumberFormat().format, /native/],
  ];
  for (const [name, value, problem] of unsendable) {
    it(`names the path to what stands in the way: ${name}`, () => {
      const config = { db: { parts: [0, value] } };
      const [first, ...others] = problemsOf(() => config);
      deepStrictEqual(others, []);
      strictEqual(first?.variable, "config.db.parts[1]");
      match(first.problem, problem);
      ok(first.advice.length > 10);
    });
  }

  it("says where the variable is used, all problems at once", () => {
    const weak = new WeakRef({});
    const socket = new Socket();
    const fn = (): unknown => [
      weak,
      // On a line of its own.
      socket,
    ];
    const problems = problemsOf(fn);
    deepStrictEqual(
      problems.map(({ variable }) => variable),
      ["weak", "socket"],
    );
    for (const { position } of problems) match(position ?? "", /pickle.refusals\.test\.(?:js|ts):\d+:\d+$/);
    const lines = problems.map(({ position }) => Number(position?.split(":").at(-2)));
    strictEqual((lines[1] ?? 0) - (lines[0] ?? 0), 2);
    throws(() => pickleFunction(fn), /socket: an instance of Socket/);
  });

  it("names its own variable first, then that of a function which it uses", () => {
    const socket = new Socket();
    const helper = (): unknown => [{ socket }];
    const service = { deeper: { run: () => helper() } };
    const fn = (): unknown => service.deeper.run();
    const [problem, ...others] = problemsOf(fn);
    strictEqual(others.length, 0);
    strictEqual(problem?.variable, "service.deeper.run");
    match(problem.through ?? "", /^socket \(\S*pickle.refusals\.test\.(?:js|ts):\d+:\d+\)$/);
    const line = Number(problem.position?.split(":").at(-2));
    const innerLine = Number(problem.through?.split(":").at(-2));
    strictEqual(line - innerLine, 2);
    throws(() => pickleFunction(fn), /\n {2}- service\.deeper\.run, through socket \(\S+\): an instance of Socket/);
  });

  it("uses such values in all that it uses: each is named once, with its own place", () => {
    const [one, two, three, four] = [new Socket(), new Socket(), new Socket(), new Socket()];
    const config = { db: { socket: new Socket() } };
    const deepest = (): unknown => [one, one];
    class Uses {
      method = (): unknown => [two, deepest];
      static {
        void (() => typeof neverMissed === "string" && three);
      }
    }
    const helper = (): unknown => [new Uses(), config];
    const fn = (): unknown => [1].map(() => () => [helper(), four.bytesRead]);
    const problems = problemsOf(fn);
    const names = problems.map(({ variable, through = variable }) => through.replace(/ .*/, ""));
    deepStrictEqual(names.toSorted(), ["config.db.socket", "four", "one", "three", "two"]);
    deepStrictEqual([...new Set(problems.map(({ variable }) => variable))].toSorted(), ["four", "helper"]);
    for (const { position } of problems) match(position ?? "", /pickle.refusals\.test\.(?:js|ts):\d+:\d+$/);
    const places = new Set(problems.map(({ through, position }) => through ?? position));
    strictEqual(places.size, problems.length);
  });

  it("may use something that is not initialised yet", () => {
    const fn = (): unknown => [later, new Late()];
    deepStrictEqual(
      problemsOf(fn).map(({ variable, problem }) => [variable, /not initialised/.test(problem)]),
      [
        ["later", true],
        ["Late", true],
      ],
    );
    const later = { a: 1 };
    class Late {}
    deepStrictEqual(problemsOf(fn), []);
  });

  it("may use something whose declaration will give anything: it is refused, or looked at anew at the next submission", () => {
    const read = (): unknown => [called, awaited, part];
    const isRefused = problemsOf(read).length > 0;
    const pickled = isRefused ? undefined : pickleFunction(read);
    const called = Number("7");
    const awaited = called + 1;
    const { part = called } = {} as { part?: number };
    deepStrictEqual(problemsOf(read), []);
    strictEqual(pickled !== undefined && isUnchanged(pickled), false);
  });

  it("may use something that is not initialised yet and can't be undefined, by its syntax", () => {
    const fn = (): unknown => [sum, either, chosen, kind];
    deepStrictEqual(
      problemsOf(fn).map(({ variable }) => variable),
      ["sum", "either", "chosen", "kind"],
    );
    const sum = Number("1") + 1;
    const either = process.env["ASYNCCPU_NOT_SET"] ?? "default";
    const chosen = sum > 1 ? [sum] : null;
    const kind = typeof sum;
    deepStrictEqual(problemsOf(fn), []);
  });

  it("uses a class with a computed key in a variable that nothing else uses: the advice helps", () => {
    const make = (key: string, fetch: string) =>
      class {
        [key](): number {
          return 1;
        }
        static [fetch] = 2;
      };
    const Made = make("a", "b");
    const problems = problemsOf(() => Made);
    deepStrictEqual(
      problems.map(({ variable, through }) => `${variable} ${through?.replace(/ .*/, "")}`),
      ["Made key", "Made fetch"],
    );
    for (const { problem, position } of problems) {
      match(problem, /V8 does not tell what it holds/);
      match(position ?? "", /pickle.refusals\.test\.(?:js|ts):\d+:\d+$/);
    }
    const makeKept = (key: string, fetch: string) =>
      class {
        readonly fetch = fetch;
        [key](): string {
          return key;
        }
        static [fetch] = 2;
      };
    const Kept = makeKept("a", "b");
    deepStrictEqual(
      problemsOf(() => Kept),
      [],
    );
    deepStrictEqual(
      problemsOf(() => make("a", "b")),
      [],
    );
  });

  it("uses a class with a computed key that may be another one in the worker", () => {
    let key = "a";
    let index = 0;
    const call = (): string => "c";
    const keys = { d: "d" };
    class Moved {
      [key](): string {
        return key;
      }
      b(): number {
        return 1;
      }
      [`m${index++}`](): number {
        return index;
      }
      get [keys.d](): unknown {
        return [keys, call];
      }
      static [call()](): void {}
    }
    deepStrictEqual(
      problemsOf(() => Moved).map(({ variable }) => variable),
      ["Moved.[`m${index++}`]", "Moved.[call()]"],
    );
    key = "b";
    keys.d = "e";
    const problems = problemsOf(() => Moved);
    deepStrictEqual(
      problems.map(({ variable }) => variable),
      ["Moved.[key]", "Moved.[`m${index++}`]", "Moved.[keys.d]", "Moved.[call()]"],
    );
    for (const { problem, position } of problems) {
      match(problem, /computed key is evaluated again/);
      match(position ?? "", /pickle.refusals\.test\.(?:js|ts):\d+:\d+$/);
    }
  });

  it("uses a class with the computed key of a field that may be another one in the worker", () => {
    const makeFields = runInThisContext(`() => {
      let key = "a";
      let other = "b";
      const steady = "c";
      class Fields {
        [key] = 1;
        static [other] = 1;
        [steady] = 1;
        static [steady] = 1;
        keep() {
          return [key, other, steady];
        }
      }
      return { Fields, move: () => (key = other = "d") };
    }`) as () => { Fields: unknown; move: () => void };
    const { Fields, move } = makeFields();
    const variables = (): string[] => problemsOf(() => Fields).map(({ variable }) => variable);
    // Which key an instance's field got is not to be seen on the class.
    deepStrictEqual(variables(), ["Fields.[key]"]);
    move();
    deepStrictEqual(variables(), ["Fields.[key]", "Fields.[other]"]);
  });

  it("may use a class with computed keys that stay what they are", () => {
    const name = "steady";
    const name2 = "field";
    const keys = { own: "own", [Symbol.iterator]: "iterator" };
    let other = "other";
    const make = (each: string) =>
      class {
        [each](): string {
          return each + name2;
        }
      };
    class Steady {
      static [encodeInstance](): object {
        return { other };
      }
      static [Symbol.for("test.key")](): void {}
      static [other](): string {
        return other;
      }
      [Symbol.iterator](): Iterator<number> {
        return [1].values();
      }
      [name](): string {
        return name;
      }
      [`${name}_${name2}`](): void {}
      readonly [name2] = 1;
      get [keys.own](): object {
        return keys;
      }
      [inspect.custom](): string {
        return "shown";
      }
      ["literal"](): void {}
      [keys[Symbol.iterator]](): void {}
    }
    other = "other";
    Reflect.deleteProperty(Steady.prototype, "literal");
    Reflect.set(Steady.prototype, "steady", () => "replaced");
    const Made = [make("x"), make("y")];
    deepStrictEqual(
      problemsOf(() => [Steady, Made]),
      [],
    );
  });

  it("takes arguments or super from around it", () => {
    class Base {
      hello(): string {
        return "hello";
      }
    }
    class Derived extends Base {
      lexicalSuper(): () => string {
        return () => super.hello();
      }
    }
    function outer(..._: number[]): () => unknown {
      return () => arguments[0] as unknown;
    }
    const derived = new Derived();
    match(problemsOf(derived.lexicalSuper())[0]?.problem ?? "", /uses super/);
    match(problemsOf(outer(1))[0]?.problem ?? "", /uses arguments/);
    const object = {
      method(): unknown {
        // Reason: TypeScript does not type super in object literals.
        // oxlint-disable-next-line typescript/no-unsafe-call, typescript/no-unsafe-member-access
        return super.valueOf();
      },
    };
    match(problemsOf(object.method)[0]?.problem ?? "", /uses super/);
  });

  it("is not a function at all", () => {
    for (const value of [undefined, null, 1, "text", {}, []]) {
      throws(() => pickleFunction(value), NotAFunctionError);
    }
  });
});
