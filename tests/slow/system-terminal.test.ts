/** Ctrl-C in a real pseudo-terminal, and families that are still being started. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { COOKIE_VARIABLE } from "../../src/system/process/cookie.js";
import { fixturePath } from "../testlibraries/process-family.js";
import { interruptAlone } from "../testlibraries/keyboard-interrupter.js";
import { interruptForegroundGroup } from "../testlibraries/keyboard-interrupter.js";
import { killProcessTree } from "../../src/system/tree/terminator.js";
import { pressControlC } from "../testlibraries/keyboard-interrupter.js";
import { startFixture } from "../testlibraries/process-family.js";
import { startInTerminal } from "../testlibraries/keyboard-interrupter.js";
import { startProgram } from "../testlibraries/process-family.js";
import { startTimeOf } from "../../src/system/process/process-task.js";

describe("Ctrl-C", { skip: process.platform !== "linux" }, () => {
  test("pressed in a terminal, it is cleaned up after, and the shell sees 130", async () => {
    await using program = startInTerminal(fixturePath("guards-signals"));
    await program.waitForLine(/^ready\r?$/);
    pressControlC(program);
    const end = await program.waitForEnd();
    assert.equal(end.code, 130);
    assert.match(end.stdout, /cleaning SIGINT\r\ncleaned\r\n/);
  });

  test("sent to the program alone or to its group, it ends by SIGINT", async () => {
    for (const interrupt of [interruptAlone, interruptForegroundGroup]) {
      await using program = startProgram(fixturePath("guards-signals"), { detached: true });
      await program.waitForLine(/^ready$/);
      interrupt(program);
      assert.equal((await program.waitForEnd()).signal, "SIGINT");
    }
  });
});

describe("families that don't hold still", { skip: process.platform !== "linux" }, () => {
  test("twenty families killed at random moments of their start leave nobody", async () => {
    for (let round = 0; round < 20; round += 1) {
      const cookie = randomBytes(8).toString("hex");
      await using program = startFixture("founds-family", {
        args: ["child", "setsid", "daemon", "double-forked", "stubborn"],
        detached: true,
        env: { [COOKIE_VARIABLE]: cookie },
      });
      // Reason: the moment shall be random; nothing is awaited.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
      await killProcessTree({ pid: program.pid, startTime: startTimeOf(program.pid), cookie });
      assert.deepEqual(program.survivors(), [], `round ${round}`);
    }
  });
});
