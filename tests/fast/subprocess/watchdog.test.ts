/** The watchdog thread by itself: the test holds the other end of the lifeline. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import type { ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";

import { COOKIE_VARIABLE } from "../../../src/system/process/cookie.js";
import { LIFELINE_FD } from "../../../src/wire/messages/protocol.js";
import { encodeToWatchdog } from "../../../src/wire/lifeline.js";
import { fixturePath } from "../../testlibraries/process-family.js";
import { isAlive } from "../../testlibraries/process-family.js";
import { processesCarrying } from "../../testlibraries/process-family.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

interface Host {
  readonly child: ChildProcess;
  readonly cookie: string;
  readonly lifeline: Duplex;
  output(): string;
}

type Mode = "spin" | "idle" | "lost" | "late";

async function startHost(mode: Mode, path = ""): Promise<Host> {
  const cookie = randomBytes(8).toString("hex");
  const child = spawn(process.execPath, [fixturePath("hosts-watchdog"), mode, path], {
    stdio: ["pipe", "pipe", "inherit", "ignore", "ignore", "pipe"],
    env: { ...process.env, [COOKIE_VARIABLE]: cookie },
    detached: true,
  });
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  await waitUntil(() => output.includes("ready"), { what: "the host of the watchdog" });
  const lifeline = child.stdio[LIFELINE_FD as 4] as Duplex;
  // Its other end may end with something unread.
  lifeline.on("error", () => {});
  return { child, cookie, lifeline, output: () => output };
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

/** A file that a task opens after it has closed the lifeline; it gets the same number. */
function makeFile(t: TestContext, content: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "asynccpu-watchdog-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "file");
  writeFileSync(path, content);
  return path;
}

const question = encodeToWatchdog({ kind: "takeBack", taskId: 1, question: 1 });
const contents: readonly (readonly [string, Uint8Array])[] = [
  ["is empty", new Uint8Array()],
  ["reads like a question", question],
  ["is no question", new Uint8Array(64).fill(0xff)],
];

for (const [what, content] of contents) {
  test(`a file that has the number of a closed lifeline and ${what}: it stays as it is, and so does the process`, async (t) => {
    const path = makeFile(t, content);
    const { child, lifeline, output } = await startHost("lost", path);
    lifeline.write(question);
    await once(lifeline, "data");
    child.stdin?.write("close it");
    await waitUntil(() => output().includes(`opened ${LIFELINE_FD}`), { what: "the file" });
    lifeline.write(question);
    await waitUntil(() => output().includes("unguarded"), { what: "the end of the thread" });
    assert.deepEqual(readFileSync(path), Buffer.from(content));
    const ended = once(child, "exit");
    child.stdin?.end();
    assert.deepEqual(await ended, [0, null]);
  });
}

test("a thread that finds something else in the lifeline's place leaves it alone", async (t) => {
  const { child, lifeline, output } = await startHost("late", makeFile(t, new Uint8Array()));
  await waitUntil(() => output().includes("unguarded"), { what: "the end of the thread" });
  lifeline.destroy();
  child.stdin?.write("close it");
  await waitUntil(() => output().includes(`opened ${LIFELINE_FD}`), { what: "the file" });
  const ended = once(child, "exit");
  child.stdin?.end();
  assert.deepEqual(await ended, [0, null]);
});
