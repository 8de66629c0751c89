/**
 * Rare states of Linux's processes, on a made-up platform: they can't be made here.
 */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { test } from "node:test";

import { COOKIE_VARIABLE } from "../../../src/system/process/cookie.js";
import { FakePlatform } from "../../testlibraries/fake-platform.js";
import { findCookie } from "../../../src/system/process/cookie.js";
import { findDescendants } from "../../../src/system/tree/process-tree.js";
import { findDescendantsSync } from "../../../src/system/tree/process-tree.js";
import { isProcessAlive } from "../../../src/system/process/identity.js";
import { killOwnTreeSync } from "../../../src/system/tree/terminator.js";
import { killProcessTree } from "../../../src/system/tree/terminator.js";
import { killProcessTreesSync } from "../../../src/system/tree/terminator.js";
import { parseProcStat } from "../../../src/system/process/stat.js";
import { startTimeOf } from "../../../src/system/process/identity.js";

const CARRIES = `${COOKIE_VARIABLE}=outer:me:inner\0PATH=/bin\0`;

/** init, a shell, the caller, and a worker that leads its own session, with one child. */
const MACHINE = [
  { pid: 1, parentPid: 0 },
  { pid: 2, parentPid: 0, groupId: 0, sessionId: 0, name: "kthreadd", environ: "" },
  { pid: 3, parentPid: 2, groupId: 0, sessionId: 0, name: "kworker", environ: "" },
  { pid: 50, parentPid: 1 },
  { pid: 100, parentPid: 50, groupId: 100, sessionId: 50 },
  { pid: 200, parentPid: 100, environ: CARRIES },
  { pid: 201, parentPid: 200, groupId: 200, sessionId: 200, environ: CARRIES },
];

function linux(...more: ConstructorParameters<typeof FakePlatform>[2][number][]): FakePlatform {
  return new FakePlatform("linux", 100, [...MACHINE, ...more]);
}

describe("reading Linux's processes", () => {
  test("a command's name may hold parentheses, spaces and newlines", () => {
    const text = "42 (a) S 1 (b\n) R) S 7 8 9 0 -1 4194304 103 0 0 0 5 6 0 0 20 0 3 0 161658 2998272 381\n";
    assert.deepEqual(parseProcStat(text), {
      pid: 42,
      parentPid: 7,
      groupId: 8,
      sessionId: 9,
      startTime: 161_658,
      isAlive: true,
    });
  });

  test("a text cut short is no process", () => {
    for (const text of ["", "42", "42 (node", "42 (node) S 7 8 9", "(node) S 1 2 3"]) {
      assert.equal(parseProcStat(text), undefined);
    }
  });

  test("a zombie is not alive, unless it has other threads", () => {
    const platform = linux(
      { pid: 300, parentPid: 200, state: "Z" },
      { pid: 301, parentPid: 200, state: "Z", threadCount: 2 },
    );
    assert.equal(isProcessAlive(300, undefined, platform), false);
    assert.equal(isProcessAlive(301, undefined, platform), true);
    assert.equal(startTimeOf(300, platform), 300);
  });

  test("a cookie counts as a whole id only", () => {
    const find = (environ: string): string => findCookie(environ, new Set(["me"]));
    assert.equal(find(CARRIES), "carries");
    assert.equal(find(`A=1\0${COOKIE_VARIABLE}=me\0`), "carries");
    assert.equal(find(`${COOKIE_VARIABLE}=mean:home\0`), "lacks");
    assert.equal(find(`X${COOKIE_VARIABLE}=me\0`), "lacks");
    assert.equal(find("A=me\0"), "lacks");
    assert.equal(find(""), "lacks");
  });
});

