/** Where something is scarce, a pool works with what there is, or fails with a clear error; it never hangs. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { cpSync } from "node:fs";
import { describe } from "node:test";
import { mkdtempSync } from "node:fs";
import { mkdirSync } from "node:fs";
import { rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { tmpdir } from "node:os";
import path from "node:path";

import { CHECKOUT } from "../testlibraries/program-folder.js";
import { fixturePath } from "../testlibraries/process-family.js";
import { isAlive } from "../testlibraries/process-family.js";
import { startFixture } from "../testlibraries/process-family.js";
import type { ProgramEnd } from "../testlibraries/process-family.js";
import type { RunningProgram } from "../testlibraries/process-family.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-scarcity-"));
after(() => rmSync(folder, { recursive: true }));

/** Why a command can't be run here; false when it can. */
function whyNot(command: string, ...args: readonly string[]): string | false {
  const { status, error, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (error === undefined && status === 0) return false;
  return `${command} ${args.join(" ")}: ${error?.message ?? stderr}`;
}

const noMounts = whyNot("unshare", "-m", "true");

/** Runs a fixture by a shell command, which finds Node's and the fixture's path, and what follows, in "$@". */
function startByShell(
  name: string,
  script: string,
  args: readonly string[],
  nodeArgs: readonly string[] = [],
): RunningProgram {
  const program = [process.execPath, ...nodeArgs, fixturePath(name), ...args];
  return startFixture(name, { command: "sh", args: ["-c", script, "sh", ...program] });
}

/** Has the fixture cancel its busy task, and asserts that everything worked. */
async function assertCopes(program: RunningProgram, expectedSum: number): Promise<ProgramEnd> {
  // V8 collects all the time when its limit is near.
  await program.waitForLine(/^failures \d+$/, 60_000);
  assert.match(program.stdout, new RegExp(`^sum ${expectedSum}\nfailures 0$`, "m"));
  const pids = [await program.waitForPid("child"), await program.waitForPid("busy")];
  program.writeLine("cancel");
  await program.waitForLine(/^busy ended by CancelledError$/);
  assert.deepEqual(pids.filter(isAlive), []);
  const end = await program.waitForEnd();
  assert.deepEqual([end.code, end.signal], [0, null], end.stderr);
  assert.match(end.stdout, /^end of program$/m);
  await program.waitForNobody();
  return end;
}

test("with 32 descriptors a program works, or fails with EMFILE: from Node's own loader, or as its futures' error", async () => {
  await using program = startByShell("copes-with-little", 'ulimit -n 32; exec "$@"', ["20"]);
  program.writeLine("cancel");
  const end = await program.waitForEnd();
  if (end.code === 0) {
    assert.match(end.stdout, /^end of program$/m);
    assert.match(end.stdout, /^sum 210\nfailures 0$|^sum 0\nfailures 20\nerror WorkerStartError: .*EMFILE/m);
  } else {
    // Node opens the files of a program all at once.
    assert.match(end.stderr, /^Error: EMFILE: too many open files/m);
  }
});

test("a heap of 64 MiB is enough for 10,000 tasks in flight", async () => {
  await using program = startByShell("copes-with-little", 'exec "$@"', ["10000"], ["--max-old-space-size=64"]);
  await assertCopes(program, 50_005_000);
});

describe("in a file system", { skip: noMounts }, () => {
  const full = path.join(folder, "full");
  mkdirSync(full);

  test("that is full, as are /dev/shm and the temporary folder, a pool works: it writes no files", async () => {
    const fill = `
      for each in /dev/shm "${full}"; do
        mount -t tmpfs -o size=64k tmpfs "$each" || exit 90
        cat /dev/zero > "$each/filler" 2> /dev/null
        if echo more > "$each/more" 2> /dev/null && test -s "$each/more"; then exit 91; fi
      done
      cd "${full}"; export TMPDIR="${full}" HOME="${full}"; exec "$@"`;
    const program = [process.execPath, fixturePath("copes-with-little"), "20"];
    await using running = startFixture("copes-with-little", {
      command: "unshare",
      args: ["-m", "sh", "-c", fill, "sh", ...program],
    });
    await assertCopes(running, 210);
  });

  test("that can only be read, a pool works", async () => {
    const lock = `
      mount -o remount,bind,ro / || exit 90
      for each in /tmp /dev/shm "${folder}"; do
        mount --bind "$each" "$each" && mount -o remount,bind,ro "$each" || exit 90
        if touch "$each/file" 2> /dev/null; then exit 91; fi
      done
      exec "$@"`;
    const program = [process.execPath, fixturePath("copes-with-little"), "20"];
    await using running = startFixture("copes-with-little", {
      command: "unshare",
      args: ["-m", "sh", "-c", lock, "sh", ...program],
    });
    await assertCopes(running, 210);
  });

  test("without /proc, a pool works, and a cancelled task's group is dead", async () => {
    const hide = 'mount -t tmpfs tmpfs /proc || exit 90; test -e /proc/self && exit 91; exec "$@"';
    const program = [process.execPath, fixturePath("copes-with-little"), "20"];
    await using running = startFixture("copes-with-little", {
      command: "unshare",
      args: ["-m", "sh", "-c", hide, "sh", ...program],
    });
    await assertCopes(running, 210);
  });
});

/** A user that has no other processes; root has no limit to theirs. */
const USER = 50_000 + (process.pid % 10_000);
const asUser = [`--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"];

/** What a program needs of this checkout, where every user can read it. */
function copyReadably(): string {
  const copy = path.join(folder, "copy");
  for (const each of ["package.json", "dist", "build/src", "build/tests/fixtures", "build/tests/testlibraries"]) {
    cpSync(path.join(CHECKOUT, each), path.join(copy, each), { recursive: true });
  }
  for (const each of ["acorn", "eslint-scope", "esrecurse", "estraverse"]) {
    cpSync(path.join(CHECKOUT, "node_modules", each), path.join(copy, "node_modules", each), { recursive: true });
  }
  for (const each of [folder, copy]) spawnSync("chmod", ["-R", "a+rX", each]);
  return path.join(copy, "build", "tests", "fixtures");
}

const noOtherUser = whyNot("setpriv", ...asUser, process.execPath, "-e", "0");

test(
  "with no process left the tasks fail with EAGAIN, with too few as well, later all is well",
  { skip: noOtherUser },
  async () => {
    const fixture = path.join(copyReadably(), "holds-processes.js");
    const script = 'ulimit -u 100; exec "$@"';
    await using program = startFixture("holds-processes", {
      command: "setpriv",
      args: [...asUser, "bash", "-c", script, "bash", process.execPath, fixture, "1", "5"],
      env: { TMPDIR: undefined },
    });
    const end = await program.waitForEnd(110_000);
    assert.deepEqual([end.code, end.signal], [0, null], end.stderr);
    assert.match(end.stdout, /^refused EAGAIN\nnone free: 0 results\nnone free: WorkerStartError: .*EAGAIN/m);
    // Node aborts, or waits for ever, in a process that can't have all its threads.
    for (const label of ["1 more free", "5 more free"]) {
      const lines = end.stdout.split("\n").filter((line) => line.startsWith(label));
      assert.ok(lines.length > 0);
      for (const line of lines.slice(1)) assert.match(line, /: WorkerStartError: /);
      if (lines.length === 1) assert.equal(lines[0], `${label}: 20 results`);
    }
    assert.match(end.stdout, /^all free: 20 results\nend of program$/m);
    await program.waitForNobody();
  },
);
