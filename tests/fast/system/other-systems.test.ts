/**
 * macOS, Windows and a machine without /proc can't be run here: a made-up platform stands for them. It shows that the
 * code does what it means to do, not that those systems behave so.
 */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { test } from "node:test";

import { COOKIE_VARIABLE } from "../../../src/system/process/cookie.js";
import { FakePlatform } from "../../testlibraries/fake-platform.js";
import { findDescendants } from "../../../src/system/tree/process-tree.js";
import { findDescendantsSync } from "../../../src/system/tree/process-tree.js";
import { isProcessAlive } from "../../../src/system/process/identity.js";
import { killDescendants } from "../../../src/system/tree/terminator.js";
import { killOwnTreeSync } from "../../../src/system/tree/terminator.js";
import { killProcessTree } from "../../../src/system/tree/terminator.js";
import { killProcessTreesSync } from "../../../src/system/tree/terminator.js";
import { signalProcess } from "../../../src/system/process/identity.js";
import { startTimeOf } from "../../../src/system/process/identity.js";
import { terminateDescendantProcesses } from "../../../src/system/tree/terminator.js";

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

describe("without /proc", () => {
  test("the root's group is killed, and its descendants can't be found", async () => {
    const platform = linux({ pid: 300, parentPid: 1, environ: CARRIES });
    platform.hasProc = false;
    await killDescendants({ pid: 200, cookie: "me" }, { platform });
    assert.deepEqual(platform.signals, []);
    await killProcessTree({ pid: 200, cookie: "me" }, { platform });
    assert.deepEqual(platform.signals, ["SIGKILL -200", "SIGKILL 200"]);
    assert.ok(platform.processes.has(300));
    assert.equal(isProcessAlive(300, 300, platform), true);
    assert.equal(isProcessAlive(301, 300, platform), false);
    assert.equal(startTimeOf(300, platform), undefined);
    assert.equal(signalProcess(300, 300, "SIGTERM", platform), true);
  });
});

describe("macOS (not run there)", () => {
  const LIST = [
    "    1     0     1 Ss   Mon Nov 23 08:00:00 2026    ",
    "  100    50   100 S+   Tue Nov 24 09:00:00 2026    ",
    "  200   100   200 Ss   Tue Nov 24 10:00:00 2026    ",
    "  201   200   200 S    Tue Nov 24 10:00:01 2026    ",
    "  202     1   200 S    Tue Nov 24 10:00:01 2026    ",
    "  203   201   203 S    Tue Nov 24 10:00:02 2026    ",
    "  204   200   200 Z    Tue Nov 24 10:00:02 2026    ",
    " 9999   100   100 R+   Tue Nov 24 11:00:00 2026    ",
  ];

  function macos(): FakePlatform {
    const pids = [1, 100, 200, 201, 202, 203];
    const platform = new FakePlatform(
      "darwin",
      100,
      pids.map((pid) => ({ pid, parentPid: 1, groupId: [201, 202].includes(pid) ? 200 : pid })),
    );
    const isListed = (line: string): boolean =>
      /^ +(9999|204) /.test(line) || platform.processes.has(Number.parseInt(line, 10));
    platform.outputs.set("ps", () => LIST.filter(isListed).join("\n"));
    return platform;
  }

  test("tree and group come from ps, without ps itself and zombies", async () => {
    const scan = await findDescendants([{ pid: 200 }], macos());
    assert.deepEqual(
      scan.descendants.map(({ pid }) => pid),
      [201, 202, 203],
    );
    const tree = await findDescendants([{ pid: 200, ownsGroup: false }], macos());
    assert.deepEqual(
      tree.descendants.map(({ pid }) => pid),
      [201, 203],
    );
    const own = findDescendantsSync([{ pid: 100, ownsGroup: false }], macos());
    assert.ok(!own.descendants.some(({ pid }) => pid === 9999));
  });

  test("a tree is killed by its groups and each by itself", async () => {
    const platform = macos();
    await killProcessTree({ pid: 200, startTime: Date.UTC(2026, 10, 24, 10) }, { platform });
    assert.deepEqual([...platform.processes.keys()], [1, 100]);
    const again = macos();
    await killProcessTree({ pid: 200, startTime: Date.UTC(2026, 10, 24, 9) }, { platform: again });
    assert.deepEqual(again.signals, [], "the pid belongs to a process that started at another time");
  });

  test("a start time is asked of ps", () => {
    const platform = macos();
    platform.outputs.set("ps", () => "Tue Nov 24 10:00:00 2026    \n");
    assert.equal(startTimeOf(200, platform), Date.UTC(2026, 10, 24, 10));
    assert.equal(isProcessAlive(200, Date.UTC(2026, 10, 24, 10), platform), true);
    assert.equal(isProcessAlive(200, 1, platform), false);
    platform.outputs.delete("ps");
    assert.equal(startTimeOf(200, platform), undefined);
  });

  test("without ps the group is killed", () => {
    const platform = macos();
    platform.outputs.delete("ps");
    killProcessTreesSync([{ pid: 200 }], platform);
    assert.deepEqual(platform.signals, ["SIGKILL -200", "SIGKILL 200"]);
  });
});

describe("Windows (not run there)", () => {
  function windows(): FakePlatform {
    const platform = new FakePlatform("win32", 100, [
      { pid: 100, parentPid: 50 },
      { pid: 200, parentPid: 100 },
    ]);
    platform.outputs.set("taskkill", () => "");
    platform.outputs.set(
      "powershell.exe",
      () => "0 0 \r\n100 50 10\r\n200 100 20\r\n201 200 30\r\n202 200 5\r\n9999 100 40\r\n",
    );
    return platform;
  }

  test("a tree is killed by taskkill, in one call for several", async () => {
    const platform = windows();
    await killProcessTree({ pid: 200 }, { platform });
    killProcessTreesSync([{ pid: 200 }, { pid: 300 }], platform);
    assert.deepEqual(platform.commands, ["taskkill /F /T /PID 200", "taskkill /F /T /PID 200 /PID 300"]);
    assert.deepEqual(platform.signals, []);
  });

  test("descendants come from CIM, and one older than its parent is none", async () => {
    const platform = windows();
    await killDescendants({ pid: 200 }, { platform });
    assert.deepEqual(platform.commands.slice(1), ["taskkill /F /T /PID 201"]);
    const asked = windows();
    await terminateDescendantProcesses(200, false, { platform: asked });
    assert.deepEqual(asked.commands.slice(1), ["taskkill /T /PID 201"]);
  });

  test("a tree that is gone, or no taskkill, is no error", async () => {
    const platform = windows();
    platform.outputs.clear();
    await killProcessTree({ pid: 200 }, { platform });
    await killDescendants({ pid: 200 }, { platform });
    killProcessTreesSync([{ pid: 200 }], platform);
    killOwnTreeSync("me", platform);
    assert.deepEqual(platform.signals, ["SIGKILL 100"]);
  });

  test("start times aren't known; a process is alive as long as its pid exists", () => {
    const platform = windows();
    assert.equal(startTimeOf(200, platform), undefined);
    assert.equal(isProcessAlive(200, 7, platform), true);
    assert.equal(isProcessAlive(201, undefined, platform), false);
  });
});
