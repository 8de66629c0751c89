/** Ends real families of processes. Linux only: the other platforms' ways are in system-platforms.test.ts. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { existsSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { COOKIE_VARIABLE } from "../../src/system/process/cookie.js";
import { InvalidOptionError } from "../../src/errors.js";
import { findDescendants } from "../../src/system/tree/process-tree.js";
import { findDescendantsSync } from "../../src/system/tree/process-tree.js";
import { isAlive } from "../testlibraries/process-family.js";
import { killDescendants } from "../../src/system/tree/terminator.js";
import { killLeftByExited } from "../../src/system/tree/terminator.js";
import { killProcessTree } from "../../src/system/tree/terminator.js";
import { killProcessTreesSync } from "../../src/system/tree/terminator.js";
import type { RunningProgram } from "../testlibraries/process-family.js";
import { startFixture } from "../testlibraries/process-family.js";
import { startTimeOf } from "../../src/system/process/process-task.js";
import { terminateDescendantProcesses } from "../../src/system/tree/terminator.js";
import type { TreeRoot } from "../../src/system/tree/process-tree.js";
import { waitUntil } from "../testlibraries/wait-until.js";

interface Family {
  readonly program: RunningProgram;
  readonly root: TreeRoot & { readonly cookie: string };
  readonly pids: Readonly<Record<string, number>>;
}

/** Names that a wish announces, where they differ from the wish. */
const NAMES: Readonly<Record<string, readonly string[]>> = { grandchild: ["parent", "grandchild"] };

/** Given away by no machine that has not been told to give so many. */
const MAX_PID = 4_194_303;

const canEndThread = process.platform === "linux" && (process.arch === "x64" || process.arch === "arm64");

/** Of this run alone: the same test may be running elsewhere on the machine. */
const OUTER_COOKIE = randomBytes(8).toString("hex");

async function foundFamily(wishes: readonly string[], fixture = "founds-family"): Promise<Family> {
  const cookie = randomBytes(8).toString("hex");
  const program = startFixture(fixture, {
    args: wishes,
    detached: true,
    env: { [COOKIE_VARIABLE]: `${OUTER_COOKIE}:${cookie}` },
  });
  try {
    const pids: Record<string, number> = {};
    for (const name of wishes.flatMap((wish) => NAMES[wish] ?? [wish])) pids[name] = await program.waitForPid(name);
    await program.waitForLine(/^ready$/);
    return { program, root: { pid: program.pid, startTime: startTimeOf(program.pid), cookie }, pids };
  } catch (error) {
    await program.dispose();
    throw error;
  }
}

async function assertAllGone({ pids }: Family): Promise<void> {
  await waitUntil(() => !Object.values(pids).some(isAlive), {
    deadlineMs: 2000,
    what: `the end of ${JSON.stringify(Object.entries(pids).filter(([, pid]) => isAlive(pid)))}`,
  });
}

const WHOLE_FAMILY = [
  "child",
  "grandchild",
  "stubborn",
  "setsid",
  "group",
  "double-forked",
  "daemon",
  "bare",
  "bare-setsid",
];

describe("finding descendants", { skip: process.platform !== "linux" }, () => {
  test("a scan finds children, orphans, daemons and those with an empty environment, parents first", async () => {
    const family = await foundFamily(WHOLE_FAMILY);
    await using _ = family.program;
    for (const scan of [await findDescendants([family.root]), findDescendantsSync([family.root])]) {
      const found = scan.descendants.map(({ pid }) => pid);
      for (const [name, pid] of Object.entries(family.pids)) assert.ok(found.includes(pid), `${name} not found`);
      // The family and the shell with job control.
      assert.equal(found.length, Object.keys(family.pids).length + 1);
      assert.deepEqual(
        scan.roots.map(({ pid }) => pid),
        [family.root.pid],
      );
      assert.ok(found.indexOf(family.pids["parent"] ?? 0) < found.indexOf(family.pids["grandchild"] ?? 0));
      assert.ok(!found.includes(process.pid));
    }
  });

  test("a nested pool's cookie finds its own processes only, the outer one's all", async () => {
    const family = await foundFamily(["daemon", "child"]);
    await using _ = family.program;
    const inner = { pid: family.root.pid, cookie: "no-such-cookie" };
    const outer = { pid: family.root.pid, cookie: OUTER_COOKIE };
    const find = async (root: TreeRoot): Promise<number[]> =>
      (await findDescendants([root])).descendants.map(({ pid }) => pid);
    assert.deepEqual(await find(inner), [family.pids["child"]]);
    assert.deepEqual(new Set(await find(outer)), new Set([family.pids["child"], family.pids["daemon"]]));
  });
});

