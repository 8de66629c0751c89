import { deepStrictEqual } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import { throws } from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";

import { pickleFunction } from "../../../src/pickle/pickle-function.js";
import { PickleChild } from "../../fixtures/pickle-child/pickle-child.js";

// Nobody defines it.
declare const neverDeclared: unknown;

let counter = 0;

function typeOfNow(): string {
  counter += 1;
  return typeof performance.now;
}

class Kept extends Map<string, number> {
  static count(): number {
    counter += 1;
    return new Kept([["a", counter]]).size;
  }
}

function typeOfNothing(): string {
  counter += 1;
  return typeof neverDeclared;
}

/** Two variables that are named like globals, which `raise` shares with the function that is given. */
function makeScores(): () => unknown {
  let Map = 1;
  let performance = { score: 1 };
  const raise = (): void => {
    performance = { score: performance.score + 1 };
    Map += 1;
    counter += 1;
  };
  return () => {
    raise();
    return [performance.score, Map, typeOfNow(), Kept.count(), counter];
  };
}

/** A class whose text is no class anywhere else, as are those of the two below. */
async function makeWithAwait(): Promise<object> {
  return class {
    [await Promise.resolve("next")](): number {
      return ++uses;
    }
  };
}

function* makeWithYield(): Generator<string, object, string> {
  return class {
    [yield "which key?"](): number {
      return ++uses;
    }
  };
}

function makeNamed(): object {
  return class {
    [new.target === undefined ? "next" : "never"](): number {
      return ++uses;
    }
  };
}

let uses = 0;

function countUse(): number {
  return ++uses;
}

const interned = new Map<string, () => number>();

/** Gives the first function of a name, whatever is made later. */
function intern(fn: () => number, name: string): () => number {
  const known = interned.get(name) ?? fn;
  interned.set(name, known);
  return known;
}

function makeInterned(): () => number[] {
  let count = 0;
  const next = intern(() => ++count, "next");
  return () => [next(), count];
}

describe("a function that shares variables with others", () => {
  const child = new PickleChild();
  after(() => child.end());

  it("sees its globals, where a variable of the others has the name of one", async () => {
    const { payload } = pickleFunction(makeScores());
    deepStrictEqual(await child.callPayload(payload, [[], []]), [
      [2, 2, "function", 1, 3],
      [3, 3, "function", 1, 6],
    ]);
    strictEqual(counter, 0);
  });

  it("sees them as well when it is pickled again where it was unpickled", async () => {
    const { payload } = pickleFunction(makeScores());
    deepStrictEqual(await child.callPayload(payload, [[]], { generations: 2 }), [[2, 2, "function", 1, 3]]);
  });

  it("shares nothing with one that another call has made", async () => {
    makeInterned();
    const [next, count] = (await child.call(makeInterned())) as number[];
    deepStrictEqual([next, count], [1, 0]);
  });

  it("is no worse for a class beside it that can't leave the function around it", async () => {
    const { payload } = pickleFunction(countUse);
    deepStrictEqual(await child.callPayload(payload, [[], []]), [1, 2]);
    const yielding = makeWithYield();
    yielding.next();
    const classes = {
      await: await makeWithAwait(),
      yield: yielding.next("next").value,
      "new.target": makeNamed(),
    };
    for (const [name, each] of Object.entries(classes)) {
      const problem = `\\(${name}\\).*: a computed key of the class uses ${name} of the function around it\\. Put the key`;
      throws(() => pickleFunction(each), { name: "FunctionNotPicklableError", message: new RegExp(problem) });
    }
  });

  it("may ask with typeof for what does not exist, by the name of a variable of the others", async () => {
    const make = (): (() => unknown) => {
      let neverDeclared = 1;
      const raise = (): void => {
        neverDeclared += 1;
        counter += 1;
      };
      return () => {
        raise();
        return [typeof neverDeclared, typeOfNothing(), counter];
      };
    };
    deepStrictEqual(await child.call(make()), ["number", "undefined", 2]);
  });
});
