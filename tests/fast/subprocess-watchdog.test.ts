/** The watchdog thread by itself: the test holds the other end of the lifeline. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import { test } from "node:test";
import type { ChildProcess } from "node:child_process";
import type { Writable } from "node:stream";

import { COOKIE_VARIABLE } from "../../src/system/environment-cookie.js";
import { LIFELINE_FD } from "../../src/wire/protocol.js";
import { encodeToWatchdog } from "../../src/wire/lifeline.js";
import { fixturePath } from "../testlibraries/process-family.js";
import { isAlive } from "../testlibraries/process-family.js";
import { processesCarrying } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";

interface Host {
  readonly child: ChildProcess;
  readonly cookie: string;
  readonly lifeline: Writable;
  output(): string;
}

async function startHost(mode: "spin" | "idle"): Promise<Host> {
  const cookie = randomBytes(8).toString("hex");
  const child = spawn(process.execPath, [fixturePath("hosts-watchdog"), mode], {
    stdio: ["ignore", "pipe", "inherit", "ignore", "ignore", "pipe"],
    env: { ...process.env, [COOKIE_VARIABLE]: cookie },
    detached: true,
  });
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  await waitUntil(() => output.includes("ready"), { what: "the host of the watchdog" });
  return { child, cookie, lifeline: child.stdio[LIFELINE_FD as 4] as Writable, output: () => output };
}

test("a notice raises the flag for its task while the main thread is busy", async () => {
  const { child, lifeline, output } = await startHost("spin");
  const ended = once(child, "exit");
  // Notices for other tasks, and one that comes in two pieces.
  lifeline.write(encodeToWatchdog({ kind: "abort", taskId: 6 }));
  const notice = encodeToWatchdog({ kind: "abort", taskId: 7 });
  lifeline.write(notice.subarray(0, 3));
  await new Promise(setImmediate);
  lifeline.write(notice.subarray(3));
  assert.deepEqual(await ended, [0, null]);
  await waitUntil(() => output().includes("seen"), { what: "its last words" });
});

test(
  "the lifeline's end ends the process and what it has started in other sessions",
  { skip: process.platform !== "linux" },
  async () => {
    const { child, cookie, lifeline, output } = await startHost("idle");
    const grandchild = Number(/^pid child (\d+)$/m.exec(output())?.[1]);
    assert.equal(isAlive(grandchild), true);
    const ended = once(child, "exit");
    lifeline.destroy();
    assert.deepEqual(await ended, [null, "SIGKILL"]);
    await waitUntil(() => processesCarrying(COOKIE_VARIABLE, cookie).length === 0, { what: "the end of the family" });
  },
);
