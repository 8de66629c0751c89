import { deepStrictEqual } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import { execFile } from "node:child_process";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { PickleChild } from "../../fixtures/pickle-child/pickle-child.js";

const run = promisify(execFile);

interface Printed {
  readonly mainUrl: string;
  readonly payloads: Readonly<Record<string, string>>;
}

const pickler = new URL("../../../src/pickle/pickle-function.js", import.meta.url).href;

async function runProgram(file: URL, execArgv: readonly string[] = []): Promise<unknown> {
  const { stdout } = await run(process.execPath, [...execArgv, fileURLToPath(file), pickler]);
  return JSON.parse(stdout);
}

/** The source folder: these programs are run as they were written. */
function sourceOf(path: string): URL {
  return new URL(`../../../../tests/fixtures/${path}`, import.meta.url);
}

describe("a function of a CommonJS program", () => {
  const child = new PickleChild();
  after(() => child.end());
  const program = runProgram(sourceOf("pickle-programs/commonjs-main.cjs"));

  async function call(name: string, generations = 0): Promise<unknown> {
    const { payloads, mainUrl } = (await program) as Printed;
    const payload = Buffer.from(payloads[name] ?? "", "base64");
    const [value] = await child.callPayload(payload, [[]], { mainUrl, generations });
    return value;
  }

  for (const generations of [0, 2]) {
    it(`uses required modules however the compiler wrote them, after ${generations} more generations`, async () => {
      const expected = ["0cc1", true, "function", "hello", "b!", "c!", "p: x", "log: y", 5];
      deepStrictEqual(await call("imports", generations), expected);
    });

    it(`knows require, __filename and __dirname, after ${generations} more generations`, async () => {
      deepStrictEqual(await call("names", generations), [true, true, "commonjs-main.cjs", "hello"]);
    });
  }

  it("shares a variable that it assigns to", async () => {
    deepStrictEqual(await call("state"), [1, 2, 2]);
  });

  it("stays sloppy where it was sloppy", async () => {
    strictEqual(await call("sloppy"), "object");
  });
});

describe("a function of a program run by tsx", () => {
  it("works by value, by reference and pickled again", async () => {
    const printed = await runProgram(sourceOf("pickle-programs/typescript-main.ts"), ["--import", "tsx"]);
    const { byValue, byReference, nested, mainUrl } = printed as Record<string, unknown>;
    deepStrictEqual(byValue, ["d3d9", "shape 3 sides Blue", 4, mainUrl]);
    strictEqual(byReference, 8);
    strictEqual(nested, "shape 1 side Blue");
  });
});

describe("a function of an evaluated program", () => {
  const child = new PickleChild();
  after(() => child.end());
  for (const type of ["module", "commonjs"]) {
    it(`works with --input-type=${type}`, async () => {
      const code = `
        const base = 3;
        function add(x) { return x + base; }
        import(${JSON.stringify(pickler)}).then(({ pickleFunction }) => {
          console.log(Buffer.from(pickleFunction((x) => [add(x), typeof process]).payload).toString("base64"));
        });
      `;
      const { stdout } = await run(process.execPath, [`--input-type=${type}`, "-e", code]);
      deepStrictEqual(await child.callPayload(Buffer.from(stdout, "base64"), [[4]]), [[7, "object"]]);
    });
  }
});
