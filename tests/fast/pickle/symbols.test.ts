/** Symbols that are in no registry, and objects of the language that have no global name. */

import { deepStrictEqual } from "node:assert/strict";
import { match } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import { throws } from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";

import { ProcessPoolExecutor } from "asynccpu";

import { FunctionNotPicklableError } from "../../../src/errors.js";
import { pickleFunction } from "../../../src/pickle/pickle-function.js";
import { PickleChild } from "../../fixtures/pickle-child/pickle-child.js";
import { ProgramFolder } from "../../testlibraries/program-folder.js";

const STATE = Symbol("state");
const NAMELESS = Symbol();
const kinds = { open: Symbol("open"), closed: Symbol("closed") };

class Account {
  readonly [STATE]: { balance: number };

  constructor(balance: number) {
    this[STATE] = { balance };
  }

  read(): number {
    return this[STATE].balance;
  }

  [NAMELESS](): string {
    return "nameless";
  }
}

const account = new Account(5);
const door = { kind: kinds.open, [NAMELESS]: 1 };
const slot = globalThis as { keptByPickleSymbols?: symbol };

const TypedArray = Object.getPrototypeOf(Uint8Array) as { readonly prototype: object };
const AsyncFunction = (async () => {}).constructor;
const GeneratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf((function* () {})())) as object;

describe("a symbol that is in no registry", () => {
  const child = new PickleChild();
  after(() => child.end());

  for (const generations of [0, 2]) {
    it(`is one symbol for all that the function captures, after ${generations} more generations`, async () => {
      const check = (): unknown => [
        account.read(),
        account[STATE].balance,
        account[NAMELESS](),
        door.kind === kinds.open,
        door.kind === kinds.closed,
        door[NAMELESS],
        [STATE.description, NAMELESS.description, kinds.open.toString()],
      ];
      const expected = [5, 5, "nameless", true, false, 1, ["state", undefined, "Symbol(open)"]];
      const [value] = await child.callPayload(pickleFunction(check).payload, [[]], { generations });
      deepStrictEqual(value, expected);
    });
  }

  it("is one symbol for all functions of a worker", async () => {
    await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    await executor.submit(() => {
      slot.keptByPickleSymbols = STATE;
    });
    strictEqual(await executor.submit(() => slot.keptByPickleSymbols === STATE), true);
    strictEqual(await executor.submit((value: number) => [slot.keptByPickleSymbols === STATE, value][0], 1), true);
  });

  it("gives the same pickle each time", () => {
    const fn = (): unknown => [STATE, kinds.open];
    deepStrictEqual(pickleFunction(fn).payload, pickleFunction(fn).payload);
  });

  it("is refused as a key that no code of the pickle knows", () => {
    const stranger = { [Symbol("inner")]: 1, name: "x" };
    throws(
      () => pickleFunction(() => stranger),
      (error: unknown) => {
        if (!(error instanceof FunctionNotPicklableError)) return false;
        const [{ variable, problem, advice } = { variable: "", problem: "", advice: "" }] = error.problems;
        strictEqual(variable, "stranger[Symbol(inner)]");
        match(problem, /nothing that is sent knows Symbol\(inner\)/);
        match(advice, /inside the task/);
        return error.problems.length === 1;
      },
    );
  });

  it("is that of the module that gave it", () => {
    using folder = new ProgramFolder();
    folder.linkPackage();
    folder.write({
      "kinds.cjs": `const NOTHING = Symbol("nothing");
        exports.NOTHING = NOTHING;
        exports.isNothing = (value) => value === NOTHING;`,
      "main.cjs": `const { NOTHING, isNothing } = require("./kinds.cjs");
        const { ProcessPoolExecutor } = require("asynccpu");
        const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
        executor.submit(() => [isNothing(NOTHING), isNothing(Symbol("nothing"))])
          .then((value) => console.log(JSON.stringify(value)))
          .finally(() => executor.shutdown());`,
    });
    const { stdout, stderr } = folder.run(["main.cjs"]);
    strictEqual(stdout, "[true,false]\n", stderr);
  });
});

describe("an object of the language without a global name", () => {
  const child = new PickleChild();
  after(() => child.end());

  it("is the worker's own", async () => {
    const check = (): unknown => [
      Object.getPrototypeOf(Float32Array) === TypedArray,
      Object.prototype.isPrototypeOf.call(TypedArray.prototype, new Uint8Array(1)),
      (async () => {}) instanceof AsyncFunction,
      Object.prototype.isPrototypeOf.call(GeneratorPrototype, (function* () {})()),
    ];
    deepStrictEqual(await child.call(check), [true, true, true, true]);
  });
});
