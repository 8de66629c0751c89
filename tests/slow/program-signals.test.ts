import assert from "node:assert/strict";
import { test } from "node:test";

import { fixturePath } from "../testlibraries/process-family.js";
import { interruptAlone } from "../testlibraries/keyboard-interrupter.js";
import { interruptForegroundGroup } from "../testlibraries/keyboard-interrupter.js";
import { isAlive } from "../testlibraries/process-family.js";
import { pressControlC } from "../testlibraries/keyboard-interrupter.js";
import { startFixture } from "../testlibraries/process-family.js";
import { startInTerminal } from "../testlibraries/keyboard-interrupter.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { RunningProgram } from "../testlibraries/process-family.js";

const FAMILY = ["worker", "founder", "child", "stubborn", "setsid", "group", "double-forked", "bare", "second"];

/** What a platform needs at the most to take a killed process off its list. */
const GONE_WITHIN_MS = 2000;

async function waitForPids(program: RunningProgram, names: readonly string[]): Promise<number[]> {
  return Promise.all(names.map((name) => program.waitForPid(name)));
}

async function assertGone(pids: readonly number[], program: RunningProgram): Promise<void> {
  await waitUntil(() => pids.every((pid) => !isAlive(pid)), {
    deadlineMs: GONE_WITHIN_MS,
    what: `the end of ${pids.filter(isAlive).join(", ")}`,
  });
  await waitUntil(() => program.survivors().length === 0, { deadlineMs: GONE_WITHIN_MS, what: "no survivors" });
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  test(`${signal} ends a busy program by that signal, with the families of its workers`, async () => {
    await using program = startFixture("runs-executors", { args: ["busy"] });
    const pids = await waitForPids(program, FAMILY);
    program.kill(signal);
    const end = await program.waitForEnd();
    assert.deepEqual([end.code, end.signal], [null, signal]);
    assert.match(end.stdout, /tasks settled/);
    await assertGone(pids, program);
  });
}

test("Ctrl-C as a terminal sends it, to the whole foreground group, ends everything", async () => {
  await using program = startFixture("runs-executors", { args: ["busy"], detached: true });
  const pids = await waitForPids(program, FAMILY);
  interruptForegroundGroup(program);
  const end = await program.waitForEnd();
  assert.equal(end.signal, "SIGINT");
  await assertGone(pids, program);
});

test("Ctrl-C pressed in a real terminal gives a shell status 130", async () => {
  await using program = startInTerminal(fixturePath("runs-executors"), { args: ["busy"] });
  await waitUntil(() => program.stdout.includes("family complete"), { what: "the family" });
  await waitUntil(() => program.stdout.includes("pid second"), { what: "the second worker" });
  const pids = [...program.stdout.matchAll(/^pid \S+ (\d+)\r?$/gm)].map((match) => Number(match[1]));
  assert.equal(pids.length, FAMILY.length);
  pressControlC(program);
  assert.equal((await program.waitForEnd()).code, 130);
  await assertGone(pids, program);
});

test("a listener of the user's runs and holds the exit; the tasks are cancelled all the same", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await using program = startFixture("runs-executors", { args: ["busy-listening"] });
    const pids = await waitForPids(program, FAMILY);
    program.kill(signal);
    await program.waitForLine(new RegExp(`listener got ${signal}`));
    await program.waitForLine(/tasks settled/);
    const end = await program.waitForEnd();
    // The program goes on until its own code is at its end.
    assert.deepEqual([end.code, end.signal], [9, null]);
    await assertGone(pids, program);
  }
});

test("a second Ctrl-C ends the program at once", async () => {
  await using program = startFixture("runs-executors", { args: ["finally"] });
  await program.waitForLine(/task waits/);
  interruptAlone(program);
  await program.waitForLine(/finally block ran/);
  await program.waitForEnd();
  await using stubborn = startFixture("runs-executors", { args: ["nested"] });
  const pids = await waitForPids(stubborn, ["outer", "inner"]);
  stubborn.kill("SIGTERM");
  interruptAlone(stubborn);
  const end = await stubborn.waitForEnd();
  assert.equal(end.code, null);
  assert.ok(end.signal === "SIGINT" || end.signal === "SIGTERM");
  await assertGone(pids, stubborn);
});

test("several executors, and executors inside workers, all end", async () => {
  for (const [mode, names] of [
    ["two-executors", ["first", "second"]],
    ["nested", ["outer", "inner"]],
  ] as const) {
    await using program = startFixture("runs-executors", { args: [mode] });
    const pids = await waitForPids(program, names);
    program.kill("SIGTERM");
    assert.equal((await program.waitForEnd()).signal, "SIGTERM");
    await assertGone(pids, program);
  }
});

test("a task's finally block runs before the program ends by the signal", async () => {
  await using program = startFixture("runs-executors", { args: ["finally"] });
  await program.waitForLine(/task waits/);
  program.kill("SIGTERM");
  const end = await program.waitForEnd();
  assert.equal(end.signal, "SIGTERM");
  assert.match(end.stdout, /task's finally block ran/);
});

test("a plain pool leaves signals alone, and its workers end with the program", async () => {
  await using program = startFixture("runs-executors", { args: ["plain"] });
  const pids = await waitForPids(program, ["plain"]);
  program.kill("SIGINT");
  assert.equal((await program.waitForEnd()).signal, "SIGINT");
  await assertGone(pids, program);
});

test("an idle program ends by the signal too", async () => {
  await using program = startFixture("runs-executors", { args: ["sleeps"] });
  const pids = await waitForPids(program, ["idle"]);
  program.kill("SIGTERM");
  assert.equal((await program.waitForEnd()).signal, "SIGTERM");
  await assertGone(pids, program);
});
