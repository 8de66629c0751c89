/** The types of the package, from its archive, under each compiler and each way to find modules. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { after } from "node:test";
import { before } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { CHECKOUT } from "../testlibraries/program-folder.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";
import { installTools } from "../testlibraries/runner-tools.js";
import { toolFile } from "../testlibraries/runner-tools.js";

const LIBRARY = `
  import { CancelledError } from "asynccpu";
  import type { ProcessFuture, ProcessTaskPoolExecutor } from "asynccpu";
  export function sum(executor: ProcessTaskPoolExecutor): ProcessFuture<number> {
    return executor.createProcessTask(async (a: number, b: number) => a + b, 1, 2);
  }
  export const cancelled: CancelledError = new CancelledError("as a value");
`;
const PROGRAM = `
  import { CancelledError, LogQueue, ProcessTaskPoolExecutor, currentTask, moduleTask } from "asynccpu";
  import { cancelled, sum } from "LIBRARY";
  export async function main(): Promise<number[]> {
    await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, queue: new LogQueue() });
    // Reason: the types are to say that the argument must be a number.
    // @ts-expect-error
    void executor.createProcessTask((x: number) => x, "text");
    const named = moduleTask<(x: number) => string>(new URL("file:///tasks.js"), "name");
    const text: string = await executor.with({ name: currentTask().name }).createProcessTask(named, 1);
    const same: CancelledError = cancelled;
    const all: number[] = [];
    for await (const each of executor.map((x: number) => x + same.message.length + text.length, [1])) all.push(each);
    return [await sum(executor), ...all];
  }
`;

const NODE = ["program.ts", "program.mts", "program.cts"];

/** The flags of the compiler, and the files that it is given. */
type Setting = readonly [name: string, flags: readonly string[], files: readonly string[]];
const EVERYWHERE: readonly Setting[] = [
  ["node16", ["--module", "node16"], NODE],
  ["nodenext", ["--module", "nodenext"], NODE],
  ["bundler", ["--module", "esnext", "--moduleResolution", "bundler"], ["program.ts"]],
];
const OLD: readonly Setting[] = [
  ["commonjs", ["--module", "commonjs"], ["program.ts"]],
  ["node10", ["--module", "esnext", "--moduleResolution", "node10"], ["program.ts"]],
];

function compile(folder: ProgramFolder, tsc: string, [, flags, files]: Setting, others: readonly string[]): void {
  const types = ["--types", "node", "--typeRoots", path.join(CHECKOUT, "node_modules", "@types")];
  const target = ["--target", "es2022", "--lib", "es2023,esnext.disposable"];
  const result = folder.run([tsc, "--noEmit", "--strict", ...others, ...target, ...types, ...flags, ...files]);
  assert.deepEqual([result.stdout, result.status], ["", 0]);
}

describe("the types of the archive hold", () => {
  const folder = new ProgramFolder();
  before(() => {
    const pack = ["pack", "--ignore-scripts", "--pack-destination", folder.path];
    const { status, stderr } = folder.run(pack, { command: "npm", cwd: path.relative(folder.path, CHECKOUT) });
    assert.equal(status, 0, stderr);
    folder.installArchive(readdirSync(folder.path).find((each) => each.endsWith(".tgz")) ?? "");
    for (const form of ["", "m", "c"]) {
      folder.write({
        [`library.${form}ts`]: LIBRARY,
        [`program.${form}ts`]: PROGRAM.replace("LIBRARY", form === "m" ? "./library.cjs" : `./library.${form}js`),
      });
    }
  });
  after(() => folder[Symbol.dispose]());

  for (const setting of EVERYWHERE) {
    test(`in TypeScript 7, with ${setting[0]}`, () => {
      const tsc = path.join(CHECKOUT, "node_modules", "typescript", "bin", "tsc");
      compile(folder, tsc, setting, ["--ignoreConfig"]);
    });
  }

  for (const setting of [...OLD, ...EVERYWHERE]) {
    test(`in TypeScript 5.9, with ${setting[0]}`, () => {
      installTools();
      compile(folder, toolFile("typescript", "bin", "tsc"), setting, []);
    });
  }
});
