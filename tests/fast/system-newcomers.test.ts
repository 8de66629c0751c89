/** Processes that start between two scans. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { COOKIE_VARIABLE } from "../../src/system/process/cookie.js";
import { FakePlatform } from "../testlibraries/fake-platform.js";
import { Newcomers } from "../../src/system/tree/newcomers.js";
import { askForCookie } from "../../src/system/process/cookie.js";
import { hostPlatform } from "../../src/system/platform.js";
import { killProcessTree } from "../../src/system/tree/terminator.js";
import { processesCarrying } from "../testlibraries/process-inspection.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const CARRIES = `${COOKIE_VARIABLE}=me\0`;
const root = { pid: 200, startTime: 200, cookie: "me" };

function machine(): FakePlatform {
  const platform = new FakePlatform("linux", 100, [
    { pid: 1, parentPid: 0 },
    { pid: 100, parentPid: 1 },
    { pid: 200, parentPid: 100, environ: CARRIES },
  ]);
  platform.newestPid = 300;
  return platform;
}

function start(platform: FakePlatform, pid: number, environ: string): void {
  platform.processes.set(pid, { pid, parentPid: 1, environ, isInExec: environ === "" });
  platform.newestPid = pid;
}

test("those that carry the cookie are found, each once, and those in the midst of execve when they are through", () => {
  const platform = machine();
  const newcomers = new Newcomers([root], platform);
  assert.deepEqual(newcomers.look(), [], "nothing is new before the first mark");
  newcomers.mark();
  start(platform, 301, CARRIES);
  start(platform, 302, "PATH=/bin\0");
  start(platform, 303, "");
  assert.deepEqual(
    newcomers.look().map(({ pid }) => pid),
    [301],
  );
  assert.deepEqual(newcomers.look(), []);
  start(platform, 303, CARRIES);
  assert.deepEqual(
    newcomers.look().map(({ pid }) => pid),
    [303],
  );
});

test("pids that begin anew, a flood of them, and systems that don't tell the newest one", () => {
  const platform = machine();
  platform.newestPid = 4_194_303;
  const newcomers = new Newcomers([root], platform);
  newcomers.mark();
  start(platform, 5, CARRIES);
  assert.deepEqual(
    newcomers.look().map(({ pid }) => pid),
    [5],
  );
  start(platform, 1_000_000, CARRIES);
  assert.deepEqual(
    newcomers.look().map(({ pid }) => pid),
    [1_000_000],
    "the newest of a flood",
  );
  platform.newestPid = undefined;
  assert.deepEqual(newcomers.look(), []);
  newcomers.mark();
  assert.deepEqual(newcomers.look(), []);
  const unmarked = new Newcomers([{ pid: 200 }], machine());
  unmarked.mark();
  assert.deepEqual(unmarked.look(), [], "nobody can be found without a cookie");
});

test("a chain of which each link is gone before the next scan is ended between two scans", async () => {
  const platform = machine();
  let nextPid = 301;
  // A link that lives while nobody lists the processes; each list is taken in the midst of the next one's start.
  platform.onList = () => {
    for (const pid of platform.processes.keys()) if (pid > 300) platform.processes.delete(pid);
    platform.processes.set(400, { pid: 400, parentPid: 1, environ: "", isInExec: true });
    if (nextPid < 310) setImmediate(() => start(platform, nextPid++, CARRIES));
  };
  platform.processes.set(250, { pid: 250, parentPid: 200, environ: CARRIES });
  await killProcessTree(root, { platform });
  const struck = platform.signals.filter((signal) => /^SIGKILL 30\d$/.test(signal));
  assert.ok(struck.length > 0, platform.signals.join());
});

test("real ones are found", { skip: process.platform !== "linux" }, async () => {
  const cookie = randomBytes(8).toString("hex");
  const newcomers = new Newcomers([{ pid: process.pid, cookie }], hostPlatform);
  newcomers.mark();
  const child = spawn("sleep", ["30"], { stdio: "ignore", env: { ...process.env, [COOKIE_VARIABLE]: cookie } });
  try {
    const found: number[] = [];
    await waitUntil(
      () => {
        found.push(...newcomers.look().map(({ pid }) => pid));
        return found.length > 0;
      },
      { what: "the new process" },
    );
    assert.deepEqual(found, [child.pid]);
  } finally {
    child.kill("SIGKILL");
  }
});

test(
  "however early one is asked in its execve, it never seems to lack the cookie that it carries",
  { skip: process.platform !== "linux" },
  async () => {
    const cookie = randomBytes(8).toString("hex");
    // One after the other, for 30 s at most; in five seconds the mistake that this is for showed in ten of ten runs.
    const loop = "i=0; while [ $i -lt 6000 ]; do /bin/sleep 0.005; i=$((i+1)); done";
    const shell = spawn("/bin/sh", ["-c", loop], {
      stdio: "ignore",
      env: { ...process.env, [COOKIE_VARIABLE]: cookie },
    });
    try {
      const ids = new Set([cookie]);
      const endMs = performance.now() + 5000;
      let hiddenCount = 0;
      while (hiddenCount < 1000 && performance.now() < endMs) {
        const newest = Number(readFileSync("/proc/loadavg", "latin1").trim().split(" ").at(-1));
        // A pid is told some microseconds before its process is there.
        if (!existsSync(`/proc/${newest}`)) continue;
        const answer = askForCookie(hostPlatform, newest, ids);
        if (answer === "hidden") hiddenCount += 1;
        assert.ok(answer !== "lacks" || !processesCarrying(COOKIE_VARIABLE, cookie).includes(newest), "missed one");
      }
      assert.ok(hiddenCount > 0, "none was asked in its execve");
    } finally {
      const end = once(shell, "exit");
      shell.kill("SIGKILL");
      await end;
    }
  },
);

test(
  "one that was started with an empty environment is not in the midst of execve",
  { skip: process.platform !== "linux" },
  async () => {
    // By way of env(1): where coverage is measured, Node puts its variable into every environment that it starts with.
    const child = spawn("/usr/bin/env", ["-i", "/bin/sleep", "30"], { stdio: "ignore" });
    try {
      const ask = (): string => askForCookie(hostPlatform, child.pid ?? 0, new Set(["me"]));
      await waitUntil(() => readFileSync(`/proc/${child.pid}/comm`, "utf8") === "sleep\n" && ask() === "lacks", {
        deadlineMs: 10_000,
        what: "the end of its execve",
      });
      assert.equal(readFileSync(`/proc/${child.pid}/environ`, "utf8"), "");
    } finally {
      child.kill("SIGKILL");
    }
  },
);