describe("scanning Linux's processes", () => {
  const root = { pid: 200, startTime: 200, cookie: "me" };

  test("an older process isn't a child of a newer one, whatever its parent pid says", () => {
    const scan = findDescendantsSync([root], linux({ pid: 150, parentPid: 200 }));
    assert.deepEqual(
      scan.descendants.map(({ pid }) => pid),
      [201],
    );
  });

  test("a pipeline's members share a group, but don't descend from its leader", () => {
    const platform = linux(
      { pid: 101, parentPid: 50, groupId: 300, sessionId: 50 },
      { pid: 300, parentPid: 50, groupId: 300, sessionId: 50 },
    );
    assert.deepEqual(findDescendantsSync([{ pid: 300, ownsGroup: false }], platform).descendants, []);
  });

  test("what vanishes meanwhile, or is in the midst of execve, makes the scan doubtful", () => {
    assert.equal(findDescendantsSync([root], linux()).isSettled, true);
    const hidden = findDescendantsSync([root], linux({ pid: 300, parentPid: 1, environ: "", isInExec: true }));
    assert.deepEqual([hidden.isSettled, hidden.descendants.length], [false, 1]);
    const older = findDescendantsSync([root], linux({ pid: 120, parentPid: 1, environ: "", isInExec: true }));
    assert.equal(older.isSettled, true, "what is older than the root needn't be asked");
    const empty = findDescendantsSync([root], linux({ pid: 300, parentPid: 1, environ: "" }));
    assert.equal(empty.isSettled, true, "what was started with an empty environment will never show a cookie");
    const platform = linux({ pid: 301, parentPid: 1 });
    const read = platform.readText.bind(platform);
    platform.readText = (path) => {
      platform.processes.delete(301);
      return read(path);
    };
    assert.equal(findDescendantsSync([root], platform).isSettled, false);
  });

  test("a doubtful scan is repeated, but not for ever", async () => {
    const platform = linux({ pid: 300, parentPid: 1, environ: "", isInExec: true });
    let scanCount = 0;
    platform.onList = () => {
      scanCount += 1;
      // After the first scan, execve is over, and the daemon shows its cookie.
      if (scanCount === 2) platform.processes.set(300, { pid: 300, parentPid: 1, environ: CARRIES });
    };
    await killProcessTree(root, { platform });
    assert.deepEqual([...platform.processes.keys()], [1, 2, 3, 50, 100]);

    const bare = linux({ pid: 300, parentPid: 1, environ: "", isInExec: true });
    scanCount = 0;
    bare.onList = () => void (scanCount += 1);
    await killProcessTree(root, { platform: bare });
    assert.ok(scanCount > 20 && scanCount <= 82, `${scanCount} scans`);
    assert.ok(bare.processes.has(300));
  });

  test("an execve that ends between two looks at it doesn't make its process seem a stranger", () => {
    const platform = linux({ pid: 300, parentPid: 1, environ: "" });
    const read = platform.readText.bind(platform);
    platform.readText = (path) => {
      const text = read(path);
      if (path === "/proc/300/environ") platform.processes.set(300, { pid: 300, parentPid: 1, environ: CARRIES });
      return text;
    };
    const scan = findDescendantsSync([root], platform);
    assert.deepEqual(
      scan.descendants.map(({ pid }) => pid),
      [201, 300],
    );
  });

  test("an orphan that is ending, and hides its environment, is waited for; what its first thread has left is found", async () => {
    const gone = { pid: 220, startTime: 220, cookie: "me" };
    let scanCount = 0;
    const platform = linux({ pid: 300, parentPid: 1, isEnding: true });
    platform.onList = () => {
      scanCount += 1;
      if (scanCount === 20) platform.processes.delete(300);
    };
    await killProcessTree(gone, { platform });
    assert.equal(scanCount, 20);

    const threads = linux(
      { pid: 300, parentPid: 1, state: "Z", threadCount: 2, threadEnviron: CARRIES },
      { pid: 301, parentPid: 1, state: "Z", threadCount: 2, threadEnviron: "A=1\0" },
    );
    await killProcessTree(gone, { platform: threads });
    assert.deepEqual([threads.processes.has(300), threads.processes.has(301)], [false, true]);
  });

  test("an orphan that stays in its execve for long is waited for, a machine that is busy starting others is not", async () => {
    const gone = { pid: 220, startTime: 220, cookie: "me" };
    let scanCount = 0;
    const slow = linux({ pid: 300, parentPid: 1, environ: "", isInExec: true });
    slow.onList = () => {
      scanCount += 1;
      if (scanCount === 20) slow.processes.set(300, { pid: 300, parentPid: 1, environ: CARRIES });
    };
    await killProcessTree(gone, { platform: slow });
    assert.equal(slow.processes.has(300), false);

    scanCount = 0;
    const busy = linux();
    busy.onList = () => {
      busy.processes.delete(300 + scanCount);
      scanCount += 1;
      busy.processes.set(300 + scanCount, { pid: 300 + scanCount, parentPid: 1, environ: "", isInExec: true });
    };
    await killProcessTree(gone, { platform: busy });
    assert.ok(scanCount <= 8, `${scanCount} scans`);
    assert.deepEqual(busy.signals, []);
  });

  test("a family that goes on forking daemons is followed, and given up after a bounded number of rounds", async () => {
    const platform = linux();
    let nextPid = 300;
    platform.onList = () => {
      platform.processes.set(nextPid, { pid: nextPid, parentPid: 1, environ: CARRIES });
      nextPid += 1;
    };
    await killProcessTree(root, { platform, limitMs: 30_000 });
    assert.equal(nextPid, 500);
    assert.equal(platform.processes.has(498), false);
  });

  test("orphans left by a member that has ended are found through its session", async () => {
    const platform = linux({ pid: 300, parentPid: 201, environ: "A=1\0" });
    let scanCount = 0;
    platform.onList = () => {
      scanCount += 1;
      if (scanCount === 2) {
        platform.processes.set(301, { pid: 301, parentPid: 1, groupId: 300, sessionId: 300, environ: "A=1\0" });
      }
    };
    await killProcessTree({ pid: 200, startTime: 200 }, { platform });
    assert.deepEqual([...platform.processes.keys()], [1, 2, 3, 50, 100]);
  });

  test("another user's process, or one that can't die, doesn't hold it up for longer than the limit", async () => {
    const foreign = linux({ pid: 300, parentPid: 200, isForeign: true });
    const startedMs = performance.now();
    await killProcessTree(root, { platform: foreign });
    assert.ok(performance.now() - startedMs < 1000);
    assert.deepEqual([...foreign.processes.keys()], [1, 2, 3, 50, 100, 300]);
    const immortal = linux({ pid: 300, parentPid: 200, isImmortal: true });
    await killProcessTree(root, { platform: immortal, limitMs: 60 });
    assert.deepEqual([...immortal.processes.keys()], [1, 2, 3, 50, 100, 300]);
    killProcessTreesSync([root], immortal);
  });

  test("init, the caller and its group are never signalled", async () => {
    const platform = linux();
    await killProcessTree({ pid: 50 }, { platform });
    assert.deepEqual([...platform.processes.keys()], [1, 2, 3, 100]);
    assert.ok(
      !platform.signals.some((signal) => ["SIGKILL 1", "SIGKILL -1", "SIGKILL 100", "SIGKILL -100"].includes(signal)),
    );
  });

  test("a process ends its own tree with itself as the last", () => {
    const platform = new FakePlatform("linux", 200, [...MACHINE, { pid: 300, parentPid: 1, environ: CARRIES }]);
    killOwnTreeSync("me", platform);
    assert.deepEqual([...platform.processes.keys()], [1, 2, 3, 50, 100]);
    assert.ok(platform.signals.indexOf("SIGKILL 300") < platform.signals.indexOf("SIGKILL -200"));
    assert.deepEqual(platform.signals.slice(-2), ["SIGKILL -200", "SIGKILL 200"]);
  });

  test("the event loop turns during a scan of many processes", async () => {
    const platform = linux(...Array.from({ length: 3000 }, (_, index) => ({ pid: 1000 + index, parentPid: 1 })));
    let turnCount = 0;
    const timer = setInterval(() => (turnCount += 1), 1);
    const read = platform.readText.bind(platform);
    platform.readText = (path) => {
      // As slow as a real read.
      const endMs = performance.now() + 0.01;
      while (performance.now() < endMs);
      return read(path);
    };
    await findDescendants([root], platform);
    clearInterval(timer);
    assert.ok(turnCount >= 3, `${turnCount} turns`);
  });
});
