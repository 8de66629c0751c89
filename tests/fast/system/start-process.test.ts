/** Processes started natively, beside such of child_process. */

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { Socket } from "node:net";
import { afterEach } from "node:test";
import { beforeEach } from "node:test";
import { describe } from "node:test";
import { once } from "node:events";
import { openSync } from "node:fs";
import { closeSync } from "node:fs";
import { readdirSync } from "node:fs";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { text } from "node:stream/consumers";

import { NativeProcess } from "../../../src/system/start/native-process.js";
import { childrenOf } from "../../testlibraries/process-inspection.js";
import { loadForeignFunctions } from "../../../src/system/foreign-functions.js";
import { startProcess } from "../../../src/system/start/start-process.js";
import { useStartHost } from "../../../src/system/start/start-process.js";
import { waitUntil } from "../../testlibraries/wait-until.js";
import type { ForeignFunctions } from "../../../src/system/foreign-functions.js";
import type { StartedProcess } from "../../../src/system/start/start-process.js";

const skip = process.platform === "linux" ? false : "for Linux";

function start(script: string, changes: Partial<Parameters<typeof startProcess>[2]> = {}): StartedProcess {
  const options = { stdio: ["ignore", "pipe", "pipe"], env: process.env, cwd: undefined, ...changes } as const;
  return startProcess("/bin/sh", ["-c", script, "name", "é😀"], options);
}

async function outcomeOf(child: StartedProcess): Promise<{ stdout: string; stderr: string; end: unknown[] }> {
  const ended = new Promise<unknown[]>((resolve) => {
    child.on("exit", (...end) => resolve(end));
  });
  // Neither the process nor its streams must be needed for it; in a test, something has to wait.
  const keep = setInterval(() => {}, 1000);
  const [stdout, stderr, end] = await Promise.all([
    text(child.stdout ?? Readable.from([])),
    text(child.stderr ?? Readable.from([])),
    ended,
  ]);
  clearInterval(keep);
  return { stdout, stderr, end };
}

function socketOf(child: StartedProcess, fd: number): Socket {
  const socket = child.stdio?.[fd];
  assert.ok(socket instanceof Socket);
  return socket;
}

function errorOf(child: StartedProcess): Promise<NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    child.on("error", resolve);
  });
}

function descriptors(): string[] {
  return readdirSync("/proc/self/fd").toSorted();
}

/** Real calls, the nth of one of which fails. */
function failingCalls(name: string, nth: number, answer: number): () => ForeignFunctions {
  return () => {
    const real = loadForeignFunctions();
    let calls = 0;
    let failed = false;
    return {
      os: real.os,
      errno: () => (failed ? (real.os.errno["EMFILE"] ?? 0) : real.errno()),
      load: () => ({
        func: (declaration) => {
          const call = real.load(null).func(declaration);
          if (!declaration.includes(`${name}(`)) return call;
          return (...args) => {
            calls += 1;
            failed = calls === nth;
            return failed ? answer : call(...args);
          };
        },
      }),
    };
  };
}

