/**
 * The server of the README, and the names on the page for users of Python. tests/slow/readme-programs runs all other
 * programs.
 */

import assert from "node:assert/strict";
import path from "node:path";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import * as asynccpu from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";

import { CHECKOUT } from "../testlibraries/program-folder.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";
import { TASK_POOL_OPTIONS } from "../../src/executor/options/option-lists.js";
import { startProgram } from "../testlibraries/process-family.js";

function read(file: string): string {
  return readFileSync(path.join(CHECKOUT, file), "utf8");
}

/** The first block of code below a headline. */
function exampleBelow(headline: string): string {
  const [, text] = read("README.md").split(`\n${headline}\n`);
  const code = /```ts\n([^]*?)\n```/.exec(text ?? "")?.[1];
  assert.ok(code, `an example below "${headline}"`);
  return code;
}

test("the server answers the request in flight when it is told to end, and ends by itself", async () => {
  using folder = new ProgramFolder();
  folder.linkPackage();
  folder.write({ "serves.mts": exampleBelow("## Restart a server without losing requests") });
  const loader = pathToFileURL(path.join(CHECKOUT, "node_modules", "tsx", "dist", "loader.mjs")).href;
  await using program = startProgram(folder.at("serves.mts"), {
    execArgv: ["--import", loader],
    cwd: folder.path,
    env: { PORT: "0" },
  });
  const [, port] = await program.waitForLine(/^listening .*port: (\d+)/);
  const get = async (durationMs: number): Promise<string> => {
    const response = await fetch(`http://localhost:${port}/${durationMs}`);
    return `${response.status} ${await response.text()}`;
  };
  assert.equal(await get(1), "200 burnt 1 ms\n");
  const inFlight = get(3000);
  // It was taken when one that was sent later has been answered.
  await get(0);
  program.kill("SIGTERM");
  assert.equal(await inFlight, "200 burnt 3000 ms\n");
  assert.equal((await program.waitForEnd()).code, 0);
  await program.waitForNobody();
});

test("a callback argument is a copy that runs in the worker, as docs/values.md says", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const bar = { done: 0, pid: 0 };
  const update = (done: number): number => {
    bar.done = done;
    bar.pid = process.pid;
    return bar.pid;
  };
  const pid = await executor.submit((report: (done: number) => number) => report(5), update);
  assert.notEqual(pid, process.pid);
  assert.deepEqual(bar, { done: 0, pid: 0 });
});

test("what the page for users of Python names is there", async () => {
  assert.ok(read("README.md").includes("(docs/coming-from-python.md)"));
  const rows = read("docs/coming-from-python.md")
    .split("\n")
    .filter((line) => line.startsWith("| "));
  const here = rows.map((row) => row.split(/(?<!\\)\|/).at(-2) ?? "").join(" ");
  const code = [...here.matchAll(/`([^`]+)`/g)].map(([, span]) => span).join(" ");
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const future = executor.submit(() => {});
  const names = {
    "new ": asynccpu,
    "executor.": executor,
    "future.": future,
    "ProcessTask.": await future.started,
  };
  for (const [prefix, owner] of Object.entries(names)) {
    const named = [...code.matchAll(new RegExp(`\\b${prefix.replace(".", "\\.")}(\\w+)`, "g"))].map(
      ([, name]) => name ?? "",
    );
    assert.ok(named.length > 0, prefix);
    for (const name of named) assert.ok(name in owner, `${prefix}${name}`);
  }
  for (const [name] of code.matchAll(/\b\w+Error\b/g)) assert.ok(name in asynccpu, name);
  for (const option of [
    "cancelTasksWhenShutdown",
    "graceMs",
    "handleSignals",
    "maxTasksPerChild",
    "timeoutInEmergencyMs",
  ]) {
    assert.ok(code.includes(option) && TASK_POOL_OPTIONS.names.includes(option), option);
  }
});
