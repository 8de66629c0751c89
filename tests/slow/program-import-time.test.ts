/** Modules that submit tasks when they are imported: pools must not make pools. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { test } from "node:test";

import { ProgramFolder } from "../testlibraries/program-folder.js";

const folder = new ProgramFolder();
folder.linkPackage();

after(() => folder[Symbol.dispose]());

const GUARD = /import \{ isWorker \} from "asynccpu"; if \(!isWorker\)/;

function run(files: Readonly<Record<string, string>>, args: readonly string[] = ["main.mjs"]): string {
  folder.write(files);
  const { status, stdout, stderr } = folder.run(args, { env: { ASYNCCPU_MAX_DEPTH: "2" } });
  assert.equal(status, 0, stderr);
  assert.equal(stderr, "");
  return stdout.trim();
}

test("a task that a module submits at its top level runs once, however many workers import it", () => {
  const module = `
    import { appendFileSync } from "node:fs";
    import { ProcessTaskPoolExecutor } from "asynccpu";
    export const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
    export function load(where = "calls") { appendFileSync(where, "loaded in a worker\\n"); return 42; }
    export const table = executor.createProcessTask(load);
    void executor.submit(load);
    void executor.warmUp();
    table.then(() => {}, () => {});
  `;
  const main = `
    import { readFileSync } from "node:fs";
    import { executor } from "./table.mjs";
    import { load } from "./table.mjs";
    import { table } from "./table.mjs";
    console.log(await table, await executor.submit(load, "calls"));
    await executor.shutdown();
    console.log(readFileSync("calls", "utf8").match(/loaded/g).length);
  `;
  assert.equal(run({ "table.mjs": module, "main.mjs": main }), "42 42\n3");
});

test("who awaits such a task in a worker learns what happened, and the guard", () => {
  const module = `
    import { ProcessTaskPoolExecutor } from "asynccpu";
    export const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    export async function load() { return table === undefined ? "no table" : (await table.exception())?.message; }
    export const table = executor.createProcessTask(load);
  `;
  const main = `
    import { executor } from "./awaits.mjs";
    import { table } from "./awaits.mjs";
    console.log(await table);
    await executor.shutdown();
  `;
  const output = run({ "awaits.mjs": module, "main.mjs": main });
  assert.match(output, /^Task "load" was submitted while a worker process was importing the modules/);
  assert.match(output, GUARD);
});

test("with a top-level await of it the import fails, and the task of the program with that error, at once", () => {
  for (const [name, call] of Object.entries({
    submit: "export const table = await executor.createProcessTask(load);",
    map: "export const table = []; for await (const each of executor.map(load, [1])) table.push(each);",
    warm: "await executor.warmUp(); export const table = await executor.createProcessTask(load);",
  })) {
    const module = `
      import { ProcessTaskPoolExecutor } from "asynccpu";
      export const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
      export function load() { return 42; }
      ${call}
    `;
    const main = `
      import { ImportTimeUseError } from "asynccpu";
      const error = await import("./${name}.mjs").catch((error) => error);
      console.log(error instanceof ImportTimeUseError, error.code, error.message);
    `;
    const output = run({ [`${name}.mjs`]: module, "main.mjs": main });
    assert.match(output, /^true ASYNCCPU_IMPORT_TIME_USE /, output);
    assert.match(output, GUARD);
  }
});

test("the guard makes such a module good, and isWorker says no in the program, its threads and its children", () => {
  const module = `
    import { isWorker } from "asynccpu";
    import { ProcessTaskPoolExecutor } from "asynccpu";
    export const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    export function load() { return [isWorker, table]; }
    export const table = isWorker ? "no table" : await executor.createProcessTask(load);
  `;
  const other = `
    import { isWorker } from "asynccpu";
    import { parentPort } from "node:worker_threads";
    const tell = parentPort === null ? (message) => process.send(message) : (message) => parentPort.postMessage(message);
    tell(isWorker);
  `;
  const main = `
    import { fork } from "node:child_process";
    import { once } from "node:events";
    import cluster from "node:cluster";
    import { Worker } from "node:worker_threads";
    import { isWorker } from "asynccpu";
    import { executor } from "./guarded.mjs";
    import { table } from "./guarded.mjs";
    const inside = () => import("node:worker_threads").then(({ Worker }) => new Promise((resolve) =>
      new Worker(new URL("./other.mjs", import.meta.url)).once("message", resolve)));
    cluster.setupPrimary({ exec: "other.mjs" });
    const [[inThread], [inChild], [inCluster]] = await Promise.all([
      once(new Worker("./other.mjs"), "message"), once(fork("./other.mjs"), "message"), once(cluster.fork(), "message")]);
    const [inWorker, [inForked]] = await Promise.all([executor.submit(inside),
      executor.submit(() => import("node:child_process").then(({ fork }) => new Promise((resolve) =>
        fork("./other.mjs").once("message", (message) => resolve([message])))))]);
    console.log(JSON.stringify([table, isWorker, inThread, inChild, inCluster, inWorker, inForked]));
    await executor.shutdown();
    cluster.disconnect();
  `;
  const output = run({ "guarded.mjs": module, "other.mjs": other, "main.mjs": main });
  assert.deepEqual(JSON.parse(output), [[true, "no table"], false, false, false, false, false, false]);
});

test("isWorker is true in a preload of a worker, too, and in CommonJS", () => {
  const preload = `
    import { isWorker } from "asynccpu";
    globalThis.wasWorkerAtPreload = isWorker;
  `;
  const main = `
    const { isWorker, ProcessTaskPoolExecutor } = require("asynccpu");
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    executor.submit(() => [isWorker, require("asynccpu").isWorker, globalThis.wasWorkerAtPreload]).then((result) => {
      console.log(JSON.stringify([isWorker, globalThis.wasWorkerAtPreload, result.slice(1)]));
      return executor.shutdown();
    });
  `;
  const output = run({ "preload.mjs": preload, "main.cjs": main }, ["--import", "./preload.mjs", "main.cjs"]);
  assert.deepEqual(JSON.parse(output), [false, false, [true, true]]);
});

test("an executor inside a running task works, also one of a module that the task imports itself", () => {
  const module = `
    import { ProcessTaskPoolExecutor } from "asynccpu";
    export const double = (x) => 2 * x;
    export async function nested(x) {
      const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
      try { return await executor.createProcessTask(double, x); } finally { await executor.shutdown(); }
    }
  `;
  const late = `
    import { ProcessTaskPoolExecutor } from "asynccpu";
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    export const result = await executor.createProcessTask((x) => x + 1, 1);
    await executor.shutdown();
  `;
  const main = `
    import { ProcessTaskPoolExecutor } from "asynccpu";
    import { nested } from "./nested.mjs";
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    console.log(await executor.submit(nested, 4), await executor.submit(async () => (await import("./late.mjs")).result));
    await executor.shutdown();
  `;
  assert.equal(run({ "nested.mjs": module, "late.mjs": late, "main.mjs": main }), "8 2");
});
