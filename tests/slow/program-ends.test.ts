import assert from "node:assert/strict";
import { test } from "node:test";

import { cpuTimeMsOf } from "../testlibraries/process-family.js";
import { isAlive } from "../testlibraries/process-family.js";
import { startFixture } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { RunningProgram } from "../testlibraries/process-family.js";

const FAMILY = ["worker", "founder", "child", "stubborn", "setsid", "group", "double-forked", "bare"];

async function assertGone(pids: readonly number[], program: RunningProgram): Promise<void> {
  await waitUntil(() => pids.every((pid) => !isAlive(pid)) && program.survivors().length === 0, {
    deadlineMs: 2000,
    what: `the end of ${pids.filter(isAlive).join(", ")} ${program.survivors().join(", ")}`,
  });
}

test("a program that forgot to shut down ends by itself when its work is done, and leaves nothing behind", async () => {
  await using program = startFixture("runs-executors", { args: ["forgotten"] });
  const pid = await program.waitForPid("idle");
  const end = await program.waitForEnd();
  assert.deepEqual([end.code, end.signal], [0, null]);
  assert.match(end.stdout, /end of program/);
  await assertGone([pid], program);
});

test("a program with an unfinished task stays until the task is done", async () => {
  await using program = startFixture("runs-executors", { args: ["forgotten-busy"] });
  const end = await program.waitForEnd();
  assert.equal(end.code, 0);
  assert.match(end.stdout, /end of program\nslept\n/);
  await assertGone([], program);
});

test("a failure that nobody handles ends the program as any rejection would, a cancellation does not", async () => {
  await using program = startFixture("runs-executors", { args: ["unhandled"] });
  const end = await program.waitForEnd();
  assert.equal(end.code, 1);
  assert.match(end.stderr, /RangeError: nobody looks/);
  assert.doesNotMatch(end.stderr, /CancelledError/);
  await assertGone([], program);
});

test("an uncaught exception of the program takes its busy worker along", async () => {
  await using program = startFixture("runs-executors", { args: ["throws"] });
  const pid = await program.waitForPid("spinner");
  program.writeLine("throw");
  const end = await program.waitForEnd();
  assert.equal(end.code, 1);
  assert.match(end.stderr, /the program is broken/);
  await assertGone([pid], program);
});

test("process.exit takes a busy worker and its whole family along", async () => {
  await using program = startFixture("runs-executors", { args: ["exits"] });
  const pids = await Promise.all(FAMILY.map((name) => program.waitForPid(name)));
  program.writeLine("exit");
  assert.equal((await program.waitForEnd()).code, 5);
  await assertGone(pids, program);
});

test("SIGKILL of the program takes busy workers and their families along", async () => {
  await using program = startFixture("runs-executors", { args: ["busy"] });
  const pids = await Promise.all([...FAMILY, "second"].map((name) => program.waitForPid(name)));
  program.kill("SIGKILL");
  await program.waitForEnd();
  await assertGone(pids, program);
});

test("SIGKILL of the program takes idle and nested workers along", async () => {
  await using idle = startFixture("runs-executors", { args: ["sleeps"] });
  await using nested = startFixture("runs-executors", { args: ["nested"] });
  const idlePid = await idle.waitForPid("idle");
  const nestedPids = [await nested.waitForPid("outer"), await nested.waitForPid("inner")];
  idle.kill("SIGKILL");
  nested.kill("SIGKILL");
  await assertGone([idlePid], idle);
  await assertGone(nestedPids, nested);
});

test("an idle pool uses no CPU", async () => {
  await using program = startFixture("runs-executors", { args: ["sleeps"] });
  const pid = await program.waitForPid("idle");
  const watched = [pid, program.pid];
  // Whatever still runs after the start has had its time when the CPU time stands still for once.
  const used = (): number => watched.map(cpuTimeMsOf).reduce((sum, ms) => sum + ms, 0);
  let before = -1;
  await waitUntil(
    async () => {
      before = used();
      await new Promise((resolve) => {
        setTimeout(resolve, 1000);
      });
      return used() === before;
    },
    { deadlineMs: 15_000, what: "a second without CPU time" },
  );
  assert.equal(program.hasEnded, false);
});

test("executors that are dropped without a shutdown take their workers and listeners along", async () => {
  await using program = startFixture("runs-executors", { args: ["dropped"], execArgv: ["--expose-gc"] });
  const end = await program.waitForEnd();
  assert.match(end.stdout, /left 0, listeners 0/);
});

test("without a queue, output goes to the parent's streams in whole lines", async () => {
  await using program = startFixture("runs-executors", { args: ["logs"] });
  const end = await program.waitForEnd();
  assert.equal(end.code, 0);
  const lines = end.stdout.split("\n").filter((line) => line !== "end of program" && line !== "");
  assert.equal(lines.length, 50);
  for (const line of lines) assert.match(line, /^(a{10000}|b{10000})$/);
  assert.deepEqual(new Set(end.stderr.trim().split("\n")), new Set(["a to stderr", "b to stderr"]));
});

test("without a queue, nothing of the output is lost when the task exits right after", async () => {
  await using program = startFixture("runs-executors", { args: ["logs-and-exits"] });
  const end = await program.waitForEnd();
  const lines = end.stdout.split("\n").slice(0, -2);
  assert.deepEqual(
    lines.map((line) => [line.length, Number(line.slice(-2).replace(".", ""))]),
    Array.from({ length: 20 }, (_, i) => [50_000, i]),
  );
});
