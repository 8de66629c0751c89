/** Ctrl-C in a real pseudo-terminal, and floods of processes. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";

import { COOKIE_VARIABLE } from "../../src/system/process/cookie.js";
import { fixturePath } from "../testlibraries/process-family.js";
import { interruptAlone } from "../testlibraries/keyboard-interrupter.js";
import { interruptForegroundGroup } from "../testlibraries/keyboard-interrupter.js";
import { killProcessTree } from "../../src/system/tree/terminator.js";
import { pressControlC } from "../testlibraries/keyboard-interrupter.js";
import { processesCarrying } from "../testlibraries/process-family.js";
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
  test("chains of daemons that start their successor and end are hunted down", async (t) => {
    const cookie = randomBytes(8).toString("hex");
    const env = { [COOKIE_VARIABLE]: cookie };
    await using program = startFixture("chains-daemons", { detached: true, env });
    await program.waitForLine(/^ready$/);
    const root = { pid: program.pid, startTime: startTimeOf(program.pid), cookie };
    // One hunt was enough whenever it was tried, but it is a race: see docs/promises.md. (A pool hunts twice.) And no
    // single look tells whether they are gone: in the midst of execve a process shows no cookie, and may be kept there
    // for a while.
    const isAnyoneLeft = async (): Promise<boolean> => {
      for (let look = 0; look < 25; look += 1) {
        if (processesCarrying(COOKIE_VARIABLE, cookie).length > 0) return true;
        await sleep(20);
      }
      return false;
    };
    let hunts = 0;
    let isLeft: boolean;
    do {
      hunts += 1;
      await killProcessTree(root);
      // One may come out of an execve after those looks: then it is hunted as well.
      isLeft = (await isAnyoneLeft()) || (await isAnyoneLeft());
    } while (isLeft && hunts < 20);
    t.diagnostic(`${hunts} hunts`);
    assert.equal(isLeft, false);
  });

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
