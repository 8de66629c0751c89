/** Signals to real programs that guard themselves (tests/fixtures/guards-signals.ts). */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { test } from "node:test";

import type { ProgramEnd } from "../../testlibraries/process-family.js";
import type { RunningProgram } from "../../testlibraries/process-family.js";
import { isAlive } from "../../testlibraries/process-family.js";
import { startFixture } from "../../testlibraries/process-family.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

async function startGuarded(...args: string[]): Promise<RunningProgram> {
  const program = startFixture("guards-signals", { args });
  await program.waitForLine(/^ready$/);
  return program;
}

async function signalAndEnd(program: RunningProgram, signal: NodeJS.Signals): Promise<ProgramEnd> {
  program.kill(signal);
  return program.waitForEnd();
}

function linesAfterReady(end: ProgramEnd): string[] {
  return end.stdout.split("ready\n").at(-1)?.trim().split("\n") ?? [];
}

describe("a signal to a program with a guard", { skip: process.platform === "win32" }, () => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    test(`${signal}: it cleans up and ends by the signal`, async () => {
      await using program = await startGuarded();
      const end = await signalAndEnd(program, signal);
      assert.deepEqual({ code: end.code, signal: end.signal }, { code: null, signal });
      assert.deepEqual(linesAfterReady(end), [`cleaning ${signal}`, "cleaned"]);
    });
  }

  test("many guards share one listener and are all asked", async () => {
    await using program = await startGuarded("guards=25");
    assert.match(program.stdout, /^listeners 1$/m);
    const end = await signalAndEnd(program, "SIGTERM");
    assert.equal(end.signal, "SIGTERM");
    assert.equal(linesAfterReady(end).filter((line) => line === "cleaned").length, 25);
    assert.equal(end.stderr, "");
  });

  test("a guard that fails or takes too long is followed by its emergency, and the program ends by the signal", async () => {
    for (const args of [["fails"], ["clean-ms=30000", "limit-ms=100"]]) {
      await using program = await startGuarded(...args);
      const end = await signalAndEnd(program, "SIGTERM");
      assert.equal(end.signal, "SIGTERM");
      assert.deepEqual(linesAfterReady(end), ["cleaning SIGTERM", "emergency"]);
    }
  });

  for (const listener of ["on", "once"]) {
    test(`the user's listener (${listener}) runs and holds the exit`, async () => {
      await using program = await startGuarded(`listener=${listener}`);
      const end = await signalAndEnd(program, "SIGINT");
      assert.deepEqual({ code: end.code, signal: end.signal }, { code: 7, signal: null });
      assert.deepEqual(linesAfterReady(end), ["user SIGINT", "cleaning SIGINT", "cleaned", "exit hook"]);
    });
  }

  test("signal-exit is not taken for a user's listener", async () => {
    await using program = await startGuarded("signal-exit");
    const end = await signalAndEnd(program, "SIGTERM");
    assert.equal(end.signal, "SIGTERM");
    assert.deepEqual(linesAfterReady(end), ["cleaning SIGTERM", "cleaned", "signal-exit SIGTERM"]);
  });

  test("a second signal of another kind kills everything at once", async () => {
    await using program = await startGuarded("clean-ms=30000", "limit-ms=30000", "spawns");
    const child = await program.waitForPid("stubborn");
    program.kill("SIGINT");
    await program.waitForLine(/^cleaning SIGINT$/);
    const end = await signalAndEnd(program, "SIGTERM");
    assert.equal(end.signal, "SIGTERM");
    assert.deepEqual(linesAfterReady(end), ["cleaning SIGINT", "emergency"]);
    await waitUntil(() => !isAlive(child), { what: "the end of the child" });
  });

  test("the user's listener holds the exit after a second signal, too", async () => {
    await using program = await startGuarded("clean-ms=30000", "limit-ms=30000", "listener=on");
    program.kill("SIGINT");
    await program.waitForLine(/^cleaning SIGINT$/);
    const end = await signalAndEnd(program, "SIGTERM");
    assert.equal(end.code, 7);
    assert.ok(linesAfterReady(end).includes("emergency"));
  });

  test("the echo of one keystroke, sent on by npm, isn't a second signal", async () => {
    await using program = await startGuarded("clean-ms=100");
    program.kill("SIGINT");
    await program.waitForLine(/^cleaning SIGINT$/);
    const end = await signalAndEnd(program, "SIGINT");
    assert.equal(end.signal, "SIGINT");
    assert.deepEqual(linesAfterReady(end), ["cleaning SIGINT", "cleaned"]);
  });

  test("a released guard isn't asked and nothing listens any more", async () => {
    await using program = await startGuarded("released");
    assert.match(program.stdout, /^listeners 0$/m);
    const end = await signalAndEnd(program, "SIGTERM");
    assert.equal(end.signal, "SIGTERM");
    assert.deepEqual(linesAfterReady(end), [""]);
  });

  test("a guard doesn't keep the program alive, and exit hooks run", async () => {
    await using program = startFixture("guards-signals", { args: ["finishes"] });
    const end = await program.waitForEnd();
    assert.equal(end.code, 0);
    assert.deepEqual(linesAfterReady(end), ["exit hook"]);
  });
});
