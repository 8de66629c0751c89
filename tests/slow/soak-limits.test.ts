/**
 * A pool under retries, priorities, full queues, limits of memory and random faults, replayable by its seed:
 * `ASYNCCPU_SOAK_SEED=7 ASYNCCPU_SOAK_MS=60000 npm test -- tests/slow/soak-limits.test.ts`.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";

import { startFixture } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";

/** Three minutes by hand; the suite has much else to do. */
const DEFAULT_DURATION_MS = 30_000;

interface SoakReport {
  readonly tasks: number;
  readonly complaints: number;
  readonly mapCount: number;
  readonly tally: Readonly<Record<string, number>>;
}

const seed = Number(process.env["ASYNCCPU_SOAK_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const durationMs = Number(process.env["ASYNCCPU_SOAK_MS"] ?? DEFAULT_DURATION_MS);

test(
  `a pool with limits keeps its promises under random faults (seed ${seed})`,
  { timeout: durationMs + 180_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "asynccpu-soak-"));
    t.after(() => rmSync(folder, { recursive: true }));
    t.diagnostic(`seed ${seed}`);
    await using program = startFixture("soaks-limits", {
      args: [String(seed), String(durationMs), join(folder, "journal")],
    });
    const { code } = await program.waitForEnd(durationMs + 120_000);
    const wrong = program.stdout.split("\n").filter((line) => line.startsWith("wrong: "));
    assert.deepEqual(wrong, [], `seed ${seed}`);
    assert.equal(code, 0, program.stderr);
    const report = JSON.parse(/^soak (.*)$/m.exec(program.stdout)?.[1] ?? "{}") as SoakReport;
    t.diagnostic(JSON.stringify(report));
    assert.equal(report.complaints, 0);
    assert.ok(report.mapCount > 0, "maps come to their end");
    for (const kind of [
      "result",
      "Error",
      "QueueFullError",
      "QueueTimeoutError",
      "TaskTimeoutError",
      "CancelledError",
    ]) {
      assert.ok((report.tally[kind] ?? 0) > 0, `no task ended with ${kind}`);
    }
    await waitUntil(() => program.survivors().length === 0, { deadlineMs: 2000, what: "the end of all processes" });
  },
);
