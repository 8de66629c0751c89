/** The processes in which the benchmark measures end with it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { descendantsOf } from "../../testlibraries/process-inspection.js";
import { isAlive } from "../../testlibraries/process-inspection.js";
import { startFixture } from "../../testlibraries/process-family.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

for (const [signal, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`a benchmark that is ended by ${signal} takes its probe along`, async () => {
    await using program = startFixture("runs-probe");
    const probe = await waitUntil(() => descendantsOf(program.pid)[0], { what: "its probe" });
    assert.ok(probe !== undefined && isAlive(probe));
    program.kill(signal);
    assert.equal((await program.waitForEnd()).code, exitCode);
    await waitUntil(() => !isAlive(probe), { deadlineMs: 2000, what: "the end of its probe" });
  });
}
