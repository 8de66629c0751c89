/** The package as it is shipped, through both of its faces: one library in every mixture. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { parse } from "acorn";

import { CHECKOUT } from "../testlibraries/program-folder.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";

const DIST = path.join(CHECKOUT, "dist");

/** The same in all forms of a program: what a task sees of the library is what its worker runs. */
const BODY = `
  async function main(imported, required) {
    const { ProcessTaskPoolExecutor, currentTask, CancelledError } = imported;
    const names = Object.keys(required).filter((name) => imported[name] !== required[name]);
    if (names.length > 0 || Object.keys(imported).length < 40) throw new Error("two copies: " + names);
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    try {
      const task = executor.with({ name: "mixed" }).createProcessTask(async () => {
        const [inside, again] = [await import("asynccpu"), require("asynccpu")];
        const nested = new again.ProcessPoolExecutor({ maxWorkers: 1 });
        const sum = await nested.submit((a, b) => a + b, 1, 2);
        await nested.shutdown();
        return [
          inside.currentTask().name, again.currentTask().name, currentTask().name, sum,
          inside.getLogger === again.getLogger, again.CancelledError === CancelledError,
        ];
      });
      console.log(JSON.stringify(await task));
      const error = await executor.createProcessTask(function fail() { throw new CancelledError("no"); }).catch((e) => e);
      const ownFrames = error.stack.match(/.*[/\\\\](?:dist|src)[/\\\\].*/g);
      console.log(error instanceof required.CancelledError, ownFrames);
    } finally {
      await executor.shutdown();
    }
  }
`;
const PRINTED = ['["mixed","mixed","mixed",3,true,true]', "true null"];

describe("import and require give one library", () => {
  const folder = new ProgramFolder();
  folder.linkPackage();
  const asModule = `
    import * as imported from "asynccpu";
    import { createRequire } from "node:module";
    const require = createRequire(import.meta.url);
    ${BODY}
    await main(imported, require("asynccpu"));
  `;
  folder.write({
    "module.mjs": asModule,
    "default.js": asModule,
    "commonjs.cjs": `${BODY} import("asynccpu").then((imported) => main(imported, require("asynccpu")));`,
    "folder.cjs": `${BODY} import("asynccpu").then((imported) => main(imported, require("./node_modules/asynccpu")));`,
  });
  after(() => folder[Symbol.dispose]());

  const defaultType = "--experimental-default-type=module";
  const noDefaultType = !process.allowedNodeEnvironmentFlags.has("--experimental-default-type");
  const runs: readonly [name: string, args: readonly string[], skip?: boolean][] = [
    ["in an ES module", ["module.mjs"]],
    ["in CommonJS", ["commonjs.cjs"]],
    ["required by its folder", ["folder.cjs"]],
    ["with source maps", ["--enable-source-maps", "module.mjs"]],
    ["beside a preload", ["--import", "data:text/javascript,", "module.mjs"]],
    ["with ES modules as the default", [defaultType, "default.js"], noDefaultType],
    ["with ES modules as the default, in CommonJS", [defaultType, "commonjs.cjs"], noDefaultType],
  ];
  for (const [name, args, skip = false] of runs) {
    test(name, { skip }, () => {
      const { stdout, stderr, status } = folder.run(args);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.deepEqual(stdout.trimEnd().split("\n"), PRINTED);
    });
  }
});

describe("the shipped files", () => {
  test("load nothing in a worker but what it runs, until it is needed", () => {
    using folder = new ProgramFolder();
    folder.linkPackage();
    folder.write({
      "loaded.cjs": `
        const { ProcessPoolExecutor } = require("asynccpu");
        const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
        executor.submit(() => Object.keys(require.cache)).then(async (files) => {
          console.log(files.map((file) => require("node:path").basename(file)).sort().join(" "));
          await executor.shutdown();
        });
      `,
    });
    const { stdout, stderr } = folder.run(["loaded.cjs"]);
    assert.deepEqual([stdout, stderr], ["shared.cjs worker.cjs\n", ""]);
  });

  test("load nothing in a program but what it uses", () => {
    using folder = new ProgramFolder();
    folder.linkPackage();
    folder.write({
      "loaded.cjs": `
        const { ProcessPoolExecutor, moduleTask } = require("asynccpu");
        const { basename, join } = require("node:path");
        const said = [];
        const say = () => {
          const files = Object.keys(require.cache).map((file) => basename(file)).filter((name) => name !== "loaded.cjs");
          const builtins = ["child_process", "crypto", "inspector", "net", "v8"];
          const loaded = builtins.filter((name) => process.moduleLoadList.includes("NativeModule " + name));
          console.log([...files, ...loaded].sort().join(" "));
        };
        say();
        const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
        say();
        executor.submit(moduleTask(join(__dirname, "task.cjs"), "run")).then(async () => {
          await executor.shutdown();
          say();
        });
      `,
      "task.cjs": "exports.run = () => 1;",
    });
    const { stdout, stderr } = folder.run(["loaded.cjs"]);
    const imported = "core.cjs index.cjs parent.cjs shared.cjs";
    const made = "core.cjs index.cjs net parent.cjs shared.cjs";
    const used = "child_process core.cjs crypto index.cjs inspector net parent.cjs references.cjs shared.cjs v8";
    assert.deepEqual([stdout, stderr], [`${imported}\n${made}\n${used}\n`, ""]);
  });

  test("hold no import(), which Jest refuses", () => {
    const names = readdirSync(DIST).filter((name) => name.endsWith(".cjs"));
    assert.equal(names.length, 12);
    for (const name of names) {
      const program = parse(readFileSync(path.join(DIST, name), "utf8"), { ecmaVersion: "latest" });
      assert.doesNotMatch(JSON.stringify(program), /"type":"ImportExpression"/, name);
    }
  });

  test("have a face for import with all that require gives", async () => {
    const required = createRequire(import.meta.url)(path.join(DIST, "index.cjs")) as object;
    // Reason: the face for import is what is tested.
    const imported = (await import(path.join(DIST, "index.js"))) as object;
    assert.deepEqual(Object.keys(imported).toSorted(), Object.keys(required).toSorted());
  });
});
