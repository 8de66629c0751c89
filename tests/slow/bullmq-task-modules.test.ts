/** Task modules as programs have them: in CommonJS, compiled as they are loaded, and in test runners. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import { test } from "node:test";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { TSX_COMMAND } from "../testlibraries/program-folder.js";
import { installTools } from "../testlibraries/runner-tools.js";
import { linkTool } from "../testlibraries/runner-tools.js";
import { startProgram } from "../testlibraries/process-family.js";
import { moduleTask } from "../../src/index.js";
import { toolFile } from "../testlibraries/runner-tools.js";

const COMMONJS_TASKS = `
  class ShapeError extends Error {}
  const add = (a, b) => a + b;
  Object.assign(exports, { ShapeError, add, fail: () => { throw new ShapeError("wrong"); } });
`;
const MODULE_TASKS = `
  import { ShapeError } from "./shapes.ENDING";
  export { ShapeError } from "./shapes.ENDING";
  export class OwnError extends ShapeError {}
  export function add(a, b) { return a + b; }
  export function fail() { throw new ShapeError("wrong"); }
  export const failOwn = () => { throw new OwnError("own"); };
  export default (a) => a;
`;
const SHAPES = `export class ShapeError extends Error {}`;

/** What a program prints when host, tasks and classes of errors work. */
const USE = `
  async function use({ BullMQTaskExecutor, BullMQTaskHost }, { add, fail, ShapeError }, tasks, served = tasks) {
    const options = { connection: { url: process.env.REDIS_URL }, queue: process.env.QUEUE, version: "1", tasks };
    const host = new BullMQTaskHost({ ...options, tasks: served, jobs: 1 });
    await host.start();
    const executor = new BullMQTaskExecutor(options);
    try {
      const error = await executor.with({ queueTimeoutMs: 20_000 }).submit(fail).exception();
      return [await executor.submit(add, 1, 2), error instanceof ShapeError, error.message];
    } finally {
      await executor.shutdown();
      await host.close();
    }
  }
`;
const RESULT = [3, true, "wrong"];

const folder = new ProgramFolder();
let redis: RedisServer;

before(async () => {
  redis = await RedisServer.forTests();
  installTools();
  folder.linkPackage();
  linkTool(folder, "vitest");
});

