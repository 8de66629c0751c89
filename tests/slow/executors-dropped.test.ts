/** Executors come and go; nothing of them stays. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { startFixture } from "../testlibraries/process-family.js";

const COUNT = 2000;

/** By an eighth of them, in bytes: half a kilobyte for each, far less than an executor that stays. */
const MOST_GROWTH = 125_000;

for (const mode of ["drops", "shuts-down"]) {
  test(`a program that makes ${COUNT} executors and ${mode} them keeps no memory, listener or process`, async (t) => {
    await using program = startFixture("makes-executors", { args: [mode, String(COUNT)], execArgv: ["--expose-gc"] });
    const end = await program.waitForEnd(100_000);
    assert.equal(end.code, 0, end.stderr);
    const growth = Number(/^growth (-?\d+) of .*$/m.exec(end.stdout)?.[1]);
    t.diagnostic(/^growth .*$/m.exec(end.stdout)?.[0] ?? "");
    assert.ok(growth < MOST_GROWTH, `it grew by ${growth} bytes`);
    assert.match(end.stdout, /^processes 41 left 0\nwarnings \nlisteners same$/m);
    assert.doesNotMatch(end.stderr, /Warning/);
    await program.waitForNobody();
  });
}
