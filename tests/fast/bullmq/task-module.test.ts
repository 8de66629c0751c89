/** Which shapes a task module may have, and what is said of one that can't be used. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { createRequire } from "node:module";
import { describe } from "node:test";
import { runInThisContext } from "node:vm";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { ProcessTaskPoolExecutor } from "asynccpu";
import { moduleTask } from "asynccpu";

import { ProgramFolder } from "../../testlibraries/program-folder.js";
import { TaskModule } from "../../../src/bullmq/contract/task-module.js";
import { exportInCopy } from "../../../src/pickle/refer/copied-export.js";
import { refuseFunction } from "../../../src/bullmq/program/refuse-function.js";

type AnyFunction = (...args: number[]) => number;

const folder = new ProgramFolder();
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
after(async () => {
  await executor.shutdown();
  folder[Symbol.dispose]();
});

function write(name: string, text: string): string {
  folder.write({ [name]: text });
  return pathToFileURL(folder.at(name)).href;
}

describe("a task module of CommonJS", () => {
  for (const [shape, name, text] of [
    ["an object of arrows", "add", "module.exports = { add: (a, b) => a + b, kind: 1 };"],
    ["an object of methods", "add", "module.exports = { kind: 1, add(a, b) { return a + b; } };"],
    ["assigned exports", "add", "Object.assign(exports, { add: (a, b) => a + b });"],
    ["exports of a loop", "add", "for (const name of ['add']) exports[name] = (a, b) => a + b;"],
    ["what a compiler writes of a module", "default", "exports.__esModule = true; exports.default = (a, b) => a + b;"],
    ["one function", "default", "module.exports = (a, b) => a + b;"],
    [
      "getters of a compiler",
      "add",
      "const add = (a, b) => a + b; const all = Object.defineProperty({}, 'add', { get: () => add, enumerable: true });" +
        "module.exports = Object.defineProperty(all, '__esModule', { value: true });",
    ],
  ] as const) {
    test(`with ${shape} is served, and runs in a worker`, async () => {
      const url = write(`${shape.replaceAll(" ", "-")}.cjs`, text);
      const module = await TaskModule.loadToServe(url, undefined);
      assert.deepEqual(module.names, [name]);
      const exports = createRequire(url)(url.replace("file://", "")) as AnyFunction & Record<string, AnyFunction>;
      const fn = exports[name] ?? exports;
      assert.equal(module.nameOf(fn), name);
      assert.equal(await executor.submit(module.referenceTo(name) as unknown as AnyFunction, 1, 2), 3);
    });
  }

  test("serves no names but its own, nor members of the default export of an ES module", async () => {
    const module = await TaskModule.load(write("own.cjs", "module.exports = Object.create({ above() {} });"), "1");
    for (const name of ["above", "toString", "constructor", "__proto__", "hasOwnProperty"]) {
      assert.equal(module.has(name), false, name);
    }
    const text = "export default { inside() {} }; export const add = (a, b) => a + b;";
    assert.deepEqual((await TaskModule.load(write("default.mjs", text), "1")).names, ["add"]);
  });

  test("may be named by moduleTask in any pool", async () => {
    const url = write("named.cjs", "module.exports = { first: 1, add: (a, b) => a + b };");
    assert.equal(await executor.submit(moduleTask<AnyFunction>(url, "add"), 1, 2), 3);
    await assert.rejects(executor.submit(moduleTask(url, "toString")), /has no export "toString"/);
  });
});

describe("a host refuses at once", () => {
  test("a module without functions", async () => {
    const url = write("no-function.mjs", "export const size = 1;");
    await assert.rejects(TaskModule.loadToServe(url, undefined), {
      name: "InvalidOptionError",
      message: /no-function\.mjs exports no function \(it has size\).*Export each task by its name/,
    });
  });

  test("the main module of its program", () => {
    folder.linkPackage();
    write(
      "main.mjs",
      'import { BullMQTaskHost } from "asynccpu/bullmq"; export const add = (a, b) => a + b;' +
        'const host = new BullMQTaskHost({ connection: { url: "redis://127.0.0.1:1" }, tasks: import.meta.url });' +
        "await host.start().catch(({ message }) => console.log(message)); await host.close(0);",
    );
    const { status, stdout, stderr } = folder.run(["main.mjs"]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^The task module file:.*main\.mjs is the main module of this program/);
  });

  test("a module that is not there, with the folder that paths are taken from", async () => {
    await assert.rejects(
      TaskModule.loadToServe(`${pathToFileURL(folder.path).href}/nowhere.js`, "1"),
      (error: Error) => {
        assert.equal(error.name, "ModuleNotFoundError");
        assert.doesNotMatch(error.message, /worker/);
        assert.ok(error.message.includes(`a relative path is taken from ${process.cwd()}`), error.message);
        return true;
      },
    );
  });
});

describe("TypeScript", () => {
  const takesTypes = Boolean((process.features as { readonly typescript?: unknown }).typescript);
  const text = "export function add(a: number, b: number): number { return a + b; }";

  test("is served where Node takes it; elsewhere a host says what to do", async () => {
    const url = write("tasks.mts", text);
    const loaded = TaskModule.loadToServe(url, undefined);
    const message = /^Node\.js .* as it is TypeScript\. Compile it, use .* npx tsx node_modules/;
    if (takesTypes) assert.deepEqual((await loaded).names, ["add"]);
    else await assert.rejects(loaded, { message });
  });

  test("needs no more than its name in the program", async () => {
    const module = await TaskModule.load(write("program.mts", text), undefined);
    assert.match(module.version, /^[0-9a-f]{12}$/);
    assert.equal(module.nameOf(moduleTask(module.url, "add")), "add");
    const compiled = 'import "./other.js"; export enum Kind { A }';
    const name = moduleTask(write("compiled.mts", compiled), "add");
    assert.equal((await TaskModule.load(pathToFileURL(folder.at("compiled.mts")).href, "1")).nameOf(name), "add");
    await assert.rejects(TaskModule.load(pathToFileURL(folder.at("away.mts")).href, "1"), /away\.mts/);
  });
});

describe("a copy of an export, as test runners make it", () => {
  const COPY = `(function () {
    function add(a, b) { return a + b; }
    const __vite_ssr_export_default__ = (a) => a;
    const use = () => [add, __vite_ssr_export_default__];
    class Shelf { add() {} }
    function make() { function add() {} return [add, () => add][0]; }
    return { add, use, anonymous: __vite_ssr_export_default__, method: new Shelf().add, nested: make() };
  })()`;
  type Copies = Readonly<Record<"add" | "use" | "anonymous" | "method" | "nested", AnyFunction>>;

  function copyOf(filename: string): Copies {
    return runInThisContext(COPY, { filename }) as Copies;
  }

  test("is known by its file and the variable that holds it", async () => {
    const url = write("copied.mjs", "export function add(a, b) { return a + b; }\nexport default (a) => a;");
    const module = await TaskModule.load(url, undefined);
    const { add, use, anonymous, method, nested } = copyOf(folder.at("copied.mjs"));
    assert.deepEqual(
      [add, anonymous].map((fn) => module.nameOf(fn)),
      ["add", "default"],
    );
    const others = [use, method, nested, copyOf(folder.at("other.mjs")).add];
    for (const fn of others) assert.equal(module.nameOf(fn), undefined);
    assert.deepEqual(
      [add, anonymous].map((fn) => exportInCopy(fn, url, undefined)),
      ["add", "default"],
    );
    assert.deepEqual(
      [method, nested].map((fn) => exportInCopy(fn, url, undefined)),
      [undefined, undefined],
    );
  });

  test("is known where the names of exports and of variables are swapped", async () => {
    const text = "function one() {} function two() {}";
    const url = write("swapped.mjs", `${text} export { one as two, two as one };`);
    const module = await TaskModule.load(url, undefined);
    const copies = `(function () { ${text} const use = () => [one, two]; return [one, two, use]; })()`;
    const [one = {}, two = {}] = runInThisContext(copies, { filename: folder.at("swapped.mjs") }) as object[];
    assert.deepEqual([module.nameOf(one), module.nameOf(two)], ["two", "one"]);
  });

  test("is known where a wrapper has the name of what it wraps", async () => {
    const text = `function charge() {}
      const wrap = (fn) => Object.defineProperty(() => fn(), "name", { value: fn.name });
      const audited = wrap(charge);`;
    const url = write("wrapped.mjs", `${text} export { audited, charge };`);
    const module = await TaskModule.load(url, undefined);
    const copies = `(function () { ${text} const use = () => [charge, audited]; return [charge, audited, use]; })()`;
    const [charge = {}, audited = {}] = runInThisContext(copies, { filename: folder.at("wrapped.mjs") }) as object[];
    assert.deepEqual([module.nameOf(charge), module.nameOf(audited)], ["charge", "audited"]);
  });

  test("is refused from a bundle, with what to do", async () => {
    const module = await TaskModule.load(write("kept.mjs", "export function add(a, b) { return a + b; }"), undefined);
    const { message } = refuseFunction("add", copyOf(folder.at("bundle.js")).add, module);
    assert.match(
      message,
      /was written in .*bundle\.js.*keep the module out of the bundle, or pass moduleTask\("file:.*"add"\)/,
    );
  });
});

test("a stand-in of moduleTask that names no task is refused with the names that there are", async () => {
  const url = write("three.mjs", "export const add = () => 1, fail = () => 2, size = 3;");
  const module = await TaskModule.load(url, undefined);
  for (const [name, message] of [
    ["adds", /has no export "adds" \(it has add, fail\)/],
    ["size", /exports "size", which is a number and no function/],
  ] as const) {
    const fn = moduleTask(url, name);
    assert.equal(module.nameOf(fn), undefined);
    assert.match(refuseFunction(name, fn, module).message, message);
  }
  const elsewhere = moduleTask(new URL("elsewhere.mjs", url), "add");
  assert.match(
    refuseFunction("add", elsewhere, module).message,
    /it is of file:.*elsewhere\.mjs, and the task module/,
  );
});
