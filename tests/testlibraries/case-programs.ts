/**
 * The programs of tests/runners/program, ready to be run by whatever runs programs: as TypeScript, as ES modules, as
 * CommonJS.
 */

import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { readdirSync } from "node:fs";
import path from "node:path";

import { CHECKOUT } from "./program-folder.js";
import { ProgramFolder } from "./program-folder.js";
import type { RunOptions } from "./program-folder.js";
import type { RunResult } from "./program-folder.js";

const SOURCES = path.join(CHECKOUT, "tests", "runners", "program");
const TSC = path.join(CHECKOUT, "node_modules", "typescript", "bin", "tsc");

/** In which form the programs are wanted; the names of the folders that they are in. */
export type CaseForm = "typescript" | "typescript-commonjs" | "module" | "commonjs";

/** What the compiler is told for each form that it makes. */
const COMPILED: Readonly<Partial<Record<CaseForm, readonly string[]>>> = {
  module: ["--module", "esnext", "--moduleResolution", "bundler"],
  commonjs: ["--module", "commonjs", "--moduleResolution", "bundler"],
};

export class CasePrograms extends ProgramFolder {
  /** @param forms - Those that the test needs. */
  constructor(forms: readonly CaseForm[], name?: string) {
    super(name);
    this.linkPackage();
    const files = readdirSync(SOURCES).filter((each) => each !== "tsconfig.json");
    for (const form of forms) {
      const isModule = form === "typescript" || form === "module";
      this.write({ [`${form}/package.json`]: JSON.stringify({ type: isModule ? "module" : "commonjs" }) });
      const isCompiled = COMPILED[form] !== undefined;
      const copied = files.filter((each) => (isCompiled ? !each.endsWith(".ts") : true));
      for (const each of copied) cpSync(path.join(SOURCES, each), this.at(form, each));
      const entries = isModule
        ? ["main-module.ts", "main-common.ts", "main-syntax.ts", "cases.test.ts"]
        : ["main-common.ts"];
      if (isCompiled) this.#compile(form, entries);
    }
  }

  #compile(form: CaseForm, entries: readonly string[]): void {
    const others = ["--ignoreConfig", "--noCheck", "--target", "es2022", "--rewriteRelativeImportExtensions"];
    const output = ["--resolveJsonModule", "--outDir", this.at(form), "--rootDir", SOURCES];
    const sources = entries.map((entry) => path.join(SOURCES, entry));
    const args = [TSC, ...sources, ...others, ...(COMPILED[form] ?? []), ...output];
    const { status, stdout, stderr } = this.run(args);
    assert.equal(status, 0, stdout + stderr);
  }
}

/** A busy machine makes any look slow; that this is told of is tested elsewhere. */
const SLOW_LOOK = /^.*\[ASYNCCPU_SLOW_CAPTURE\].*\n(?:\(Use `node --trace-warnings.*\n)?/gm;

/** Fails unless a program has run all of its cases, at least this many, and none went wrong. */
export function assertAllCasesPassed({ stdout, stderr, status }: RunResult, atLeast: number): void {
  const lastLine = stdout.trimEnd().split("\n").at(-1) ?? "";
  const passed = Number(/^ok (\d+)$/.exec(lastLine)?.[1]);
  assert.ok(passed >= atLeast, `${stdout}\n${stderr}`);
  assert.deepEqual([stderr.replaceAll(SLOW_LOOK, ""), status], ["", 0]);
}

/** One way of running the cases. */
export interface CaseRun {
  readonly name: string;
  readonly args: readonly string[];
  readonly options?: RunOptions;
  /** Why it can't be run here, if so. */
  readonly skip?: string | false;
  /** How many cases it has at least. */
  readonly atLeast: number;
}

/** Cases that every form has; those of ES modules and CommonJS alone come on top. */
export const COMMON_CASES = 90;
export const MODULE_CASES = 96;
export const COMMONJS_CASES = 9;
export const SYNTAX_CASES = 6;
