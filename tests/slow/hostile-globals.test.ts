/** Globals that a program or a task has changed don't stand in the way of tasks and their errors. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { createServer } from "node:net";
import { test } from "node:test";
import type { AddressInfo } from "node:net";

import { ProgramFolder } from "../testlibraries/program-folder.js";
import type { RunResult } from "../testlibraries/program-folder.js";

const HEAD = `
import path from "node:path";
import { Socket } from "node:net";
import { ProcessTaskPoolExecutor } from "asynccpu";
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
class TaskError extends Error {}
const socket = new Socket();
const said = [];
const say = (error) => {
  const lines = String(error?.stack).split("\\n");
  const isWhole = lines[0] === "Error: thrown" && lines.includes("    — submitted from —") && /main\\.mjs:\\d/.test(lines[lines.indexOf("    — submitted from —") + 1]);
  said.push(error instanceof TaskError && isWhole ? "whole" : error);
};
`;

const WAYS: Readonly<Record<string, string>> = {
  throws: '() => { throw new Error("by prepareStackTrace"); }',
  "gives the frames": "(error, frames) => frames",
  "gives a number": "() => 42",
  "gives nothing": "() => undefined",
};

const folder = new ProgramFolder();

before(() => folder.linkPackage());
after(() => folder[Symbol.dispose]());

function run(program: string, args: readonly string[] = []): RunResult {
  folder.write({ "main.mjs": `${HEAD}${program}` });
  return folder.run([...args, "main.mjs"]);
}

for (const [way, code] of Object.entries(WAYS)) {
  test(`Error.prepareStackTrace that ${way}, in the task: its error arrives whole`, () => {
    const { status, stdout, stderr } = run(`
      say(await executor.createProcessTask(() => {
        Error.prepareStackTrace = ${code};
        throw new TaskError("thrown");
      }).exception());
      say(await executor.createProcessTask(async () => {
        const error = new TaskError("thrown");
        try { void error.stack; } catch {}
        throw error;
      }).exception());
      await executor.shutdown();
      console.log(said.join(" "));`);
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "whole whole\n", stderr: "" });
  });

  test(`Error.prepareStackTrace that ${way}, in the program: the error of a task arrives as a text`, () => {
    const { status, stdout, stderr } = run(`
      const before = Error.prepareStackTrace;
      Error.prepareStackTrace = ${code};
      const thrown = [
        await executor.createProcessTask(() => { throw new TaskError("thrown"); }).exception(),
        await executor.map(() => { throw new TaskError("thrown"); }, [1]).next().catch((error) => error),
        await executor.createProcessTask(() => socket).exception(),
      ];
      Error.prepareStackTrace = before;
      for (const error of thrown) said.push(error.constructor.name, /^\\w*Error: /.test(error.stack));
      await executor.shutdown();
      console.log(said.join(" "));`);
    const stdoutExpected = "TaskError true TaskError true FunctionNotPicklableError true\n";
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: stdoutExpected, stderr: "" });
  });
}

test("Array.prototype.toJSON, as some libraries define it, changes neither functions nor errors", () => {
  const { status, stdout, stderr } = run(`
    Array.prototype.toJSON = () => "from toJSON";
    const [join, base, list] = [path.join, path.basename, [1, 2]];
    const value = await executor.createProcessTask(() => [join("a", "b"), base("x/y"), list.length]);
    said.push(value.map(String));
    say(await executor.createProcessTask(() => { throw new TaskError("thrown"); }).exception());
    await executor.shutdown();
    console.log(said.join(" "));`);
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "a/b,y,2 whole\n", stderr: "" });
});

test("a task may replace globalThis.process: the worker goes on, and ends without a word", () => {
  const { status, stdout, stderr } = run(`
    said.push(await executor.createProcessTask(() => { globalThis.process = { env: {} }; return process.pid === undefined; }));
    say(await executor.createProcessTask(() => { throw new TaskError("thrown"); }).exception());
    await executor.shutdown();
    console.log(said.join(" "));`);
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "true whole\n", stderr: "" });
});

test("a preload that opens a port ends every worker: the error says so, and execArgv leaves it out", async () => {
  // A port that is free now; nobody else takes it in the meantime, most likely.
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  folder.write({
    // It waits for the port: else a worker of Node 26 is up before its preload fails, and runs the task.
    "instrument.mjs": `import { createServer } from "node:http"; import { once } from "node:events";
      const server = createServer().listen(${port}, "127.0.0.1"); server.unref(); await once(server, "listening");`,
  });
  const { status, stdout } = run(
    `const error = await executor.createProcessTask(() => 1).exception();
    said.push(error.name, /preload \\(--import/.test(error.message), error.stderr.includes("EADDRINUSE"));
    await executor.shutdown();
    const other = new ProcessTaskPoolExecutor({ maxWorkers: 1, execArgv: [] });
    said.push(await other.createProcessTask(() => 2));
    await other.shutdown();
    console.log(said.join(" "));`,
    ["--import", "./instrument.mjs"],
  );
  assert.deepEqual({ status, stdout }, { status: 0, stdout: "WorkerStartError true true 2\n" });
});
