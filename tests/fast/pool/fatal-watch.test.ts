/** A worker that has said that it aborts, and then neither does nor moves. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { spawn } from "node:child_process";
import { test } from "node:test";
import type { TestContext } from "node:test";

import "../../testlibraries/mockable-timers.js";
import { FatalWatch } from "../../../src/pool/worker/fatal-watch.js";
import { hostPlatform } from "../../../src/system/platform.js";
import { readProcActivity } from "../../../src/system/process/stat.js";
import { saysFatal } from "../../../src/pool/worker/crash-cause.js";
import { waitUntil } from "../../testlibraries/wait-until.js";
import { turns } from "../../testlibraries/worker-scene.js";
import { FakePlatform } from "../../testlibraries/fake-platform.js";
import type { FakeProcess } from "../../testlibraries/fake-platform.js";

const PID = 100;
const HALF_SECOND = 500;

interface Scene {
  readonly watch: FatalWatch;
  readonly platform: FakePlatform;
  readonly log: string[];
  /** Lets half-seconds pass, in each of which the process is made to be as `change` says. */
  pass(halfSeconds: number, change?: (half: number) => Partial<FakeProcess>): Promise<void>;
}

function makeScene(t: TestContext): Scene {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const process = { pid: PID, parentPid: 1 };
  const platform = new FakePlatform("linux", 1, [process]);
  const log: string[] = [];
  const ask = (): number => log.push("asked");
  const watch = new FatalWatch(PID, { ask, kill: () => log.push("killed") }, platform);
  const pass: Scene["pass"] = async (halfSeconds, change = () => ({})) => {
    for (let half = 0; half < halfSeconds; half += 1) {
      if (platform.processes.has(PID)) platform.processes.set(PID, { ...process, ...change(half) });
      t.mock.timers.tick(HALF_SECOND);
      await turns();
    }
  };
  return { watch, platform, log, pass };
}

describe("a worker that says that it aborts", () => {
  test("is killed when it has not moved for three seconds, and its watchdog has not answered", async (t) => {
    const { watch, log, pass } = makeScene(t);
    await pass(20);
    assert.deepEqual([...log, watch.wasHung], [false]);
    watch.begin();
    watch.begin();
    await pass(7);
    assert.deepEqual([...log, watch.wasHung], ["asked", false]);
    await pass(1);
    assert.deepEqual([...log, watch.wasHung], ["asked", "killed", true]);
    await pass(20);
    assert.deepEqual(log, ["asked", "killed"]);
  });

  test("is left alone when its watchdog answers, this question or a later one, and watched when it says it again", async (t) => {
    const { watch, log, pass } = makeScene(t);
    watch.begin();
    watch.answer(0);
    await pass(4);
    watch.answer(1);
    await pass(20);
    watch.begin();
    await pass(4);
    watch.answer(7);
    await pass(20);
    assert.deepEqual([...log, watch.wasHung], ["asked", "asked", false]);
    watch.begin();
    await pass(8);
    assert.deepEqual(log, ["asked", "asked", "asked", "killed"]);
  });

  test("is left alone when it ends", async (t) => {
    const { watch, log, pass } = makeScene(t);
    watch.begin();
    await pass(4);
    watch.clear();
    await pass(20);
    assert.deepEqual(log, ["asked"]);
  });

  const HELD: Record<string, (half: number) => Partial<FakeProcess>> = {
    "gets CPU time": (half) => ({ cpuTicks: half }),
    "is stopped": () => ({ state: "T" }),
    "is traced": () => ({ state: "t" }),
    "has its core written": () => ({ status: "Name:\tnode\nCoreDumping:\t1\n" }),
  };
  for (const [what, change] of Object.entries(HELD)) {
    test(`is left alone while it ${what}; the time begins when that is over`, async (t) => {
      const { watch, log, pass } = makeScene(t);
      watch.begin();
      await pass(40, change);
      assert.deepEqual(log, ["asked"]);
      await pass(6);
      assert.deepEqual(log, ["asked"]);
      await pass(2);
      assert.deepEqual(log, ["asked", "killed"]);
    });
  }

  test("is killed without /proc when its watchdog has not answered", async (t) => {
    const { watch, platform, log, pass } = makeScene(t);
    platform.hasProc = false;
    watch.begin();
    await pass(8);
    assert.deepEqual(log, ["asked", "killed"]);
  });
});

test("V8 and Node say so at the beginning of a line", () => {
  assert.equal(saysFatal("FATAL ERROR: Committing semi space failed. Allocation failed\n"), true);
  assert.equal(saysFatal("\n#\n# Fatal javascript OOM in MemoryChunk allocation\n#\n"), true);
  assert.equal(saysFatal("they say: FATAL ERROR: nothing\n"), false);
  assert.equal(saysFatal("Fatal is a word\n"), false);
});

test("of a process it is told how much CPU time it has had, and whether it is stopped", async (t) => {
  if (process.platform !== "linux") {
    t.skip("there is no /proc");
    return;
  }
  const child = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  const { pid = 0 } = child;
  try {
    const activity = (): { cpuTicks: number; isHeld: boolean } | undefined => readProcActivity(hostPlatform, pid);
    await waitUntil(() => (activity()?.cpuTicks ?? 0) > 5, { what: "some CPU time" });
    assert.equal(activity()?.isHeld, false);
    child.kill("SIGSTOP");
    await waitUntil(() => activity()?.isHeld === true, { what: "the stop" });
    const stopped = activity();
    assert.deepEqual(activity(), stopped);
  } finally {
    child.kill("SIGKILL");
  }
  await waitUntil(() => readProcActivity(hostPlatform, pid) === undefined, { what: "the end" });
});
