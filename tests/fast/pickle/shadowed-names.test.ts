/** Initialisers that use a name which means something else where the function stands. */

import { strictEqual } from "node:assert/strict";
import { test } from "node:test";

import { ProgramFolder } from "../../testlibraries/program-folder.js";

const PROGRAM = `
  const { ProcessPoolExecutor } = require("asynccpu");
  const factor = { by: 2 };
  const bound = require("./multiply.cjs").bind(null, factor);

  // As bundles by browserify have it; V8 drops the parameters.
  const modules = { "./multiply.cjs": (x) => x + 1, "./twice.cjs": { twice: (x) => x * 2 } };
  const ofBundle = ((require) => { const add = require("./multiply.cjs"); return (x) => add(x); })((id) => modules[id]);
  const member = ((require) => { const f = require("./twice.cjs").twice; return (x) => f(x); })((id) => modules[id]);
  const keep = () => require;

  // A name of what the initialiser means, for something else further in; and the name of a global.
  const inner = (factor) => (x) => [bound(x), factor].join();
  const ofGlobal = ((escape) => { const f = require("./multiply.cjs").bind(null, escape); return (x) => f(x); })({ by: 5 });

  const cases = [ofBundle, member, inner("own"), ofGlobal];
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  (async () => {
    try {
      for (const each of cases) console.log(each(3), await executor.submit(each, 3).catch((error) => error.message));
    } finally {
      await executor.shutdown();
    }
  })();
`;

test("a worker evaluates an initialiser only with the variables that it means", () => {
  using folder = new ProgramFolder();
  folder.linkPackage();
  folder.write({
    "multiply.cjs": "module.exports = function multiply({ by }, x) { return by * x; };",
    "twice.cjs": "exports.twice = (x) => x * 200;",
    "main.cjs": PROGRAM,
  });
  const { stdout, stderr } = folder.run(["main.cjs"]);
  strictEqual(stdout, "4 4\n6 6\n6,own 6,own\n15 15\n", stderr);
});
