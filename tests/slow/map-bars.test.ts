/** Bars of maps in a real pseudo-terminal, and where stderr is none. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { fixturePath } from "../testlibraries/process-family.js";
import { pressControlC } from "../testlibraries/keyboard-interrupter.js";
import { showOn } from "../testlibraries/terminal-screen.js";
import { startFixture } from "../testlibraries/process-family.js";
import { startInTerminal } from "../testlibraries/keyboard-interrupter.js";

const COLUMNS = 80;
const NO_CI = { CI: undefined };

const PRINTED = [
  ...[10, 20, 30, 10, 20].map((value) => `worker at ${value}`),
  "program in first",
  "program in second",
  "a line in parts of first: ü",
  "a line in parts of second: ü",
  "sum of first: 465",
  "sum of second: 210",
  "the end",
];

describe("bars", { skip: process.platform !== "linux" }, () => {
  test("two maps have two bars on a terminal, and all else is above them, whole", async () => {
    await using program = startInTerminal(fixturePath("draws-bars"), { env: NO_CI });
    const { code, stdout } = await program.waitForEnd();
    assert.equal(code, 0, stdout);
    const screen = showOn(COLUMNS, stdout).filter((line) => line !== "");
    const isBar = (line: string): boolean => line.includes("[#");
    assert.deepEqual(
      screen.filter((line) => !isBar(line)).toSorted((a, b) => a.localeCompare(b)),
      PRINTED.toSorted((a, b) => a.localeCompare(b)),
      stdout,
    );
    const bars = screen.filter(isBar);
    assert.equal(bars.length, 2, screen.join("\n"));
    assert.match(bars[0] ?? "", /^first \[#{24}\] 30 of 30 \(100%\), [\d.]+\/s, \d+ s$/);
    assert.match(bars[1] ?? "", /^second \[#{24}\] 20 of 20 \(100%\), [\d.]+\/s, \d+ s$/);
    // Both were there at a time, and one was half full.
    assert.match(stdout, /first \[[#-]{24}\][^\n]*\n[^\n]*second \[[#-]{24}\]/);
    assert.match(stdout, /\[#+-+\]/);
  });

  test("Ctrl-C leaves the terminal as it was", async () => {
    await using program = startInTerminal(fixturePath("draws-bars"), { args: ["hang"], env: NO_CI });
    await program.waitForLine(/ready\r?$/);
    pressControlC(program);
    const { code, stdout } = await program.waitForEnd();
    assert.equal(code, 130);
    assert.match(stdout, /first \[-{24}\] 0 of 30/);
    // Reason: control characters are what a terminal is told.
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout, /\u001B\[\?/, "no mode of the terminal was changed");
  });

  test("in a pipe, and where CI is set, there are lines and no control sequences", async () => {
    await using piped = startFixture("draws-bars", { env: NO_CI });
    const end = await piped.waitForEnd();
    assert.equal(end.code, 0, end.stderr);
    assert.match(end.stderr, /^first: 30 of 30 \(100%\), [\d.]+\/s, \d+ s$/m);
    assert.match(end.stderr, /^second: 20 of 20 \(100%\), /m);
    await using inCi = startInTerminal(fixturePath("draws-bars"), { env: { CI: "true" } });
    const { code, stdout } = await inCi.waitForEnd();
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^first: 30 of 30 \(100%\), /m);
    for (const text of [end.stderr, end.stdout, stdout]) assert.equal(text.includes("\u001B"), false);
  });

  test("where cli-progress is not installed, a warning says so, and there are lines", async () => {
    await using program = startInTerminal(fixturePath("draws-bars"), {
      execArgv: ["--import", fixturePath("blocks-koffi")],
      env: { ...NO_CI, ASYNCCPU_TEST_BLOCKED: "cli-progress" },
    });
    const { code, stdout } = await program.waitForEnd();
    assert.equal(code, 0, stdout);
    assert.equal(stdout.split("ASYNCCPU_NO_BARS").length, 2, "it warns once");
    assert.match(stdout, /Bars need the package cli-progress: npm install cli-progress\. Lines are written instead\./);
    assert.match(stdout, /^first: 30 of 30 \(100%\), /m);
  });

  test("the example has two bars", async () => {
    const program = fileURLToPath(new URL("../../examples/bars.js", import.meta.url));
    await using running = startInTerminal(program, { env: NO_CI });
    const { code, stdout } = await running.waitForEnd();
    assert.equal(code, 0, stdout);
    const screen = showOn(COLUMNS, stdout);
    assert.equal(screen.filter((line) => /^picture \d+ is resized$/.test(line)).length, 9, screen.join("\n"));
    assert.deepEqual(
      screen.slice(-4).map((line) => line.replace(/\), .*/, ")")),
      [
        `small pictures [${"#".repeat(24)}] 150 of 150 (100%)`,
        `large pictures [${"#".repeat(24)}] 75 of 75 (100%)`,
        "All pictures are resized.",
        "",
      ],
    );
  });
});
