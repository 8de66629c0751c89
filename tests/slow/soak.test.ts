/**
 * A pool under random tasks and random faults, replayable by its seed:
 * `ASYNCCPU_SOAK_SEED=7 ASYNCCPU_SOAK_MS=60000 npm test -- tests/slow/soak.test.ts`.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";

import { startFixture } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const DEFAULT_DURATION_MS = 180_000;

/** With short tasks it takes so many times less. */
const SHORT_SHARE = 4;

/** Growth of the heap in the second half, in bytes, that is taken for noise. */
const HEAP_NOISE_BYTES = 8_000_000;

interface SoakReport {
  readonly tasks: number;
  readonly complaints: number;
  readonly strength: number;
  readonly heapMiddle: number;
  readonly heapAfter: number;
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly tally: Readonly<Record<string, number>>;
}

const seed = Number(process.env["ASYNCCPU_SOAK_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const durationMs = Number(process.env["ASYNCCPU_SOAK_MS"] ?? DEFAULT_DURATION_MS);

const options = { timeout: durationMs + 180_000 };

for (const profile of ["any", "short"]) {
  test(`a pool under random faults keeps its promises, with ${profile} tasks (seed ${seed})`, options, async (t) => {
    // What needs long runs is found by the other one.
    const profileMs = profile === "short" ? durationMs / SHORT_SHARE : durationMs;
    const folder = mkdtempSync(join(tmpdir(), "asynccpu-soak-"));
    t.after(() => rmSync(folder, { recursive: true }));
    t.diagnostic(`seed ${seed}`);
    await using program = startFixture("soaks", {
      args: [String(seed), String(profileMs), join(folder, "journal"), profile],
      execArgv: ["--expose-gc"],
    });
    const { code } = await program.waitForEnd(profileMs + 90_000);
    const wrong = program.stdout.split("\n").filter((line) => line.startsWith("wrong: "));
    assert.deepEqual(wrong, [], `seed ${seed}`);
    assert.equal(code, 0, program.stderr);
    const report = JSON.parse(/^soak (.*)$/m.exec(program.stdout)?.[1] ?? "{}") as SoakReport;
    t.diagnostic(JSON.stringify(report));
    assert.equal(report.complaints, 0);
    assert.equal(report.strength, 4, "the pool is at full strength at the end");
    assert.ok(report.filesAfter <= report.filesBefore, "no descriptor is left after the shutdown");
    assert.ok(report.heapAfter < report.heapMiddle + HEAP_NOISE_BYTES, "the heap doesn't grow");
    assert.ok((report.tally["result"] ?? 0) > 100, "most tasks come to their end");
    await waitUntil(() => program.survivors().length === 0, { deadlineMs: 2000, what: "the end of all processes" });
  });
}