describe("a process started natively", { skip }, () => {
  beforeEach(() => useStartHost({ thresholdBytes: 0 }));
  afterEach(async () => {
    useStartHost();
    assert.equal(process.listenerCount("SIGCHLD"), 0);
    await waitUntil(() => childrenOf(process.pid).length === 0, { deadlineMs: 2000, what: "no child, no zombie" });
  });

  test("has arguments, environment, folder, descriptors, session and signals as one of child_process", async () => {
    const script =
      'printf "%s\\n" "$@"; pwd; env | grep -v ^_= | sort; cut -d" " -f6 /proc/$$/stat; echo $$; ' +
      "grep SigBlk /proc/self/status; readlink /proc/$$/fd/0; echo from 5 >&5; echo whole >&2; kill -SEGV $$";
    const env = {
      PATH: process.env["PATH"],
      ODD: "a=b\n😀",
      LONG: "x".repeat(100_000),
      MISSING: undefined,
      NODE_V8_COVERAGE: "/x",
    };
    const journal = openSync("/dev/null", "r+");
    const stdio = ["ignore", "pipe", "pipe", "pipe", "pipe", "pipe", journal] as const;
    const results: string[][] = [];
    for (const isNative of [true, false]) {
      useStartHost({ thresholdBytes: isNative ? 0 : Number.POSITIVE_INFINITY });
      const child = start(script, { env, stdio, cwd: "/usr" });
      assert.equal(child instanceof NativeProcess, isNative);
      const five = text(socketOf(child, 5));
      const { stdout, stderr, end } = await outcomeOf(child);
      assert.deepEqual(end, [null, "SIGSEGV"]);
      assert.equal(stderr, "whole\n");
      assert.equal(await five, "from 5\n");
      const lines = stdout.split("\n");
      // It leads its session.
      assert.deepEqual(
        lines.filter((line) => line === String(child.pid)),
        [String(child.pid), String(child.pid)],
      );
      results.push(lines.filter((line) => line !== String(child.pid)));
    }
    closeSync(journal);
    assert.deepEqual(results[0], results[1]);
    assert.ok(results[0]?.includes("SigBlk:\t0000000000000000"));
    assert.ok(results[0]?.includes("NODE_V8_COVERAGE=/x"));
    assert.ok(results[0]?.includes("/usr") && results[0].includes("é😀"));
  });

  test("inherits where coverage goes, as with child_process", async () => {
    const before = process.env["NODE_V8_COVERAGE"];
    process.env["NODE_V8_COVERAGE"] = "/nowhere";
    const child = start("echo $NODE_V8_COVERAGE", { env: { PATH: process.env["PATH"] } });
    if (before === undefined) delete process.env["NODE_V8_COVERAGE"];
    else process.env["NODE_V8_COVERAGE"] = before;
    assert.equal((await outcomeOf(child)).stdout, "/nowhere\n");
  });

  test("leaves no descriptor and no zombie, and lives beside children of child_process and of the user's listeners", async () => {
    let signals = 0;
    const listener = (): number => (signals += 1);
    process.on("SIGCHLD", listener);
    await outcomeOf(start("exit 0"));
    const before = descriptors();
    const ends = Array.from({ length: 20 }, async (_, i) => {
      const other = spawn("/bin/sh", ["-c", `exit ${i + 100}`], { stdio: "ignore" });
      const [{ end }, otherEnd] = await Promise.all([outcomeOf(start(`exit ${i}`)), once(other, "exit")]);
      return [end[0], (otherEnd as unknown[])[0]];
    });
    assert.deepEqual(
      await Promise.all(ends),
      Array.from({ length: 20 }, (_, i) => [i, i + 100]),
    );
    await waitUntil(() => descriptors().length <= before.length, { what: "closed descriptors" });
    assert.equal(process.listenerCount("SIGCHLD"), 1);
    process.off("SIGCHLD", listener);
    assert.ok(signals > 0);
  });

  test("is known to have ended although all listeners to the signal were removed", async () => {
    const child = start("read line <&3; exit 9", { stdio: ["ignore", "pipe", "pipe", "pipe"] });
    process.removeAllListeners("SIGCHLD");
    socketOf(child, 3).write("go\n");
    assert.deepEqual((await outcomeOf(child)).end, [9, null]);
  });

  for (const [what, name, nth, answer] of [
    ["the first pair of sockets", "socketpair", 1, -1],
    ["a later pair of sockets", "socketpair", 3, -1],
    ["the process", "posix_spawn", 1, 11],
    ["an action", "posix_spawn_file_actions_adddup2", 2, 12],
  ] as const) {
    test(`when ${what} can't be had, nothing stays open, and child_process takes over`, async () => {
      await outcomeOf(start("exit 0"));
      useStartHost({ thresholdBytes: 0, loadForeignFunctions: failingCalls(name, nth, answer) });
      const before = descriptors();
      const child = start("exit 3", { stdio: ["ignore", "pipe", "pipe", "pipe"] });
      assert.ok(!(child instanceof NativeProcess));
      assert.equal(process.listenerCount("SIGCHLD"), 0);
      assert.deepEqual((await outcomeOf(child)).end, [3, null]);
      socketOf(child, 3).destroy();
      await waitUntil(() => descriptors().length <= before.length, { what: "closed descriptors" });
      const next = start("exit 4");
      assert.ok(next instanceof NativeProcess);
      assert.deepEqual((await outcomeOf(next)).end, [4, null]);
    });
  }

  test("gives the errors of child_process", async () => {
    const missing = startProcess("/nonexistent/x", [], { stdio: ["ignore"], env: process.env, cwd: undefined });
    const error = await errorOf(missing);
    assert.deepEqual([missing.pid, error.code, error.message], [undefined, "ENOENT", "spawn /nonexistent/x ENOENT"]);
    assert.equal((await errorOf(start("exit 0", { cwd: "/nonexistent" }))).message, "spawn /bin/sh ENOENT");
    for (const env of [{ A: "x\0y" }, { "A\0": "x" }]) {
      assert.throws(() => start("exit 0", { env }), { code: "ERR_INVALID_ARG_VALUE" });
    }
    assert.throws(() => start("exit 0", { cwd: "/u\0sr" }), { code: "ERR_INVALID_ARG_VALUE" });
    assert.throws(() => start("exit\0 0"), { code: "ERR_INVALID_ARG_VALUE" });
    assert.throws(() => start("exit 0", { env: { A: Symbol("x") as unknown as string } }), TypeError);
  });
});

describe("child_process is used", { skip }, () => {
  afterEach(() => useStartHost());

  const broken = (): never => {
    throw new Error("Cannot find module 'koffi'");
  };
  for (const [what, changes] of [
    ["in a small process", { thresholdBytes: Number.POSITIVE_INFINITY }],
    ["without koffi", { thresholdBytes: 0, loadForeignFunctions: broken }],
    ["in a thread", { thresholdBytes: 0, isMainThread: false }],
    ["on macOS", { thresholdBytes: 0, platform: "darwin" }],
  ] as const) {
    test(what, async () => {
      useStartHost(changes);
      const child = start("echo hello; exit 2");
      assert.ok(!(child instanceof NativeProcess));
      const { stdout, end } = await outcomeOf(child);
      assert.deepEqual([stdout, end], ["hello\n", [2, null]]);
    });
  }

  test("after koffi could not be loaded once, without another try", async () => {
    let tries = 0;
    useStartHost({
      thresholdBytes: 0,
      loadForeignFunctions: () => {
        tries += 1;
        return broken();
      },
    });
    await outcomeOf(start("exit 0"));
    await outcomeOf(start("exit 0"));
    assert.equal(tries, 1);
  });
});
