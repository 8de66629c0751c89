/** Every way in which a program, or a thread of it, can end: what it has started is gone within a second. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { mkdtempSync } from "node:fs";
import { readFileSync } from "node:fs";
import { readdirSync } from "node:fs";
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";

import { FAMILY } from "../fixtures/family-tasks.js";
import { isAlive } from "../testlibraries/process-family.js";
import { isStopped } from "../testlibraries/process-inspection.js";
import { startFixture } from "../testlibraries/process-family.js";
import type { ProgramEnd } from "../testlibraries/process-family.js";
import type { RunningProgram } from "../testlibraries/process-family.js";

/** What is promised is one second, on a machine that has time. */
const GONE_WITHIN_MS = 3000;
const POLL_MS = 5;

const STATES = ["worker", "founder", ...FAMILY, "idle", "stopped-idle", "stopped-busy"];

/** All temporary files of the programs under test would be here. */
const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-ends-"));
after(() => rmSync(folder, { recursive: true }));

/** Names of things outside processes that a program could leave: shared memory, and sockets with a name. */
function namedThings(): Set<string> {
  const sockets = readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .map((line) => line.split(/\s+/)[7] ?? "");
  return new Set([...readdirSync("/dev/shm").map((name) => `/dev/shm/${name}`), ...sockets]);
}

/** Those that came since, and can be this program's: by its folder, by this package's name, or by a process of it. */
function assertNothingNamedStays(before: ReadonlySet<string>, pids: readonly number[]): void {
  const numbers = new Set(pids.map(String));
  const isOurs = (name: string): boolean =>
    name.includes(folder) || /asynccpu/i.test(name) || (name.match(/\d+/g) ?? []).some((each) => numbers.has(each));
  assert.deepEqual(
    [...namedThings()].filter((name) => !before.has(name) && isOurs(name)),
    [],
  );
  assert.deepEqual(readdirSync(folder), []);
}

/** Asserts that all are gone in time, and says how long it took since `sinceMs`. */
async function assertGone(
  t: TestContext,
  { pids, hasMore, sinceMs }: { pids: readonly number[]; hasMore: () => boolean; sinceMs: number },
): Promise<void> {
  const isLeft = (): boolean => pids.some(isAlive) || hasMore();
  while (isLeft() && performance.now() - sinceMs < GONE_WITHIN_MS) await sleep(POLL_MS);
  assert.deepEqual([pids.filter(isAlive), hasMore()], [[], false]);
  t.diagnostic(`all gone after ${(performance.now() - sinceMs).toFixed()} ms`);
}

async function waitForStates(program: RunningProgram): Promise<number[]> {
  await program.waitForLine(/^ready$/);
  const pids = await Promise.all(STATES.map((name) => program.waitForPid(name)));
  assert.deepEqual(pids.filter(isAlive), pids);
  assert.equal(pids.filter(isStopped).length, 2);
  return pids;
}

interface End {
  readonly way: string;
  readonly status: readonly [number | null, NodeJS.Signals | null];
  readonly execArgv?: readonly string[];
  readonly stderr?: RegExp;
}

const ENDS: readonly End[] = [
  { way: "SIGKILL", status: [null, "SIGKILL"] },
  { way: "SIGQUIT", status: [null, "SIGQUIT"] },
  { way: "SIGTERM", status: [null, "SIGTERM"] },
  { way: "SIGINT", status: [null, "SIGINT"] },
  { way: "SIGHUP", status: [null, "SIGHUP"] },
  { way: "exit", status: [5, null] },
  { way: "throws", status: [1, null], stderr: /the program is broken/ },
  { way: "rejects", status: [1, null], stderr: /nobody handles this/ },
  { way: "fills-heap", status: [null, "SIGABRT"], execArgv: ["--max-old-space-size=32"], stderr: /out of memory/ },
];

describe("busy workers with families, idle, starting and stopped ones are gone after a program's end", () => {
  for (const { way, status, execArgv = [], stderr = /^/ } of ENDS) {
    test(`by ${way}`, async (t) => {
      const before = namedThings();
      await using program = startFixture("ends-with-workers", { args: [way], execArgv, env: { TMPDIR: folder } });
      const pids = await waitForStates(program);
      program.writeLine("end");
      pids.push(await program.waitForPid("starting"));
      const end: ProgramEnd = await program.waitForEnd();
      const sinceMs = performance.now();
      await assertGone(t, { pids, hasMore: () => program.survivors().length > 0, sinceMs });
      assert.deepEqual([end.code, end.signal], status);
      assert.match(program.stderr, stderr);
      assertNothingNamedStays(before, [program.pid, ...pids]);
    });
  }
});

describe("they are gone after the end of the worker thread that held the pools, and the program lives on", () => {
  for (const [way, code] of [
    ["exit", 5],
    ["throws", 1],
    ["rejects", 1],
    ["terminate", 1],
  ] as const) {
    test(`by ${way}`, async (t) => {
      const before = namedThings();
      await using program = startFixture("hosts-thread", { args: [way], env: { TMPDIR: folder } });
      const pids = await waitForStates(program);
      program.writeLine("end");
      const [, ended] = await program.waitForLine(/^thread ended (\d+)$/);
      const sinceMs = performance.now();
      if (way !== "terminate") pids.push(await program.waitForPid("starting"));
      await assertGone(t, { pids, hasMore: () => program.survivors().length > 1, sinceMs });
      assert.equal(Number(ended), code);
      assert.deepEqual(program.survivors(), [program.pid]);
      assertNothingNamedStays(before, pids);
      program.writeLine("quit");
      assert.equal((await program.waitForEnd()).code, 0);
    });
  }
});
