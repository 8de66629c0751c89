/**
 * Classes that decorators have registered with a package: the worker's copy of the package does not know them, and a
 * warning says so.
 */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { ProgramFolder } from "../../testlibraries/program-folder.js";

const PACKAGE = {
  "node_modules/registrar/package.json": `{ "main": "index.cjs" }`,
  "node_modules/registrar/index.cjs": `
    const known = new Map();
    exports.Field = (kind) => (target, key) => void known.set(target.constructor, [...(known.get(target.constructor) ?? []), key + kind]);
    exports.fieldsOf = (of) => known.get(of) ?? [];
  `,
};

/** What TypeScript, esbuild and swc make of decorators. */
const HELPER = `
  var __decorate = function (decorators, target, key, desc) {
    for (const each of decorators.toReversed?.() ?? decorators) {
      if (key === undefined) target = each(target) ?? target;
      else each(target, key, desc);
    }
    return target;
  };
`;

const CLASSES = `
  let User = class User {};
  __decorate([Field("text"), __metadata("design:type", String)], User.prototype, "name", void 0);
  class Plain {}
  function __metadata(key, value) { return () => {}; }
  function Noted(target) { target.noted = true; }
  let Own = class Own {};
  Own = __decorate([Noted], Own);
`;

const CALLS = `
  const warnings = [];
  process.on("warning", ({ code, message }) => warnings.push(code + " " + message));
  async function main() {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    const results = [];
    const submit = async (fn) => {
      results.push(await executor.submit(fn));
      await new Promise((resolve) => setImmediate(resolve));
      results.push(warnings.splice(0));
    };
    await submit(() => [new User().constructor.name, Own.noted]);
    await submit(() => fieldsOf(Plain).length);
    await submit(() => fieldsOf(User).length);
    await submit(() => fieldsOf(User).length + 0);
    await submit(() => [Own.noted, Reflect.getMetadata === undefined]);
    await executor.shutdown();
    console.log(JSON.stringify(results));
  }
  main();
`;

const MODULE = `
  import { ProcessPoolExecutor } from "asynccpu";
  import { Field, fieldsOf } from "registrar";
  ${HELPER}${CLASSES}${CALLS}
`;

const COMMONJS = `
  const { ProcessPoolExecutor } = require("asynccpu");
  const registrar_1 = require("registrar");
  ${HELPER}${CLASSES.replace("Field(", "(0, registrar_1.Field)(")}
  ${CALLS.replaceAll("fieldsOf(", "(0, registrar_1.fieldsOf)(")}
`;

describe("a class that a package's decorators have registered", () => {
  const folder = new ProgramFolder();
  folder.linkPackage();
  folder.write({ ...PACKAGE, "main.mjs": MODULE, "main.cjs": COMMONJS });
  after(() => folder[Symbol.dispose]());

  for (const file of ["main.mjs", "main.cjs"]) {
    test(`is warned of once, where the task uses the package: ${file}`, () => {
      const { stdout, stderr } = folder.run(["--no-warnings", file]);
      const [plain, none, other, alsoNone, fields, warnings, again, nothing, own, ofOwn] = JSON.parse(
        stdout || "[]",
      ) as unknown[];
      assert.deepEqual([plain, none, other, alsoNone], [["User", true], [], 0, []], stderr);
      assert.deepEqual([fields, again, nothing], [0, 0, []]);
      assert.equal((warnings as string[]).length, 1);
      assert.match(
        String(warnings),
        /^ASYNCCPU_LOST_DECORATORS Decorators have registered the class "User" with registrar in this process only\. .* module of its own/,
      );
      assert.deepEqual(own, [true, true]);
      assert.match(String(ofOwn), /the class "Own" with reflect-metadata/);
    });
  }
});
