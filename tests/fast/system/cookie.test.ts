/** What the environment of a real process says of its cookie. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { COOKIE_VARIABLE } from "../../../src/system/process/cookie.js";
import { askForCookie } from "../../../src/system/process/cookie.js";
import { hostPlatform } from "../../../src/system/platform.js";
import { processesCarrying } from "../../testlibraries/process-inspection.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

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
