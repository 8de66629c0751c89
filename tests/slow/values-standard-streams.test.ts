/** The standard streams of a program, and of the processes that it starts, as arguments of a task. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { openSync } from "node:fs";
import { closeSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { ProgramFolder } from "../testlibraries/program-folder.js";

const folder = new ProgramFolder();
folder.linkPackage();
folder.write({
  "upper.mjs": `
    import { ProcessTaskPoolExecutor } from "asynccpu";
    async function upper(source) {
      let text = "";
      for await (const chunk of source) text += chunk;
      return text.toUpperCase();
    }
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    console.log(JSON.stringify(await executor.createProcessTask(upper, process.stdin)));
    await executor.shutdown();
  `,
  "write.mjs": `
    import { ProcessTaskPoolExecutor } from "asynccpu";
    const write = (target, isLast) => new Promise((resolve, reject) => {
      target.on("error", reject);
      const done = (error) => error ? reject(error) : resolve();
      if (isLast) target.end("from the task\\n", done); else target.write("from the task\\n", done);
    });
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    await executor.submit(write, process.stdout, false);
    console.log("from the program");
    await executor.submit(write, process.stdout, true);
    await executor.shutdown();
    process.exitCode = 7;
  `,
  "child.mjs": `
    import { spawn } from "node:child_process";
    import { ProcessTaskPoolExecutor } from "asynccpu";
    const write = (target) => new Promise((resolve) => target.end("to the child", resolve));
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    const child = spawn(process.execPath, ["-e", "process.stdin.pipe(process.stdout)"], { stdio: ["pipe", "inherit", "inherit"] });
    await executor.submit(write, child.stdin);
    await executor.shutdown();
  `,
});

after(() => folder[Symbol.dispose]());

test("process.stdin of a pipe is read by a task, empty, short or long", () => {
  for (const input of ["", "data\n", "x".repeat(700_000)]) {
    const { status, stdout, stderr } = folder.run(["upper.mjs"], { input });
    assert.equal(status, 0, stderr);
    assert.equal(JSON.parse(stdout), input.toUpperCase());
  }
});

test(
  "process.stdin of a file, of a process before it, and of nothing is, too",
  { skip: process.platform === "win32" },
  () => {
    folder.write({ "input.txt": "from a file" });
    const fd = openSync(folder.at("input.txt"), "r");
    try {
      const { stdout } = spawnSync(process.execPath, ["upper.mjs"], {
        cwd: folder.path,
        stdio: [fd, "pipe", "inherit"],
      });
      assert.equal(stdout.toString(), '"FROM A FILE"\n');
    } finally {
      closeSync(fd);
    }
    for (const [command, output] of [
      [`echo data | "${process.execPath}" upper.mjs`, '"DATA\\n"\n'],
      [`"${process.execPath}" upper.mjs < /dev/null`, '""\n'],
    ] as const) {
      const { stdout, status } = folder.run(["-c", command], { command: "sh" });
      assert.deepEqual([stdout, status], [output, 0]);
    }
  },
);

test("process.stdout of a pipe is written to by a task, which leaves it open or ends it", () => {
  const { status, stdout, stderr } = folder.run(["write.mjs"]);
  assert.deepEqual([stdout, stderr, status], ["from the task\nfrom the program\nfrom the task\n", "", 7]);
});

test("the standard input of a child process is written to by a task", () => {
  const { status, stdout, stderr } = folder.run(["child.mjs"]);
  assert.deepEqual([stdout, stderr, status], ["to the child", "", 0]);
});