after(async () => {
  await redis[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function environment(): Readonly<Record<string, string>> {
  return { REDIS_URL: redis.url, QUEUE: `modules-${randomUUID()}`, NO_COLOR: "1" };
}

test("a program and its host use a task module of CommonJS, with exports that Node does not see in its text", () => {
  folder.write({
    "tasks.cjs": COMMONJS_TASKS,
    "main.cjs": `${USE}
      use(require("asynccpu/bullmq"), require("./tasks.cjs"), __dirname + "/tasks.cjs")
        .then((result) => console.log(JSON.stringify(result)));`,
  });
  const { stdout, stderr } = folder.run(["main.cjs"], { env: environment() });
  assert.equal(stdout.trim(), JSON.stringify(RESULT), stderr);
});

test("tsx compiles program and tasks in a package of CommonJS", () => {
  folder.write({
    "typescript/package.json": JSON.stringify({ type: "commonjs" }),
    "typescript/shapes.ts": SHAPES,
    "typescript/tasks.ts": MODULE_TASKS.replaceAll("ENDING", "js").replaceAll("(a, b)", "(a: number, b: number)"),
    "typescript/main.ts": `
      import * as bullmq from "asynccpu/bullmq"; import * as tasks from "./tasks.js"; import { join } from "node:path";
      ${USE}
      void use(bullmq, tasks, join(__dirname, "tasks.ts")).then((result) => console.log(JSON.stringify(result)));`,
  });
  const { stdout, stderr } = folder.run([TSX_COMMAND, "main.ts"], { env: environment(), cwd: "typescript" });
  assert.equal(stdout.trim(), JSON.stringify(RESULT), stderr);
});

test("a test of Vitest submits the exports that it imports", () => {
  folder.write({
    "vitest/package.json": JSON.stringify({ type: "module" }),
    "vitest/shapes.js": SHAPES,
    "vitest/tasks.js": MODULE_TASKS.replaceAll("ENDING", "js"),
    "vitest/tasks.test.js": `
      import { expect, test } from "vitest"; import * as bullmq from "asynccpu/bullmq"; import * as tasks from "./tasks.js";
      ${USE}
      const url = new URL("./tasks.js", import.meta.url);
      test("named", async () => expect(await use(bullmq, tasks, url)).toEqual(${JSON.stringify(RESULT)}), 50_000);
      test("of the same file, and the default export", async () => {
        const { default: add, failOwn: fail, OwnError: ShapeError } = tasks;
        expect(await use(bullmq, { add, fail, ShapeError }, url)).toEqual([1, true, "own"]);
      }, 50_000);
      test("of a host that has them in another folder", async () => {
        const served = new URL("../served/tasks.js", import.meta.url);
        expect(await use(bullmq, tasks, url, served)).toEqual(${JSON.stringify(RESULT)});
      }, 50_000);`,
    "served/package.json": JSON.stringify({ type: "module" }),
    "served/shapes.js": `// Compiled.\n${SHAPES}`,
    "served/tasks.js": `// Compiled.\n${MODULE_TASKS.replaceAll("ENDING", "js")}`,
  });
  const args = [toolFile("vitest", "vitest.mjs"), "run", "--root", "vitest"];
  const { stdout, stderr, status } = folder.run(args, { env: environment() });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  assert.match(stdout, /Tests {2}3 passed/);
});

test("a test of Vitest in TypeScript submits to a host that tsx has started, also where Node takes no types", async () => {
  const env = environment();
  folder.write({
    "types/package.json": JSON.stringify({ type: "module" }),
    "types/shapes.ts": SHAPES,
    "types/tasks.ts": MODULE_TASKS.replaceAll("ENDING", "js").replaceAll("(a, b)", "(a: number, b: number)"),
    "types/tasks.test.ts": `
      import { expect, test } from "vitest"; import { BullMQTaskExecutor } from "asynccpu/bullmq";
      import { add, fail, ShapeError } from "./tasks.js";
      test("named", async () => {
        const connection = { url: process.env.REDIS_URL as string };
        const tasks = new URL("./tasks.ts", import.meta.url);
        await using executor = new BullMQTaskExecutor({ connection, queue: process.env.QUEUE as string, tasks });
        expect(await executor.submit(add, 1, 2)).toBe(3);
        expect(await executor.submit(fail).exception()).toBeInstanceOf(ShapeError);
      }, 50_000);`,
  });
  const command = folder.at("node_modules", ".bin", "asynccpu");
  const words = ["worker", folder.at("types", "tasks.ts"), "--redis", redis.url, "--queue", env["QUEUE"] ?? ""];
  await using host = startProgram(TSX_COMMAND, { args: [command, ...words] });
  await host.waitForLine(/^Serves OwnError, ShapeError, add, default, fail, failOwn on /);
  const args = [toolFile("vitest", "vitest.mjs"), "run", "--root", "types"];
  const { stdout, stderr, status } = folder.run(args, { env });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  assert.match(stdout, /Tests {2}1 passed/);
  host.kill("SIGTERM");
  assert.equal((await host.waitForEnd()).code, 0);
});

test("a test of Jest submits the exports that it requires", () => {
  folder.write({
    "jest/package.json": JSON.stringify({ type: "commonjs" }),
    "jest/jest.config.json": JSON.stringify({ transform: {} }),
    "jest/tasks.js": COMMONJS_TASKS,
    "jest/tasks.test.js": `
      ${USE}
      test("named", async () => {
        const result = await use(require("asynccpu/bullmq"), require("./tasks.js"), __dirname + "/tasks.js");
        expect(result).toEqual(${JSON.stringify(RESULT)});
      }, 50_000);
      test("of a host that has them in another folder", async () => {
        const files = [__dirname + "/tasks.js", __dirname + "/served/jobs.cjs"];
        const result = await use(require("asynccpu/bullmq"), require("./tasks.js"), ...files);
        expect(result).toEqual(${JSON.stringify(RESULT)});
      }, 50_000);`,
    "jest/served/jobs.cjs": `// Compiled.\n${COMMONJS_TASKS}`,
  });
  const args = [toolFile("jest", "bin", "jest.js"), "--config", "jest.config.json"];
  const { stdout, stderr, status } = folder.run(args, { env: environment(), cwd: "jest" });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  assert.match(stderr, /Tests: +2 passed/);
});

/** A task module with classes of errors of all kinds; `fail(which)` throws one of them. */
const FAILING_TASKS = `
  import { HiddenError, SharedError, UsedError } from "./errors.ENDING";
  import { TimeoutError as Theirs } from "./theirs.ENDING";
  export { SharedError } from "./errors.ENDING";
  export class OwnError extends Error {
    constructor(message) { super(message); this.name = "OwnError"; this.info = { at: new Date(0) }; }
  }
  class LowerError extends OwnError {}
  class FieldError extends OwnError { #field = 1; get field() { return this.#field; } }
  export class TimeoutError extends Error {}
  export const errors = { Used: UsedError };
  const classes = { OwnError, SharedError, UsedError, LowerError, FieldError, HiddenError, Theirs };
  export function fail(which) { throw new classes[which](which); }
  export function giveError(which) { return { cause: new classes[which](which) }; }
`;

/** The files of a task module, as they are in a folder. */
function failingTasks(at: string, head: string, ending: string): Record<string, string> {
  return {
    [`${at}.${ending}`]: head + FAILING_TASKS.replaceAll("ENDING", ending),
    [`${at.replace(/[^/]+$/, "errors")}.${ending}`]: `${head}
      export class SharedError extends TypeError {} export class UsedError extends Error {}
      export class HiddenError extends SharedError {}`,
    [`${at.replace(/[^/]+$/, "theirs")}.${ending}`]: `${head} export class TimeoutError extends Error {}`,
  };
}

type FailingTasks = Readonly<Record<"OwnError" | "SharedError", ErrorConstructor>> & {
  readonly errors: { readonly Used: ErrorConstructor };
  fail(which: string): never;
  giveError(which: string): { cause: unknown };
};

async function loadModule<T>(url: URL): Promise<T> {
  // Reason: the test has written the file.
  return (await import(url.href)) as T;
}

test("errors are of the program's classes where the host has the task module in another file, also by find()", async () => {
  folder.write({ ...failingTasks("here/tasks", "", "mjs"), ...failingTasks("srv/lib/jobs", "// Compiled.\n", "js") });
  folder.write({ "srv/package.json": JSON.stringify({ type: "module" }) });
  const tasks = pathToFileURL(folder.at("here", "tasks.mjs"));
  const module = await loadModule<FailingTasks>(tasks);
  const options = { connection: { url: redis.url }, queue: `elsewhere-${randomUUID()}`, tasks, version: "1" };
  const command = folder.at("node_modules", ".bin", "asynccpu");
  const words = ["--redis", redis.url, "--queue", options.queue, "--version", "1", "--jobs", "1"];
  await using host = startProgram(command, { args: ["worker", folder.at("srv", "lib", "jobs.js"), ...words] });
  await host.waitForLine(/^Serves /);
  await using executor = new BullMQTaskExecutor(options);
  const failures: readonly (readonly [which: string, arrivesAs: ErrorConstructor])[] = [
    ["OwnError", module.OwnError],
    ["SharedError", module.SharedError],
    ["UsedError", module.errors.Used],
    // The nearest class above that is exported, or known everywhere.
    ["LowerError", module.OwnError],
    ["FieldError", module.OwnError],
    ["HiddenError", module.SharedError],
    // The module exports one of the same name.
    ["Theirs", Error],
  ];
  for (const [which, arrivesAs] of failures) {
    const view = executor.with({ taskId: which, queueTimeoutMs: 20_000 });
    const error = (await view.submit(module.fail, which).exception()) as Error;
    assert.equal(error.constructor, arrivesAs, which);
    assert.equal(error.message, which);
  }
  const { cause } = await executor.submit(module.giveError, "OwnError");
  assert.ok(cause instanceof module.OwnError);
  assert.deepEqual((cause as Error & { readonly info: unknown }).info, { at: new Date(0) });
  const standIn = moduleTask<typeof module.fail>(tasks, "fail");
  assert.ok((await executor.submit(standIn, "UsedError").exception()) instanceof module.errors.Used);

  await using other = new BullMQTaskExecutor(options);
  for (const [which, arrivesAs] of failures) {
    assert.equal((await other.find(which).exception())?.constructor, arrivesAs, `find() of ${which}`);
  }
});

test("find() gives errors of classes that the task module imports, where the host has the same files", async () => {
  folder.write(failingTasks("both/tasks", "", "mjs"));
  const tasks = pathToFileURL(folder.at("both", "tasks.mjs"));
  const module = await loadModule<FailingTasks>(tasks);
  const errors = pathToFileURL(folder.at("both", "errors.mjs"));
  const { HiddenError } = await loadModule<{ readonly HiddenError: ErrorConstructor }>(errors);
  const options = { connection: { url: redis.url }, queue: `both-${randomUUID()}`, tasks };
  const command = folder.at("node_modules", ".bin", "asynccpu");
  const words = ["--redis", redis.url, "--queue", options.queue, "--jobs", "1"];
  await using host = startProgram(command, { args: ["worker", folder.at("both", "tasks.mjs"), ...words] });
  await host.waitForLine(/^Serves /);
  await using executor = new BullMQTaskExecutor(options);
  const view = executor.with({ taskId: "hidden", queueTimeoutMs: 20_000 });
  assert.ok((await view.submit(module.fail, "HiddenError").exception()) instanceof HiddenError);
  await using other = new BullMQTaskExecutor(options);
  assert.ok((await other.find("hidden").exception()) instanceof HiddenError);
  assert.ok((await other.find("hidden").exception()) instanceof HiddenError);
});
