/** CommonJS modules that export what another one has made, with more added to it, as sharp does. */

import { strictEqual } from "node:assert/strict";
import { test } from "node:test";

import { ProgramFolder } from "../../testlibraries/program-folder.js";

test("a module that adds to what another one exports is the one that a worker loads", () => {
  using folder = new ProgramFolder();
  folder.linkPackage();
  folder.write({
    "constructor.cjs": "module.exports = function Tool() {};",
    "index.cjs": `const Tool = require("./constructor.cjs");
      Tool.kinds = ["a", "b"];
      module.exports = Tool;`,
    "main.cjs": `const tool = require("./index.cjs");
      const { ProcessPoolExecutor } = require("asynccpu");
      const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
      executor.submit(() => tool.kinds)
        .then((value) => console.log(JSON.stringify(value)))
        .finally(() => executor.shutdown());`,
  });
  const { stdout, stderr } = folder.run(["main.cjs"]);
  strictEqual(stdout, '["a","b"]\n', stderr);
});
