/** Answers of a watchdog that come late, or never: the test is the process, its watchdog and its pool. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { test } from "node:test";

import "../../testlibraries/mockable-timers.js";
import { CancelledError } from "../../../src/errors.js";
import { WorkerScene as Scene } from "../../testlibraries/worker-scene.js";
import { turns } from "../../testlibraries/worker-scene.js";
import { waitUntil } from "../../testlibraries/wait-until.js";
import type { PoolTask } from "../../../src/pool/queue/pool-task.js";

/**
 * Lets the event loop turn until something has happened so often. On a busy machine the search for descendants pauses
 * and looks again, so the clock goes on.
 */
async function turnsUntil(log: readonly string[], count: number, tick: (ms: number) => void): Promise<void> {
  for (let i = 0; i < 500 && log.length < count; i += 1) {
    await turns(1);
    tick(1);
  }
}

describe("a task that ran out of time and ends while its worker is asked where it is stuck", () => {
  test("doesn't take the next one along when the answer comes", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const scene = new Scene();
    scene.giveWith({ timeoutMs: 50 }, "a");
    scene.start(1);
    t.mock.timers.tick(50);
    await turns();
    assert.equal(scene.asked.at(-1)?.kind, "askStack");
    scene.finish(1);
    assert.equal(scene.tasks.isCleaning, true);
    scene.answerStack(1);
    await turnsUntil(scene.log, 3, (ms) => t.mock.timers.tick(ms));
    scene.give("b");
    scene.start(2);
    t.mock.timers.tick(5000);
    await turns();
    scene.finish(2);
    const settled = ["started a", "settled a: TaskTimeoutError", "room"];
    assert.deepEqual(scene.log, [...settled, "started b", "settled b: result"]);
  });

  test("nor one that has begun behind it", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const scene = new Scene();
    scene.giveWith({ timeoutMs: 50 }, "a");
    scene.give("b");
    scene.start(1);
    t.mock.timers.tick(50);
    await turns();
    scene.finish(1);
    assert.deepEqual(scene.log, ["started a"], "whether b has begun is not known yet");
    scene.answerStack(1);
    assert.deepEqual(
      scene.asked.map(({ kind }) => kind),
      ["takeBack", "askStack"],
      "nobody is asked to end",
    );
    scene.answer(3);
    scene.start(2);
    t.mock.timers.tick(5000);
    await turns();
    scene.finish(2);
    assert.deepEqual(scene.log, ["started a", "settled a: TaskTimeoutError", "started b", "settled b: result"]);
  });
});

describe("the limit of an answer", () => {
  test("that came in time means nothing to the next question, however busy this process was", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const scene = new Scene();
    const [a] = scene.give("a");
    scene.tasks.end(a as PoolTask, new CancelledError());
    t.mock.timers.tick(1000);
    // Before the turn that the limit gives to what has come.
    scene.answer(1);
    const [, c] = scene.give("b", "c");
    scene.start(2);
    scene.tasks.end(c as PoolTask, new CancelledError());
    await turns();
    scene.answer(3);
    scene.finish(2);
    assert.deepEqual(scene.log, [
      "settled a: CancelledError",
      "room",
      "started b",
      "settled c: CancelledError",
      "settled b: result",
    ]);
  });

  test("begins when nothing is left to do: who doesn't answer is replaced, not waited for", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const silent = new Scene();
    const slow = new Scene();
    for (const scene of [silent, slow]) {
      scene.give("a", "b");
      scene.start(1);
      scene.tasks.checkStall(true);
      scene.tasks.checkStall(true);
      assert.equal(scene.asked.at(-1)?.kind, "takeBack");
      t.mock.timers.tick(20_000);
      await turns();
      for (const id of [1, 2]) scene.finish(id);
    }
    t.mock.timers.tick(999);
    await turns();
    slow.answer(3);
    t.mock.timers.tick(1000);
    await turns();
    const settled = ["started a", "settled a: result", "started b", "settled b: result"];
    assert.deepEqual(silent.log, [...settled, "kill"]);
    assert.deepEqual(slow.log, [...settled, "room"]);
  });
});

describe("a task that doesn't begin in time", () => {
  async function makeLateScene(): Promise<Scene> {
    const scene = new Scene(undefined, 20);
    scene.give("a", "b");
    await waitUntil(() => scene.asked.length > 0, { what: "the question" });
    assert.equal(scene.asked[0]?.kind, "takeBack");
    return scene;
  }

  test("is taken back before its worker is killed, so that it can't begin there any more", async () => {
    const scene = await makeLateScene();
    scene.answer(1);
    assert.deepEqual(scene.log, ["kill"]);
    assert.equal(scene.tasks.leaveBehind(undefined)?.name, "a", "it counts as one that this worker has not begun");
    assert.deepEqual(scene.log, ["kill", "returned b"]);
  });

  test("goes on when it has begun meanwhile, told or not, and its worker lives", async () => {
    for (const isTold of [false, true]) {
      const scene = await makeLateScene();
      if (isTold) scene.start(1);
      scene.answer(2);
      assert.deepEqual(scene.log, isTold ? ["started a", "returned b"] : ["returned b"]);
      scene.finish(1);
      assert.equal(scene.isKilled, false);
      assert.equal(scene.log.includes("settled a: result"), true);
    }
  });

  test("has begun when the journal says so, and nobody is asked", async () => {
    const scene = new Scene(undefined, 20);
    scene.kept = [{ kind: "started", taskId: 1 }];
    scene.give("a");
    await waitUntil(() => scene.log.length > 0, { what: "the look" });
    assert.deepEqual([...scene.log, ...scene.asked], ["started a"]);
  });

  test("has its worker killed when there is no answer", async () => {
    const scene = await makeLateScene();
    assert.deepEqual(scene.log, []);
    await waitUntil(() => scene.isKilled, { what: "the end" });
    assert.deepEqual(scene.log, ["kill"]);
  });
});
