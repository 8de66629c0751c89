/**
 * The cases of tests/runners/program as Node runs them by itself, from an awkward path, through links, and with tsx.
 */

import { symlinkSync } from "node:fs";
import path from "node:path";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { COMMON_CASES } from "../testlibraries/case-programs.js";
import { COMMONJS_CASES } from "../testlibraries/case-programs.js";
import { CasePrograms } from "../testlibraries/case-programs.js";
import type { CaseRun } from "../testlibraries/case-programs.js";
import { MODULE_CASES } from "../testlibraries/case-programs.js";
import { SYNTAX_CASES } from "../testlibraries/case-programs.js";
import { TSX_COMMAND } from "../testlibraries/program-folder.js";
import { assertAllCasesPassed } from "../testlibraries/case-programs.js";

const stripsTypes = Boolean((process.features as { readonly typescript?: unknown }).typescript);
const noTypes = stripsTypes ? false : "this Node does not strip types";

const inModule = path.join("module", "main-module.js");
const inCommonjs = path.join("commonjs", "main-common.js");

const RUNS: readonly CaseRun[] = [
  { name: "an ES module", args: [inModule], atLeast: MODULE_CASES },
  { name: "a CommonJS program", args: [inCommonjs], atLeast: COMMON_CASES },
  {
    name: "what only CommonJS has",
    args: [path.join("commonjs", "main-commonjs.cjs")],
    atLeast: COMMONJS_CASES,
  },
  {
    name: "Node's own type stripping",
    args: [path.join("typescript", "main-module.ts")],
    skip: noTypes,
    atLeast: MODULE_CASES,
  },
  { name: "tsx, an ES module", args: [TSX_COMMAND, path.join("typescript", "main-module.ts")], atLeast: MODULE_CASES },
  {
    name: "tsx, a CommonJS package",
    args: [TSX_COMMAND, path.join("typescript-commonjs", "main-common.ts")],
    atLeast: COMMON_CASES,
  },
  {
    name: "tsx, what only compilers understand",
    args: [TSX_COMMAND, path.join("typescript", "main-syntax.ts")],
    atLeast: SYNTAX_CASES,
  },
  {
    name: "tsc, what only compilers understand",
    args: [path.join("module", "main-syntax.js")],
    atLeast: SYNTAX_CASES,
  },
  {
    name: "source maps and conditions of the parent",
    args: ["--enable-source-maps", "--conditions=special", inModule],
    atLeast: MODULE_CASES,
  },
];

describe("from a folder with spaces, percent signs and letters that are not ASCII, all cases pass under", () => {
  const folder = new CasePrograms(["typescript", "typescript-commonjs", "module", "commonjs"], "wörk 100%20 done é");
  after(() => folder[Symbol.dispose]());
  for (const { name, args, options, skip = false, atLeast } of RUNS) {
    test(name, { skip }, () => {
      assertAllCasesPassed(folder.run(args, options), atLeast);
    });
  }
});

describe("in packages that are linked, as pnpm does, all cases pass", () => {
  const folder = new CasePrograms(["module", "commonjs"]);
  after(() => folder[Symbol.dispose]());
  folder.write({
    "app/package.json": '{ "type": "module" }',
    "app/main.js": 'import "cases/main-module.js";',
    "app/main.cjs": 'require("cases-commonjs/main-common.js");',
    "app/node_modules/.keep": "",
  });
  symlinkSync(folder.at("module"), folder.at("app", "node_modules", "cases"), "junction");
  symlinkSync(folder.at("commonjs"), folder.at("app", "node_modules", "cases-commonjs"), "junction");

  test("of an ES module", () => {
    assertAllCasesPassed(folder.run([path.join("app", "main.js")]), MODULE_CASES);
  });

  test("of a CommonJS program", () => {
    assertAllCasesPassed(folder.run([path.join("app", "main.cjs")]), COMMON_CASES);
  });
});
