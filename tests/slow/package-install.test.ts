/** The package as users get it: packed, installed from the archive into an empty folder, and used from there. */

import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { readdirSync } from "node:fs";
import { symlinkSync } from "node:fs";
import path from "node:path";
import { after } from "node:test";
import { before } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { CHECKOUT } from "../testlibraries/program-folder.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";
import { TSX_COMMAND } from "../testlibraries/program-folder.js";
import type { RunResult } from "../testlibraries/program-folder.js";

/** What `npm pack` reads nothing of, and what may change under its hands while other tests run. */
const NOT_COPIED = /^(?:node_modules|dist|build(?:-.+)?|coverage|\.git|\.ci|.+\.tgz)$/;

/** The spec's example; `await using` is not yet known to every Node, so JavaScript says it by `try` and `finally`. */
const FUNCTION = `
  async function processCpuBound(taskId) {
    let sum = 0;
    for (let i = 0; i < 10 ** 7; i++) sum += i * i;
    return \`taskId: \${taskId}, result: \${sum}\`;
  }
`;
const OPTIONS = "{ maxWorkers: 3, cancelTasksWhenShutdown: true }";
const TASKS = `
  const tasks = Array.from({ length: 10 }, (_, x) => executor.createProcessTask(processCpuBound, x));
  for (const result of await Promise.all(tasks)) console.log(result);
`;
const TRY = `
  const executor = new ProcessTaskPoolExecutor(${OPTIONS});
  try { ${TASKS} } finally { await executor.shutdown(); }
`;
const USING = `await using executor = new ProcessTaskPoolExecutor(${OPTIONS}); ${TASKS}`;
const TYPED_FUNCTION = FUNCTION.replace("(taskId)", "(taskId: number): Promise<string>");
const IMPORT = 'import { ProcessTaskPoolExecutor } from "asynccpu";';
const REQUIRE = 'const { ProcessTaskPoolExecutor } = require("asynccpu");';

const EXAMPLES: Readonly<Record<string, string>> = {
  "example.mjs": `${IMPORT} ${FUNCTION} ${TRY}`,
  "example.cjs": `${REQUIRE} ${FUNCTION} async function main() { ${TRY} } void main();`,
  "example.mts": `${IMPORT} ${TYPED_FUNCTION} ${USING}`,
  "example.ts": `${IMPORT} ${TYPED_FUNCTION} async function main(): Promise<void> { ${USING} } void main();`,
  "module/package.json": '{ "type": "module" }',
  "module/example.ts": `${IMPORT} ${TYPED_FUNCTION} ${USING}`,
};

/** Each function says which task it takes itself for, and logs one record. `aborts` logs when it has seen its end. */
const INSIDE_FUNCTIONS = `
  async function captured() { getLogger("inside").info("captured"); return currentTask().name; }
  async function namespace() { whole.getLogger("inside").info("namespace"); return whole.currentTask().name; }
  async function dynamic() {
    const inside = await import("asynccpu");
    inside.getLogger("inside").info("dynamic");
    return inside.currentTask().name;
  }
  async function required() {
    const inside = require("asynccpu");
    inside.getLogger("inside").info("required");
    return inside.currentTask().name;
  }
  async function nested() {
    const inner = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    try {
      return await inner.with({ name: currentTask().name }).createProcessTask(async () => currentTask().name);
    } finally {
      await inner.shutdown();
    }
  }
  function aborts() {
    const task = currentTask();
    console.log("spinning");
    while (!task.aborted);
    console.log("aborted");
  }
`;
const INSIDE_MAIN = `
  const records = [];
  const queue = new LogQueue();
  const listener = new QueueListener(queue, (record) => {
    records.push(record.taskName + ": " + record.message);
    if (record.message === "spinning") spinning.cancel();
  });
  listener.start();
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, queue });
  for (const [name, fn] of Object.entries({ captured, namespace, dynamic, required, nested, ...others })) {
    const seen = await executor.with({ name: "task " + name }).createProcessTask(fn);
    if (seen !== "task " + name) throw new Error(name + " saw " + seen);
  }
  const spinning = executor.with({ name: "task aborts" }).createProcessTask(aborts);
  await spinning.catch(() => {});
  await executor.shutdown();
  await listener.stop();
  for (const record of records) console.log(record);
`;
const NAMES = "LogQueue, ProcessTaskPoolExecutor, QueueListener, currentTask, getLogger";
const LIBRARY = `() { getLogger("inside").info("by reference"); return currentTask().name; }`;

