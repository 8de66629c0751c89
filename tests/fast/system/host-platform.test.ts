/**
 * The operating system that this process really runs on, as far as macOS and Windows need more of it than Linux does.
 */

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";

import { ProcessTask } from "../../../src/system/process/process-task.js";
import { hostPlatform } from "../../../src/system/platform.js";
import type { CommandResult } from "../../../src/system/platform.js";

const PROGRAM = "process.stdout.write(JSON.stringify([process.pid, process.env.LC_ALL, process.env.TZ]))";

const ways: readonly [string, (args: readonly string[], command?: string) => Promise<CommandResult>][] = [
  ["in the background", (args, command = process.execPath) => hostPlatform.run(command, args)],
  ["blocking", async (args, command = process.execPath) => hostPlatform.runSync(command, args)],
];

for (const [name, run] of ways) {
  test(`a command that is run ${name} gives its output and its process id, in a language of no country`, async () => {
    const { stdout, pid } = await run(["-e", PROGRAM]);
    assert.deepEqual(JSON.parse(stdout), [pid, "C", "UTC"]);
    assert.equal(ProcessTask.for(pid ?? 0).isAlive(), false);
  });

  test(`a command that is run ${name} and fails, or that isn't there, is an error`, async () => {
    await assert.rejects(run(["-e", "process.exit(3)"]), Error);
    await assert.rejects(run([], "asynccpu-no-such-command"), { code: "ENOENT" });
  });
}

test("files, folders and signals are the system's own", () => {
  const folder = mkdtempSync(join(tmpdir(), "asynccpu-platform-"));
  writeFileSync(join(folder, "a"), "grün");
  assert.equal(hostPlatform.readText(join(folder, "a")), "grün");
  assert.deepEqual(hostPlatform.listDirectory(folder), ["a"]);
  rmSync(folder, { recursive: true });
  assert.throws(() => hostPlatform.listDirectory(folder), { code: "ENOENT" });
  hostPlatform.kill(process.pid, 0);
  assert.throws(() => ProcessTask.for(process.pid).sendSignal("SIGNONSENSE" as "SIGTERM"), {
    code: "ERR_UNKNOWN_SIGNAL",
  });
});
