/** docs/api.md and the declarations that users' editors show. */

import assert from "node:assert/strict";
import path from "node:path";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { CHECKOUT } from "../../testlibraries/program-folder.js";
import { ProgramFolder } from "../../testlibraries/program-folder.js";

const LINT_DOCS = path.join(CHECKOUT, "scripts", "lint-docs.mjs");

function read(...names: readonly string[]): string {
  return readFileSync(path.join(CHECKOUT, ...names), "utf8");
}

test("docs/api.md names every export, option and member, and its check finds what is missing", () => {
  const page = read("docs", "api.md");
  using folder = new ProgramFolder();
  assert.equal(folder.run([LINT_DOCS]).status, 0);
  for (const name of ["graceMs", "createSharedArray", "droppedCount", "likelyCause", "messageKey", "TaskView"]) {
    folder.write({ "api.md": page.replaceAll(name, "other") });
    const { status, stdout } = folder.run([LINT_DOCS, folder.at("api.md")]);
    assert.equal(status, 1, name);
    assert.match(stdout, new RegExp(`lacks (\\w+\\.)?${name}$`, "m"));
  }
});

test("the declarations show users no test hook", () => {
  for (const [file, hook] of [
    ["system/cpu-count", /CpuSource|source/],
    ["system/tree/terminator", /TerminateOptions \{[^}]*(platform|cookie)\?:/],
    ["logging/log-queue", /onceReadable/],
  ] as const) {
    assert.doesNotMatch(read("dist", "types", `${file}.d.cts`), hook, file);
  }
});

test("each call of an executor has its description on its first declaration, and on every other one", () => {
  for (const [file, call, count] of [
    ["process-pool-executor", "submit", 2],
    ["process-task-pool-executor", "createProcessTask", 2],
  ] as const) {
    const [, declarations = ""] = read("dist", "types", "executor", `${file}.d.cts`).split(/^export declare class/m);
    const described = new RegExp(
      ` {4}/\\*\\*\\n {5}\\* Runs .fn\\(\\.\\.\\.args\\)(?:(?!\\*/)[^])*\\*/\\n {4}${call}<`,
      "g",
    );
    assert.equal(declarations.match(described)?.length, count, call);
    assert.equal(declarations.match(new RegExp(`^ {4}${call}<`, "gm"))?.length, count, call);
  }
});
