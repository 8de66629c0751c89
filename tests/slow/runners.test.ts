/** Programs as people start them: each sends functions by value and by reference to a worker, from an awkward path. */

import assert from "node:assert/strict";
import path from "node:path";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { ProgramFolder } from "../testlibraries/program-folder.js";
import { TSX_COMMAND } from "../testlibraries/program-folder.js";
import type { RunOptions } from "../testlibraries/program-folder.js";

const stripsTypes = Boolean((process.features as { readonly typescript?: unknown }).typescript);

const LIBRARY = `(count: number) { return [currentTask().name, count * 2, basename("/a/b")]; }`;
const MODULE_LIBRARY = `
  import { basename } from "node:path";
  import { currentTask } from "asynccpu";
  export function ofModule${LIBRARY}
`;
const COMMONJS_LIBRARY = `
  const { basename } = require("node:path");
  const { currentTask } = require("asynccpu");
  exports.ofCommonjs = function ofCommonjs${LIBRARY};
`;

/** `fail` must stay the fourth line of the programs: its place in the file is looked at. */
const FUNCTIONS = `
  function fail(): never { throw new RangeError("expected"); }
  let calls: number = 0;
  function countUp(): number { calls += 1; return calls; }
  const base = 40;
  class Shape { count: number; constructor(count: number) { this.count = count; } area() { return this.count + base; } }
  async function byValue(count: number) {
    const again = await import("./library.mjs");
    countUp();
    return [currentTask().name, new Shape(count).area(), basename("/a/b"), again.ofModule(3)[1], countUp() + calls];
  }
  async function main(others: any[]) {
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    try {
      for (const fn of [byValue, ...others]) console.log(JSON.stringify(await executor.createProcessTask(fn, 2)));
      const stacks: string[] = [];
      for (const each of [() => fail(), () => executor.createProcessTask(fail)]) {
        try { await each(); } catch (error: any) { stacks.push(error.stack); }
      }
      // Without the folder, which is a path or a URL: the file's name, line and column.
      const [here, there] = stacks.map((stack) => stack.split("\\n")[1].replace(/^.*[/(\\\\]|\\)$/g, ""));
      console.log(here === there ? "same place" : here + " is not " + there);
    } finally {
      await executor.shutdown();
    }
  }
`;
const MODULE_HEAD = `
  import { ProcessTaskPoolExecutor, currentTask } from "asynccpu"; import { basename } from "node:path";
  import { ofModule } from "./library.mjs"; import library from "./library.cjs";`;
const MODULE_MAIN = `${MODULE_HEAD}${FUNCTIONS} await main([ofModule, library.ofCommonjs]);`;
const COMMONJS_HEAD = `
  const { ProcessTaskPoolExecutor, currentTask } = require("asynccpu"); const { basename } = require("node:path");
  const { ofCommonjs } = require("./library.cjs");`;
const COMMONJS_MAIN = `
  ${COMMONJS_HEAD}${FUNCTIONS} import("./library.mjs").then(({ ofModule }) => main([ofModule, ofCommonjs]));`;

/** Takes away the types: the same program in JavaScript. */
function untyped(text: string): string {
  return text
    .replaceAll(/: (?:number|never|any(?:\[\])?|string\[\])(?=[ ,);])/g, "")
    .replaceAll("count; constructor", "constructor");
}

/** Has the program use the libraries in TypeScript. */
function ofTypeScript(text: string): string {
  return text.replaceAll("library.mjs", "library.mts").replaceAll("library.cjs", "library.cts");
}

const EXPECTED = ['["byValue",42,"b",6,4]', '["ofModule",4,"b"]', '["ofCommonjs",4,"b"]'];

describe("functions travel by value and by reference", () => {
  const folder = new ProgramFolder("wörk 100%20 done é");
  const inModule = path.join("module", "main.ts");
  folder.linkPackage();
  folder.write({
    "library.mjs": untyped(MODULE_LIBRARY),
    "library.cjs": untyped(COMMONJS_LIBRARY),
    "library.mts": MODULE_LIBRARY,
    "library.cts": COMMONJS_LIBRARY,
    "main.mjs": untyped(MODULE_MAIN),
    "main.cjs": untyped(COMMONJS_MAIN),
    "without-extension": untyped(COMMONJS_MAIN),
    "main.mts": ofTypeScript(MODULE_MAIN),
    "main.cts": ofTypeScript(COMMONJS_MAIN),
    "main.ts": ofTypeScript(COMMONJS_MAIN),
    "module/package.json": '{ "type": "module" }',
    [inModule]: MODULE_MAIN.replaceAll("./library", "../library"),
    "pool.test.mjs": `
      import { test } from "node:test";
      ${untyped(MODULE_MAIN).replace("await main(", 'test("a pool", () => main(').replace(/;\s*$/, ");")}
    `,
  });
  after(() => folder[Symbol.dispose]());

  const cases: readonly [name: string, args: readonly string[], options?: RunOptions & { skip?: boolean }][] = [
    ["from an ES module", ["main.mjs"]],
    ["from a CommonJS module", ["main.cjs"]],
    ["from a file without extension", ["without-extension"]],
    ["with node -e", ["-e", untyped(COMMONJS_MAIN)]],
    ["with node --input-type=module -e", ["--input-type=module", "-e", untyped(MODULE_MAIN)]],
    ["with the program on the standard input", ["-"], { input: untyped(COMMONJS_MAIN) }],
    ["with a module on the standard input", ["--input-type=module"], { input: untyped(MODULE_MAIN) }],
    ["under Node's own type stripping, from an .mts file", ["main.mts"], { skip: !stripsTypes }],
    ["under Node's own type stripping, from a .cts file", ["main.cts"], { skip: !stripsTypes }],
    ["under Node's own type stripping, from a .ts file", [inModule], { skip: !stripsTypes }],
    ["under tsx, from an .mts file", [TSX_COMMAND, "main.mts"]],
    ["under tsx, from a .cts file", [TSX_COMMAND, "main.cts"]],
    ["under tsx, from a .ts file of a CommonJS package", [TSX_COMMAND, "main.ts"]],
    ["under tsx, from a .ts file of an ES module package", [TSX_COMMAND, inModule]],
  ];
  for (const [name, args, { skip = false, ...options } = {}] of cases) {
    test(name, { skip }, () => {
      const { stdout, stderr, status } = folder.run(args, options);
      assert.deepEqual([stderr, status], ["", 0]);
      assert.deepEqual(stdout.trimEnd().split("\n"), [...EXPECTED, "same place"]);
    });
  }

  test("from a test of node --test, whose flags are not for workers", () => {
    const { stdout, status } = folder.run(["--test", "pool.test.mjs"]);
    assert.equal(status, 0, stdout);
    for (const line of EXPECTED) assert.ok(stdout.includes(line), stdout);
  });
});
