/** A worker thread's file is its main module: no worker process may run it again. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ProgramFolder } from "../testlibraries/program-folder.js";

const THREAD = `
import { writeSync } from "node:fs";

import { ProcessTaskPoolExecutor } from "asynccpu";
import { double } from "./helper.mjs";

writeSync(1, "top level\\n");

export function increment(x) {
  return x + 1;
}

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
const results = await Promise.all([
  executor.createProcessTask(increment, 1),
  executor.createProcessTask(double, 5),
  executor.createProcessTask(() => increment(double(7))),
]);
writeSync(1, "results " + results + "\\n");
await executor.shutdown();
`;

const FILES = {
  "thread.mjs": THREAD,
  "helper.mjs": "export function double(x) {\n  return 2 * x;\n}\n",
  "main.mjs":
    'import { Worker } from "node:worker_threads";\nnew Worker(new URL("./thread.mjs?query", import.meta.url));\n',
};

for (const args of [["main.mjs"], ["-e", 'new (require("node:worker_threads").Worker)("./thread.mjs")']]) {
  test(`functions of a thread's file, started by node ${args[0]}, travel without running the file again`, () => {
    using folder = new ProgramFolder();
    folder.write(FILES);
    folder.linkPackage();
    // Were the file run again in each worker, this would start processes without end.
    const { stdout, stderr } = folder.run(args);
    assert.equal(stdout, "top level\nresults 2,10,15\n", stderr);
  });
}

test("functions of a thread without a file travel, too", () => {
  using folder = new ProgramFolder();
  folder.write({
    "main.mjs": `
      import { Worker } from "node:worker_threads";
      const text = \`(async () => {
        const { ProcessTaskPoolExecutor } = await import("asynccpu");
        const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
        function increment(x) { return x + 1; }
        console.log("result " + await executor.createProcessTask(increment, 1));
        await executor.shutdown();
      })()\`;
      new Worker(text, { eval: true });
    `,
  });
  folder.linkPackage();
  const { stdout, stderr } = folder.run(["main.mjs"]);
  assert.equal(stdout, "result 2\n", stderr);
});

for (const [name, command] of [
  ["an ES module", ["main.mjs", "--option", "value"]],
  ["a CommonJS module", ["--no-warnings", "main.cjs"]],
  ["a folder", ["folder"]],
] as const) {
  test(`what the program's main file exports travels from a thread without running the file again: ${name}`, () => {
    using folder = new ProgramFolder();
    const body = `
      if (isMainThread) {
        console.log("main runs");
        new Worker(THREAD);
      }
    `;
    const thread = (load: string): string => `
      import { ProcessTaskPoolExecutor } from "asynccpu";
      ${load}
      const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
      console.log("result " + await executor.createProcessTask(increment, 1));
      await executor.shutdown();
    `;
    const commonjs = `
      const { isMainThread, Worker } = require("node:worker_threads");
      exports.increment = function increment(x) { return x + 1; };
      ${body.replace("THREAD", 'require("node:path").join(__dirname, "thread.mjs")')}
    `;
    folder.write({
      "main.mjs": `
        import { isMainThread, Worker } from "node:worker_threads";
        export function increment(x) { return x + 1; }
        ${body.replace("THREAD", 'new URL("./thread-of-module.mjs", import.meta.url)')}
      `,
      "main.cjs": commonjs,
      "folder/index.js": commonjs,
      "thread-of-module.mjs": thread('import { increment } from "./main.mjs";'),
      "thread.mjs": thread('import main from "./main.cjs"; const { increment } = main;'),
      "folder/thread.mjs": thread('import main from "./index.js"; const { increment } = main;'),
    });
    folder.linkPackage();
    const { stdout, stderr } = folder.run(command);
    assert.equal(stdout, "main runs\nresult 2\n", stderr);
  });
}
