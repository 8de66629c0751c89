/** Node's permission model: what a pool needs, and what the errors say where a flag is missing. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { ProgramFolder } from "../../testlibraries/program-folder.js";

const flags = process.allowedNodeEnvironmentFlags;
const hasInspectorFlag = flags.has("--allow-inspector");
const hasNetFlag = flags.has("--allow-net");

const ON = [flags.has("--permission") ? "--permission" : "--experimental-permission", "--allow-fs-read=*"];
const CHILD = "--allow-child-process";
const NET = hasNetFlag ? ["--allow-net"] : [];

const PROGRAM = `
  import { ProcessPoolExecutor, moduleTask } from "asynccpu";
  import { add, failing } from "./tasks.mjs";
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const at = (name) => moduleTask(new URL("./tasks.mjs", import.meta.url), name);
  const functions = { named: at("add"), builtIn: Math.max, failing: at("failing"), exported: add, local: (a, b) => a * b };
  const told = (error) => ({ name: error.name, message: error.message });
  const results = {};
  for (const [name, fn] of Object.entries(functions)) results[name] = await executor.submit(fn, 2, 3).catch(told);
  await executor.shutdown();
  console.log("RESULTS" + JSON.stringify(results));
`;

const TASKS = `
  export function add(a, b) { return a + b; }
  class OwnError extends Error { name = "OwnError"; }
  export function failing() { throw new OwnError("of the task"); }
`;

interface Told {
  readonly name: string;
  readonly message: string;
}

describe("under Node's permission model", () => {
  const folder = new ProgramFolder();
  after(() => {
    folder[Symbol.dispose]();
  });
  folder.linkPackage();
  folder.write({ "main.mjs": PROGRAM, "tasks.mjs": TASKS });

  function run(...args: readonly string[]): Readonly<Record<string, number | Told>> {
    const { stdout, stderr } = folder.run([...ON, ...args, "main.mjs"]);
    const [, results] = /^RESULTS(.*)$/m.exec(stdout) ?? [];
    assert.ok(results, stdout + stderr);
    return JSON.parse(results) as Readonly<Record<string, number | Told>>;
  }

  test("what needs no inspector works without it; else the error says how to allow it", () => {
    const { named, builtIn, failing, exported, local } = run(CHILD, ...NET);
    assert.deepEqual([named, builtIn], [5, 3]);
    assert.deepEqual(failing, { name: "OwnError", message: "of the task" });
    const advice = hasInspectorFlag ? /Start Node\.js with --allow-inspector/ : /no flag.*moduleTask/;
    for (const each of [exported, local]) {
      assert.ok(typeof each === "object");
      assert.equal(each.name, "FunctionNotPicklableError");
      assert.match(each.message, advice);
    }
  });

  test("functions of all kinds travel with the flag", { skip: !hasInspectorFlag }, () => {
    const { exported, local } = run(CHILD, ...NET, "--allow-inspector");
    assert.deepEqual([exported, local], [5, 6]);
  });

  test("the error of workers that can't start names the flags that are missing", () => {
    const { named } = run();
    assert.ok(typeof named === "object");
    assert.equal(named.name, "WorkerStartError");
    assert.ok(named.message.includes([`start Node.js with ${CHILD}`, ...NET].join(" ")), named.message);
  });

  test("a worker of Node 26 needs the network for its pipes", { skip: !hasNetFlag }, () => {
    const { named } = run(CHILD);
    assert.ok(typeof named === "object");
    assert.match(named.message, /start Node\.js with --allow-net/);
  });
});
