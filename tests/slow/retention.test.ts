/** What settled tasks were given, and gave, is not kept. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { startFixture } from "../testlibraries/process-family.js";

/** In millions of bytes; a single argument or result has 4. */
const MOST_KEPT = 3;

test("50 arguments or results of 4 MB are kept neither by futures that settled nor by the worker; a future keeps its result", async (t) => {
  await using program = startFixture("keeps-futures", { execArgv: ["--expose-gc"] });
  const end = await program.waitForEnd(110_000);
  assert.equal(end.code, 0, end.stderr);
  const lines = [...end.stdout.matchAll(/^(.+) keep (\S+) here, (\S+) there, (\d+) arguments$/gm)];
  assert.deepEqual(
    lines.map(([, label]) => label),
    ["succeeded", "failed", "cancelled", "results", "dropped results"],
  );
  for (const [line, label, here, there, refs] of lines) {
    t.diagnostic(line);
    if (label === "results") assert.ok(Number(here) > 190, line);
    else assert.ok(Number(here) < MOST_KEPT, line);
    assert.ok(Number(there) < MOST_KEPT, line);
    assert.equal(Number(refs), 0, line);
  }
});