describe("killing a process tree", { skip: process.platform !== "linux" }, () => {
  test("what processes that have exited together have left is looked for once, and a later one gets its own look", async () => {
    const families = await Promise.all([foundFamily(["child", "daemon"]), foundFamily(["child", "setsid"])]);
    await using _ = families[0]?.program;
    await using __ = families[1]?.program;
    const searches = families.map(({ root }) => killLeftByExited(root));
    assert.equal(searches[0], searches[1]);
    await Promise.all(searches);
    for (const { pids } of families) assert.deepEqual(Object.values(pids).filter(isAlive), []);
    const later = await foundFamily(["child"]);
    await using ___ = later.program;
    await killLeftByExited(later.root);
    assert.deepEqual(Object.values(later.pids).filter(isAlive), []);
  });

  test("the root and all kinds of descendants are gone when the promise resolves", async () => {
    const family = await foundFamily(WHOLE_FAMILY);
    await using _ = family.program;
    await killProcessTree(family.root);
    assert.deepEqual(
      Object.entries(family.pids).filter(([, pid]) => isAlive(pid)),
      [],
    );
    assert.equal(isAlive(family.root.pid), false);
    assert.equal((await family.program.waitForEnd()).signal, "SIGKILL");
  });

  test("a root that is dead and reaped: group, session and cookie find what it left", async () => {
    const family = await foundFamily([
      "child",
      "grandchild",
      "stubborn",
      "setsid",
      "group",
      "double-forked",
      "daemon",
      "bare",
    ]);
    await using _ = family.program;
    family.program.kill("SIGKILL");
    await family.program.waitForEnd();
    assert.equal(startTimeOf(family.root.pid), undefined);
    await killProcessTree(family.root);
    await assertAllGone(family);
  });

  test("a dead root without a cookie: group and session are killed, what called setsid is out of reach", async () => {
    const family = await foundFamily(["child", "group", "setsid"]);
    await using _ = family.program;
    family.program.kill("SIGKILL");
    await family.program.waitForEnd();
    await killProcessTree({ pid: family.root.pid, startTime: family.root.startTime });
    const { setsid, ...others } = family.pids;
    await assertAllGone({ ...family, pids: others });
    assert.equal(isAlive(setsid ?? 0), true);
  });

  test("a root whose pid belongs to another process by now is left alone, with its descendants", async () => {
    const family = await foundFamily(["child"]);
    await using _ = family.program;
    await killProcessTree({ pid: family.root.pid, startTime: 1 });
    assert.equal(isAlive(family.root.pid), true);
    assert.equal(isAlive(family.pids["child"] ?? 0), true);
  });

  test("descendants are killed and the root goes on", async () => {
    const family = await foundFamily(WHOLE_FAMILY);
    await using _ = family.program;
    await killDescendants(family.root);
    await assertAllGone(family);
    assert.equal(isAlive(family.root.pid), true);
    family.program.writeLine("exit");
    assert.equal((await family.program.waitForEnd()).code, 0);
  });

  test("several trees are killed blocking, the root being alive or dead", async () => {
    const one = await foundFamily(["stubborn", "daemon"]);
    await using _one = one.program;
    const other = await foundFamily(["child", "setsid"]);
    await using _other = other.program;
    other.program.kill("SIGKILL");
    await other.program.waitForEnd();
    killProcessTreesSync([one.root, other.root]);
    await assertAllGone(one);
    await assertAllGone(other);
    await waitUntil(() => !isAlive(one.root.pid), { what: "the end of the living root" });
  });

  test("a caller that is itself the root loses its descendants and lives on", async () => {
    const family = await foundFamily(["child"]);
    await using _ = family.program;
    await killDescendants({ pid: process.pid, ownsGroup: false });
    assert.equal((await family.program.waitForEnd()).signal, "SIGKILL");
    await assertAllGone(family);
  });

  test("init and impossible pids are refused", async () => {
    for (const pid of [1, 0, -1, 1.5, Number.NaN]) {
      await assert.rejects(killProcessTree({ pid }), InvalidOptionError);
      await assert.rejects(killDescendants({ pid }), InvalidOptionError);
      await assert.rejects(terminateDescendantProcesses(pid, true), InvalidOptionError);
      assert.throws(() => killProcessTreesSync([{ pid }]), InvalidOptionError);
    }
    killProcessTreesSync([]);
  });

  test("a process that ends its own tree from a thread, while its main thread spins, leaves nobody", async () => {
    const family = await foundFamily(["child", "stubborn", "setsid", "daemon", "bare-setsid"], "kills-own-tree");
    await using _ = family.program;
    family.program.writeLine("go");
    assert.equal((await family.program.waitForEnd()).signal, "SIGKILL");
    await assertAllGone(family);
    assert.deepEqual(family.program.survivors(), []);
  });
});

