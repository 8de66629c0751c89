/** The demo, compiled: what it prints, and that Ctrl-C in the middle leaves nothing behind. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after } from "node:test";
import { describe } from "node:test";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { cpuTimeMsOf } from "../testlibraries/process-family.js";
import { interruptAlone } from "../testlibraries/keyboard-interrupter.js";
import { interruptForegroundGroup } from "../testlibraries/keyboard-interrupter.js";
import { isAlive } from "../testlibraries/process-family.js";
import { pressControlC } from "../testlibraries/keyboard-interrupter.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";
import { startInTerminal } from "../testlibraries/keyboard-interrupter.js";
import { startProgram } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { RunningProgram } from "../testlibraries/process-family.js";

const DEMO = fileURLToPath(new URL("../../examples/brotli-folder.js", import.meta.url));

/** So much that the tasks are in the middle of their first files. */
const BUSY_MS = 200;
const GONE_WITHIN_MS = 2000;
const MIB = 2 ** 20;

/** Words in an order without pattern: Brotli's highest quality takes seconds for a few MiB of them. */
function makeText(length: number, seed: number): string {
  let state = seed;
  let text = "";
  while (text.length < length) {
    // Whole: rounded products come round again soon, and text that repeats is compressed at once.
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    text += `${state.toString(36)} `;
  }
  return text.slice(0, length);
}

describe("the demo on a small folder", () => {
  const folder = new ProgramFolder();
  after(() => folder[Symbol.dispose]());

  test("prints a table and its times, and ends with 0", () => {
    const sizes = { "letters.txt": 30_000, "notes/words.txt": 2000, "empty.txt": 0 };
    folder.write(Object.fromEntries(Object.entries(sizes).map(([name, size], i) => [name, makeText(size, i + 1)])));
    const { stdout, stderr, status } = folder.run(["--enable-source-maps", DEMO, folder.path]);
    assert.match(stderr, /^files: 3 of 3 \(100%\), \d+(?:\.\d)?\/s, \d+ s\n$/);
    assert.equal(status, 0);
    assert.match(stdout, /^Compressing 3 files under .+ \(31\.3 KiB\) with Brotli, quality 11\n/);
    assert.match(stdout, /^file +files +bytes +compressed +ratio$/m);
    for (const [name, bytes] of Object.entries({ "letters.txt": "30,000", "notes/words.txt": "2,000" })) {
      const [, compressed, ratio] = new RegExp(`^${name} +1 +${bytes} +([\\d,]+) +([\\d.]+)$`, "m").exec(stdout) ?? [];
      const quotient = Number(bytes.replace(",", "")) / Number(compressed?.replace(",", ""));
      assert.equal(ratio, quotient.toFixed(2), stdout);
    }
    assert.match(stdout, /^total +3 +32,000 +[\d,]+ +[\d.]+$/m);
    assert.match(stdout, /^Wall time: +\d+\.\d s$/m);
    assert.match(stdout, /^CPU time of the tasks: +\d+\.\d s \(\d+\.\d\d cores kept busy\)$/m);
    assert.match(stdout, /^Event-loop delay, p99: +\d+\.\d ms in this process meanwhile$/m);
    assert.match(stdout, /^Log records from workers: +3 \(.*\d from process \d+.*"\S+: \d+ -> \d+ bytes"\)$/m);
  });

  test("says what is wrong with a folder that is not there, and ends with 1", () => {
    const { stdout, stderr, status } = folder.run([DEMO, folder.at("nowhere")]);
    assert.deepEqual([stdout, status], ["", 1]);
    assert.match(stderr, /^.+nowhere: ENOENT.+\n$/);
  });
});

describe("Ctrl-C in the middle of the demo", { skip: process.platform !== "linux" }, () => {
  const folder = new ProgramFolder();
  const names = ["one.txt", "two.txt", "three.txt", "four.txt"];
  folder.write(Object.fromEntries(names.map((name, i) => [name, makeText(4 * MIB, i + 1)])));
  after(() => folder[Symbol.dispose]());

  /** The workers' process ids, once one of them is compressing. */
  async function waitForWork(program: RunningProgram): Promise<number[]> {
    const isWorker = (pid: number): boolean => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("worker.cjs");
      } catch {
        return false;
      }
    };
    const isBusy = (pid: number): boolean => cpuTimeMsOf(pid) > BUSY_MS;
    await waitUntil(() => program.survivors().filter(isWorker).some(isBusy), { what: "a worker that compresses" });
    return program.survivors();
  }

  async function assertGone(pids: readonly number[], program: RunningProgram): Promise<void> {
    const gone = { deadlineMs: GONE_WITHIN_MS, what: "the end of all its processes" };
    await waitUntil(() => !pids.some(isAlive) && program.survivors().length === 0, gone);
  }

  for (const [whom, interrupt] of [
    ["the program alone", interruptAlone],
    ["its whole group", interruptForegroundGroup],
  ] as const) {
    test(`sent to ${whom}, it ends by SIGINT and leaves no process behind`, async () => {
      await using program = startProgram(DEMO, { args: [folder.path], detached: true });
      const pids = await waitForWork(program);
      interrupt(program);
      const end = await program.waitForEnd();
      assert.deepEqual([end.code, end.signal], [null, "SIGINT"]);
      assert.match(end.stderr, /^(?:files: .*\n)*Interrupted\.\n$/);
      await assertGone(pids, program);
    });
  }

  test("pressed in a terminal, the shell sees 130 and no process is left", async () => {
    await using program = startInTerminal(DEMO, { args: [folder.path], env: { CI: undefined } });
    const pids = await waitForWork(program);
    await waitUntil(() => program.stdout.includes("files ["), { what: "the progress bar" });
    pressControlC(program);
    const end = await program.waitForEnd();
    assert.equal(end.code, 130);
    assert.match(end.stdout, /Interrupted\.\r\n/);
    await assertGone(pids, program);
  });
});
