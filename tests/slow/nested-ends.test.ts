/**
 * How nested executors end with the task that they are in: their tasks have their time, then that task has its own.
 */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";

import { startFixture } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { ProgramEnd } from "../testlibraries/process-family.js";

const folder = mkdtempSync(join(tmpdir(), "asynccpu-nested-"));

after(() => rmSync(folder, { recursive: true }));

type Way = "cancel" | "timeout" | "shutdown" | "signal" | NodeJS.Signals;

interface Ending {
  readonly end: ProgramEnd;
  /** What the tasks wrote after all of them had begun, in order. */
  readonly lines: readonly string[];
}

/** Ends a nested task when so many inner ones wait. */
async function endNested(kind: string, waitingCount: number, way: Way): Promise<Ending> {
  const file = join(folder, `${kind}-${way}`);
  writeFileSync(file, "");
  const readLines = (): string[] => readFileSync(file, "utf8").trimEnd().split("\n");
  const isSignal = way.startsWith("SIG");
  await using program = startFixture("nests-executors", { args: [kind, file, isSignal ? "nothing" : way] });
  const isReady = (): boolean => readLines().filter((line) => line.endsWith("waits")).length === waitingCount;
  await waitUntil(isReady, { what: `${waitingCount} inner tasks` });
  if (isSignal) program.kill(way as NodeJS.Signals);
  else program.writeLine("");
  const end = await program.waitForEnd();
  await program.waitForNobody();
  return { end, lines: readLines().slice(waitingCount) };
}

const POLITE = ["asleep finally", "outer finally", "plain finally", "spinning finally"];

function assertPolite(lines: readonly string[], rest: readonly string[] = []): void {
  assert.deepEqual(lines.toSorted(), [...POLITE, ...rest].toSorted());
}

describe("the finally blocks of inner and outer tasks run", { skip: process.platform === "win32" }, () => {
  for (const way of ["cancel", "timeout", "shutdown", "signal"] as const) {
    test(`when the outer task is ended by ${way}`, async () => {
      const { end, lines } = await endNested("nestPolitely", 3, way);
      assert.match(end.stdout, way === "timeout" ? /^ended with TaskTimeoutError$/m : /^ended with CancelledError$/m);
      assert.equal(end.code, 0, end.stderr);
      assertPolite(lines);
    });
  }

  for (const way of ["SIGTERM", "SIGINT"] as const) {
    test(`when the program receives ${way}`, async () => {
      const { end, lines } = await endNested("nestPolitely", 3, way);
      assert.equal(end.signal, way);
      assertPolite(lines);
    });
  }

  for (const way of ["cancel", "SIGTERM"] as const) {
    test(`three levels deep, by ${way}`, async () => {
      const { lines } = await endNested("nestDeeply", 3, way);
      assertPolite(lines, ["outermost finally"]);
      assert.equal(lines.at(-1), "outermost finally");
    });

    test(`those of the outer task after an inner one that only a kill ends, by ${way}`, async () => {
      const { lines } = await endNested("nestStubbornly", 1, way);
      assert.deepEqual(lines, ["outer finally"]);
    });
  }
});
