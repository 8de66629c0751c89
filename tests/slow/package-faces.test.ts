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
    assert.deepEqual([stdout, stderr], ["base.cjs shared.cjs worker.cjs\n", ""]);
  });

  test("load nothing in a program but what it uses, and little before it starts a process", () => {
    using folder = new ProgramFolder();
    folder.linkPackage();
    folder.write({
      "loaded.cjs": `
        const { ProcessPoolExecutor } = require("asynccpu");
        const childProcess = require("node:child_process");
        const { basename } = require("node:path");
        const lines = [];
        const look = () => {
          const files = Object.keys(require.cache).map((file) => basename(file)).filter((name) => name !== "loaded.cjs");
          const builtins = ["crypto", "inspector", "v8", "worker_threads"];
          const loaded = builtins.filter((name) => process.moduleLoadList.includes("NativeModule " + name));
          lines.push([...files, ...loaded].sort().join(" "));
        };
        look();
        const executor = new ProcessPoolExecutor();
        const { spawn } = childProcess;
        childProcess.spawn = (...args) => {
          look();
          return spawn(...args);
        };
        executor.submit(() => 1).then(async () => {
          await executor.shutdown();
          look();
          console.log(lines.join("; "));
        });
      `,
    });
    const { stdout, stderr } = folder.run(["loaded.cjs"]);
    const early = "base.cjs index.cjs parent.cjs start.cjs";
    const all =
      "base.cjs core.cjs crypto index.cjs inspector parent.cjs plain.cjs shared.cjs start.cjs v8 worker_threads";
    assert.deepEqual([stdout, stderr], [`${early}; ${early}; ${all}\n`, ""]);
  });

  test("fail the task when they can't be loaded, leave no process, and are tried again", () => {
    using folder = new ProgramFolder();
    folder.linkPackage();
    folder.write({
      "unreadable.cjs": `
        const { once } = require("node:events");
        const childProcess = require("node:child_process");
        const Module = require("node:module");
        const { ProcessPoolExecutor } = require("asynccpu");
        const { _load } = Module;
        Module._load = (name, ...rest) => {
          if (name.endsWith("core.cjs")) throw Object.assign(new Error("No descriptor is left."), { code: "EMFILE" });
          return _load(name, ...rest);
        };
        const { spawn } = childProcess;
        let ended;
        childProcess.spawn = (...args) => {
          const child = spawn(...args);
          ended ??= once(child, "exit");
          return child;
        };
        (async () => {
          const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
          const failed = executor.submit(() => 1);
          Module._load = _load;
          const error = await failed.exception();
          const alive = setTimeout(() => {}, 60_000);
          await ended;
          clearTimeout(alive);
          console.log(error.code, await executor.submit(() => 2));
          await executor.shutdown();
        })();
      `,
    });
    const { stdout, stderr } = folder.run(["unreadable.cjs"]);
    assert.deepEqual([stdout, stderr], ["EMFILE 2\n", ""]);
  });

  test("are found by a task whose working directory is gone", () => {
    using folder = new ProgramFolder();
    folder.linkPackage();
    folder.write({
      "no-folder.mjs": `
        import { ProcessPoolExecutor } from "asynccpu";
        import { mkdirSync, rmdirSync } from "node:fs";
        import { createRequire } from "node:module";
        const require = createRequire(import.meta.url);
        mkdirSync("gone");
        const executor = new ProcessPoolExecutor({ maxWorkers: 1, cwd: "gone" });
        await executor.submit(() => 1);
        rmdirSync("gone");
        const look = async () => [(await import("asynccpu")).isWorker, require("asynccpu").isWorker];
        console.log(...(await executor.submit(look)));
        await executor.shutdown();
      `,
    });
    const { stdout, stderr } = folder.run(["no-folder.mjs"]);
    assert.deepEqual([stdout, stderr], ["true true\n", ""]);
  });

  test("hold no import(), which Jest refuses", () => {
    const names = readdirSync(DIST).filter((name) => name.endsWith(".cjs"));
    assert.equal(names.length, 19);
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

test("an error that nobody catches is seen with its message, and not behind a page of code", () => {
  using folder = new ProgramFolder();
  folder.linkPackage();
  const code = 'import { ProcessTaskPoolExecutor } from "asynccpu"; new ProcessTaskPoolExecutor({ maxWorker: 1 });';
  folder.write({ "misspelt.mjs": code });
  const { stderr, status } = folder.run(["misspelt.mjs"]);
  assert.equal(status, 1);
  const at = stderr.indexOf("maxWorker");
  assert.ok(at !== -1 && at < 1000, stderr.slice(0, 2000));
});