const INSIDE: Readonly<Record<string, string>> = {
  "library.mjs": `import { currentTask, getLogger } from "asynccpu"; export async function ofModule${LIBRARY}`,
  "library.cjs": `const { currentTask, getLogger } = require("asynccpu"); exports.ofCommonjs = async function ${LIBRARY}`,
  "inside.mjs": `
    import { ${NAMES} } from "asynccpu";
    import * as whole from "asynccpu";
    import { createRequire } from "node:module";
    import { ofModule } from "./library.mjs";
    import library from "./library.cjs";
    const require = createRequire(import.meta.url);
    const others = { ofModule, ofCommonjs: library.ofCommonjs };
    ${INSIDE_FUNCTIONS} ${INSIDE_MAIN}
  `,
  "inside.cjs": `
    const { ${NAMES} } = require("asynccpu");
    const whole = require("asynccpu");
    const { ofCommonjs } = require("./library.cjs");
    ${INSIDE_FUNCTIONS}
    async function main() {
      const { ofModule } = await import("./library.mjs");
      const others = { ofModule, ofCommonjs };
      ${INSIDE_MAIN}
    }
    void main();
  `,
};

const RECORDS = [
  "task captured: captured",
  "task namespace: namespace",
  "task dynamic: dynamic",
  "task required: required",
  "task ofModule: by reference",
  "task ofCommonjs: by reference",
  "task aborts: spinning",
  "task aborts: aborted",
];

/**
 * npm hands its own settings to what it runs; the machine's registry is the only one that a new user would have too.
 */
function withoutNpmSettings(home: string): Record<string, string | undefined> {
  const settings = Object.keys(process.env).filter((name) => /^npm_(?!config_registry$)/i.test(name));
  return { ...Object.fromEntries(settings.map((name) => [name, undefined])), HOME: home, USERPROFILE: home };
}

function assertRan({ status, stdout, stderr }: RunResult): void {
  assert.equal(status, 0, `${stdout}\n${stderr}`);
}

/** Nothing on the standard error: no warning that something is experimental, neither here nor in a worker. */
function assertPrinted(result: RunResult, lines: readonly string[]): void {
  assert.deepEqual([result.stderr, result.status], ["", 0]);
  assert.deepEqual(result.stdout.trimEnd().split("\n"), lines);
}

describe("installed from its archive into an empty folder, the package", () => {
  const folder = new ProgramFolder();

  before(() => {
    for (const name of readdirSync(CHECKOUT).filter((each) => !NOT_COPIED.test(each))) {
      cpSync(path.join(CHECKOUT, name), folder.at("..", "checkout", name), { recursive: true });
    }
    symlinkSync(path.join(CHECKOUT, "node_modules"), folder.at("..", "checkout", "node_modules"), "junction");
    const env = withoutNpmSettings(folder.at("..", "home"));
    const npm = (args: readonly string[], cwd: string): RunResult => folder.run(args, { command: "npm", env, cwd });
    assertRan(npm(["pack", "--pack-destination", folder.path], "../checkout"));
    const archives = readdirSync(folder.path);
    assert.match(archives.join(" "), /^asynccpu-\d+\.\d+\.\d+\.tgz$/);
    folder.installArchive(archives[0] ?? "");
    folder.write({ ...EXAMPLES, ...INSIDE });
    cpSync(folder.at("inside.cjs"), folder.at("inside.cts"));
  });
  after(() => folder[Symbol.dispose]());

  const sum = Array.from({ length: 10 ** 7 }, (_, i) => i * i).reduce((total, square) => total + square, 0);
  const tenLines = Array.from({ length: 10 }, (_, x) => `taskId: ${x}, result: ${sum}`);

  for (const [name, args] of [
    ["an .mjs file", ["example.mjs"]],
    ["a .cjs file", ["example.cjs"]],
    ["an .mts file under tsx", [TSX_COMMAND, "example.mts"]],
    ["a .ts file of a CommonJS package under tsx", [TSX_COMMAND, "example.ts"]],
    ["a .ts file of an ES module package under tsx", [TSX_COMMAND, path.join("module", "example.ts")]],
  ] as const) {
    test(`runs the first example of the README in ${name}`, () => {
      assertPrinted(folder.run(args), tenLines);
    });
  }

  for (const [name, args] of [
    ["an ES module", ["inside.mjs"]],
    ["a CommonJS module", ["inside.cjs"]],
    ["an ES module under tsx", [TSX_COMMAND, "inside.mjs"]],
    ["a CommonJS module under tsx", [TSX_COMMAND, "inside.cjs"]],
    ["a .cts file under tsx", [TSX_COMMAND, "inside.cts"]],
  ] as const) {
    test(`knows the task that imports it, in ${name}`, () => {
      assertPrinted(folder.run(args), RECORDS);
    });
  }
});