describe("terminating descendants", { skip: process.platform !== "linux" }, () => {
  test("without force SIGTERM is sent once to each; one that ignores it stays", async () => {
    const family = await foundFamily(["child", "grandchild", "stubborn", "setsid"]);
    await using _ = family.program;
    const tasks = await terminateDescendantProcesses(family.root.pid, false);
    assert.deepEqual(new Set(tasks.map(({ id }) => id)), new Set(Object.values(family.pids)));
    const { stubborn, ...others } = family.pids;
    await assertAllGone({ ...family, pids: others });
    assert.equal(isAlive(stubborn ?? 0), true);
    assert.equal(isAlive(family.root.pid), true);
  });

  test("with force all are gone, and the process itself stays", async () => {
    const family = await foundFamily(["child", "grandchild", "stubborn", "setsid", "group"]);
    await using _ = family.program;
    const tasks = await terminateDescendantProcesses(family.root.pid, true);
    for (const task of tasks) assert.equal(task.isAlive(), false);
    assert.ok(tasks.length >= Object.keys(family.pids).length);
    await assertAllGone(family);
    assert.equal(isAlive(family.root.pid), true);
  });

  test("a process without descendants, and one that doesn't exist, have nothing to terminate", async () => {
    await using program = startFixture("idles");
    await program.waitForLine(/^pid/);
    assert.deepEqual(await terminateDescendantProcesses(program.pid, true), []);
    program.kill("SIGKILL");
    await program.waitForEnd();
    assert.deepEqual(await terminateDescendantProcesses(program.pid, false), []);
  });
});

test(
  "an orphan whose first thread has ended shows its cookie through the others",
  { skip: !canEndThread },
  async () => {
    const cookie = randomBytes(8).toString("hex");
    await using program = startFixture("loses-first-thread", { detached: true, env: { [COOKIE_VARIABLE]: cookie } });
    await program.waitForLine(/^ready$/);
    const hasFirstThread = (): boolean => {
      try {
        return !/^State:\tZ/m.test(readFileSync(`/proc/${program.pid}/status`, "latin1"));
      } catch {
        return false;
      }
    };
    await waitUntil(() => !hasFirstThread(), { what: "the end of its first thread" });
    assert.ok(existsSync(`/proc/${program.pid}`), "the process goes on");
    // Its parent has ended, for all that is known: only the cookie leads to it.
    await killProcessTree({ pid: MAX_PID, startTime: 1, cookie });
    await program.waitForEnd(2000);
  },
);
