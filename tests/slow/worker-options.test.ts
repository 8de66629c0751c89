/** What a worker's Node takes over from its parent's: loaders, conditions and source maps, but no debugger's port. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { ProgramFolder } from "../testlibraries/program-folder.js";

const MAIN = `
  import inspector from "node:inspector";
  import { ProcessTaskPoolExecutor } from "asynccpu";
  import { byReference } from "./library.mjs";
  const byValue = async () => (await import("conditional")).which;
  const settings = () => [globalThis.isPreloaded === true, process.sourceMapsEnabled, inspector.url() === undefined];
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const fns = [byReference, byValue, settings];
  console.log(JSON.stringify(await Promise.all(fns.map((fn) => executor.createProcessTask(fn)))));
  await executor.shutdown();
`;

describe("a worker", () => {
  const folder = new ProgramFolder("with spaces");
  folder.linkPackage();
  folder.write({
    "main.mjs": MAIN,
    "library.mjs": 'import { which } from "conditional"; export function byReference() { return which; }',
    "preload.mjs": "globalThis.isPreloaded = true;",
    "preload.cjs": "globalThis.isPreloaded = true;",
    "node_modules/conditional/package.json": JSON.stringify({
      exports: { special: "./special.mjs", default: "./default.mjs" },
    }),
    "node_modules/conditional/special.mjs": 'export const which = "special";',
    "node_modules/conditional/default.mjs": 'export const which = "default";',
  });
  after(() => folder[Symbol.dispose]());

  /**
   * What the functions saw: the condition twice, whether something was preloaded, source maps, that no debugger
   * listens.
   */
  type Seen = readonly [string, string, readonly [boolean, boolean, boolean]];
  const PLAIN: Seen = ["default", "default", [false, false, true]];
  const SPECIAL: Seen = ["special", "special", [false, false, true]];
  const PRELOADED: Seen = ["default", "default", [true, false, true]];

  const cases: readonly [name: string, args: readonly string[], nodeOptions: string | undefined, seen: Seen][] = [
    ["nothing special", [], undefined, PLAIN],
    ["conditions", ["--conditions=special"], undefined, SPECIAL],
    ["conditions, as two words", ["--conditions", "special"], undefined, SPECIAL],
    ["conditions, by the letter", ["-C", "special"], undefined, SPECIAL],
    ["conditions of NODE_OPTIONS", [], "--conditions=special", SPECIAL],
    ["--import", ["--import", "./preload.mjs"], undefined, PRELOADED],
    ["--require", ["--require", "./preload.cjs"], undefined, PRELOADED],
    ["--import of NODE_OPTIONS", [], "--import=./preload.mjs", PRELOADED],
    ["source maps", ["--enable-source-maps"], undefined, ["default", "default", [false, true, true]]],
    ["source maps of NODE_OPTIONS", [], "--enable-source-maps", ["default", "default", [false, true, true]]],
    [
      "all of these",
      ["--enable-source-maps", "-C", "special"],
      "--import=./preload.mjs",
      ["special", "special", [true, true, true]],
    ],
  ];
  for (const [name, args, nodeOptions, seen] of cases) {
    test(`has what its parent has: ${name}`, () => {
      const { stdout, stderr } = folder.run([...args, "main.mjs"], { env: { NODE_OPTIONS: nodeOptions } });
      assert.equal(stderr, "");
      assert.deepEqual(JSON.parse(stdout), seen);
    });
  }

  const debuggers: readonly [args: readonly string[], nodeOptions: string | undefined][] = [
    [["--inspect=127.0.0.1:0"], undefined],
    [["--inspect-port=0", "--inspect"], undefined],
    [["--inspect-port", "0", "--inspect"], undefined],
    [[], "--inspect=127.0.0.1:0"],
    [[], "--enable-source-maps --inspect-port 0 --inspect"],
  ];
  for (const [args, nodeOptions] of debuggers) {
    test(`has no port of a debugger: ${args.join(" ")}${nodeOptions ?? ""}`, () => {
      const { stdout, stderr } = folder.run([...args, "main.mjs"], { env: { NODE_OPTIONS: nodeOptions } });
      assert.deepEqual((JSON.parse(stdout) as Seen)[2][2], true);
      assert.equal(stderr.match(/Debugger listening/g)?.length, 1, stderr);
    });
  }
});
