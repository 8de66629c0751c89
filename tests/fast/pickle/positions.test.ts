/** Stacks of functions that travel by value: the same file, line and column as in the program itself. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { ChildFailure } from "../../fixtures/pickle-child/pickle-child.js";
import { PickleChild } from "../../fixtures/pickle-child/pickle-child.js";
import { ProgramFolder } from "../../testlibraries/program-folder.js";
import { pickleFunction } from "../../../src/pickle/pickle-function.js";
import { TSX_COMMAND } from "../../testlibraries/program-folder.js";

const pickler = new URL("../../../src/pickle/pickle-function.js", import.meta.url).href;

/** Where the first line of a stack points: `FILE:LINE:COLUMN`. */
function placeIn(stack: string | undefined): string | undefined {
  return /([^(\s]+:\d+:\d+)\)?$/.exec(stack?.split("\n")[1] ?? "")?.[1];
}

function placeHere(fn: () => unknown): string | undefined {
  try {
    fn();
  } catch (error) {
    return placeIn((error as Error).stack);
  }
  return undefined;
}

function fails(): never {
  throw new RangeError("a plain function");
}

// Both on one line, so that the column matters.
// prettier-ignore
const isSecondOnItsLine = [(): number => 1, (): never => { throw new RangeError("an arrow"); }][1] as () => never;

class Base {}

function mix(first: typeof Base, second: typeof Base): typeof Base {
  return second === first ? first : second;
}

class Mixed extends mix(
  Base,

  Base,
) {
  fails(): never {
    throw new RangeError("a method below a superclass of several lines");
  }
}

function failsInMethod(): unknown {
  return new Mixed().fails();
}

let calls = 0;

function counts(): void {
  calls += 1;
}

function failsAfterSharing(): never {
  counts();
  if (calls > 0) throw new RangeError("a function that shares a variable");
  throw new RangeError("not reached");
}

describe("a stack from a worker points at the same place as one from here", () => {
  // Tests run with source maps; a child of them is told by its own flags.
  const child = new PickleChild(process.sourceMapsEnabled ? ["--enable-source-maps"] : []);
  after(() => child.end());

  for (const fn of [fails, isSecondOnItsLine, failsInMethod, failsAfterSharing]) {
    for (const generations of [0, 1, 2]) {
      test(`${fn.name || "an arrow"}, after ${generations} more generations`, async () => {
        const here = placeHere(fn);
        assert.match(here ?? "", process.sourceMapsEnabled ? /pickle.positions\.test\.ts:\d+/ : /\.js:\d+/);
        await assert.rejects(child.callPayload(pickleFunction(fn).payload, [[]], { generations }), (error) => {
          assert.ok(error instanceof ChildFailure);
          assert.equal(placeIn(error.failure.stack), here);
          return true;
        });
      });
    }
  }
});

describe("where functions stand too near to each other, or in each other", () => {
  const child = new PickleChild(["--enable-source-maps"]);
  const plainChild = new PickleChild();
  const folder = new ProgramFolder();
  after(async () => {
    await Promise.all([child.end(), plainChild.end()]);
    folder[Symbol.dispose]();
  });

  function payloadOf(files: Readonly<Record<string, string>>, args: readonly string[]): Buffer {
    folder.write(files);
    const { stdout, stderr } = folder.run(args);
    assert.equal(stderr, "");
    return Buffer.from(stdout, "base64");
  }

  const moved = payloadOf(
    {
      "moved.mts": `
        import { pickleFunction } from ${JSON.stringify(pickler)};
        let calls: number = 0;
        function countUp(): void { calls += 1; }
        function fails(): never { countUp(); throw new RangeError(String(calls)); }
        console.log(Buffer.from(pickleFunction(() => { countUp(); return fails(); }).payload).toString("base64"));
      `,
    },
    [TSX_COMMAND, "moved.mts"],
  );
  // The synthetic function that evaluates `tool` again would have its parameters at column -1.
  const indented = payloadOf(
    {
      "tool.cjs": "module.exports = (factor) => ({ times: (count) => factor * count });",
      "indented.cjs": `
    const tool = require("./tool.cjs")(3);
    import(${JSON.stringify(pickler)}).then(({ pickleFunction }) => {
      console.log(Buffer.from(pickleFunction((count) => tool.times(count)).payload).toString("base64"));
    });
      `,
    },
    ["indented.cjs"],
  );
  test("it is mapped all the same", async () => {
    for (const generations of [0, 1]) {
      await assert.rejects(child.callPayload(moved, [[]], { mainUrl: "file:///main.js", generations }), (error) => {
        assert.ok(error instanceof ChildFailure);
        assert.deepEqual([error.failure.name, error.failure.message], ["RangeError", "2"]);
        assert.match(placeIn(error.failure.stack) ?? "", /moved\.mts:5:52$/);
        return true;
      });
    }
  });

  test("an initialiser that is evaluated again still travels on", async () => {
    for (const generations of [0, 1, 2]) {
      const [value] = await plainChild.callPayload(indented, [[2]], { generations });
      assert.equal(value, 6);
    }
  });
});
