/** Tasks that begin without a notice: what the worker's journal tells of them, and when it is asked. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { test } from "node:test";

import "../../testlibraries/mockable-timers.js";
import { CancelledError } from "../../../src/errors.js";
import { WorkerScene } from "../../testlibraries/worker-scene.js";
import { turns } from "../../testlibraries/worker-scene.js";
import { urgentPatienceMs } from "../../../src/pool/pace/stall-watch.js";
import type { PoolTask } from "../../../src/pool/queue/pool-task.js";
import type { ToParentMessage } from "../../../src/wire/messages/protocol.js";

function started(taskId: number): ToParentMessage {
  return { kind: "started", taskId };
}

function result(taskId: number): ToParentMessage {
  return { kind: "result", taskId, durationUs: 5, value: Uint8Array.of(0xff) };
}

const log: ToParentMessage = { kind: "log", record: Uint8Array.of(1) };

function live(taskId: number): ToParentMessage {
  return { kind: "live", taskId, channel: 1, op: 0, payload: Uint8Array.of() };
}

function kindsOf(scene: WorkerScene): string[] {
  return scene.asked.map(({ kind }) => kind);
}

describe("a journal, as it is read after the death of the process", () => {
  test("tells of a start behind a log record, or a notice that the worker retires", () => {
    for (const between of [log, { kind: "retiring", firstUnbegun: 3 } as const]) {
      const scene = new WorkerScene();
      scene.give("a", "b");
      scene.tasks.receiveKept([started(1), result(1), between, started(2)], true);
      assert.deepEqual(scene.log, ["started a", "settled a: result", "started b"]);
      assert.equal(scene.tasks.leaveBehind(undefined)?.state, "running", "it doesn't run again");
    }
  });

  test("tells of an outcome and a start behind a message of a live value, which came over the pipe", () => {
    const scene = new WorkerScene();
    scene.give("a", "b");
    scene.start(1);
    scene.tasks.receiveKept([live(1), result(1), started(2)], true);
    assert.deepEqual(scene.log, ["started a", "settled a: result", "started b"]);
  });

  test("tells of those that ended behind a cancelled one", () => {
    const scene = new WorkerScene();
    const [a] = scene.give("a", "b", "c");
    scene.start(1);
    scene.tasks.end(a as PoolTask, new CancelledError());
    scene.finishPlainly(1);
    scene.tasks.receiveKept([result(1), result(2), started(3)], true);
    assert.equal(scene.tasks.leaveBehind(undefined)?.state, "running");
    assert.deepEqual(scene.log, [
      "started a",
      "settled a: CancelledError",
      "started b",
      "settled b: result",
      "started c",
    ]);
  });
});

describe("a journal, as it is read while the worker runs", () => {
  test("waits for the pipe where a message of a live value comes first, and does not otherwise", () => {
    const scene = new WorkerScene();
    scene.give("a", "b");
    scene.start(1);
    scene.tasks.receiveKept([log, live(1), result(1), started(2)], false);
    assert.deepEqual(scene.log, ["started a"]);
    scene.tasks.receiveKept([log, result(1), live(1), started(2)], false);
    assert.deepEqual(scene.log, ["started a", "settled a: result"]);
    scene.tasks.receiveKept([live(1), started(2)], false);
    assert.deepEqual(scene.log, ["started a", "settled a: result", "started b"]);
  });

  test("doesn't take the start of a task that has ended for that of the next one", async () => {
    const scene = new WorkerScene();
    const [a] = scene.give("a", "b");
    scene.start(1);
    scene.tasks.checkStall(true);
    scene.tasks.end(a as PoolTask, new CancelledError());
    scene.finishPlainly(1);
    // A mapped journal ends with the last task that has begun.
    scene.kept = [result(1), started(1)];
    scene.tasks.checkStall(true);
    assert.deepEqual(scene.log, ["started a"], "whether b has begun is not known yet");
    scene.answer(2);
    assert.equal(scene.tasks.isCleaning, true, "what a has left behind is looked for");
    for (let i = 0; i < 500 && scene.log.length < 4; i += 1) await turns(1);
    assert.deepEqual(scene.log, ["started a", "returned b", "settled a: CancelledError", "room"]);
  });
});

test("the outcome of a task with live values comes over the pipe alone", () => {
  const scene = new WorkerScene();
  scene.give("a", "b");
  scene.tasks.receive(live(1) as Extract<ToParentMessage, { kind: "live" }>);
  scene.tasks.receiveKept([result(1), started(2)], false);
  assert.deepEqual(scene.log, ["started a"]);
  scene.tasks.receiveKept([result(1), started(2)], true);
  assert.deepEqual(scene.log, ["started a", "settled a: result", "started b"]);
});

test("an outcome tells that its task has begun, also behind one that was cancelled and has ended", () => {
  const scene = new WorkerScene();
  const [a] = scene.give("a", "b", "c");
  scene.start(1);
  scene.tasks.end(a as PoolTask, new CancelledError());
  scene.finishPlainly(1);
  scene.finishPlainly(2);
  scene.answer(3);
  assert.deepEqual(scene.log, [
    "started a",
    "settled a: CancelledError",
    "started b",
    "settled b: value",
    "returned c",
    "room",
  ]);
});

test("a task is asked to end at once when the answer tells that it has begun", () => {
  const scene = new WorkerScene();
  const [a] = scene.give("a");
  scene.tasks.end(a as PoolTask, new CancelledError());
  assert.deepEqual(kindsOf(scene), ["takeBack"]);
  scene.kept = [started(1)];
  scene.answer(2);
  assert.deepEqual(kindsOf(scene), ["takeBack", "abort"]);
  scene.tasks.stopClocks();
});

test("so is one that has begun behind another, when that one's outcome comes", () => {
  const scene = new WorkerScene();
  const [, b] = scene.give("a", "b");
  scene.start(1);
  scene.tasks.end(b as PoolTask, new CancelledError());
  scene.kept = [started(2)];
  scene.answer(3);
  scene.finishPlainly(1);
  assert.deepEqual(scene.log, ["started a", "settled a: value", "started b"]);
  assert.deepEqual(kindsOf(scene), ["takeBack", "abort"]);
  scene.tasks.stopClocks();
});

test("a task behind another waits no more once it is known that it has begun, or can be", () => {
  const scene = new WorkerScene();
  const [, b] = scene.give("a", "b", "c");
  scene.start(1);
  const names = (): string[] => scene.tasks.waiting.map(({ name }) => name);
  assert.deepEqual(names(), ["b", "c"]);
  scene.kept = [result(1), started(2)];
  assert.deepEqual(names(), ["c"], "what came before is not there yet");
  assert.deepEqual(scene.log, ["started a"]);
  assert.equal(scene.tasks.lookForStart(b), true);
  assert.deepEqual(scene.log, ["started a"], "what a has sent before its outcome may still be in the pipe");
});

test("an outcome that is kept when the time is up counts", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scenes = [new WorkerScene(), new WorkerScene()] as const;
  for (const scene of scenes) {
    scene.giveWith({ timeoutMs: 50 }, "a");
    scene.give("b");
    scene.start(1);
  }
  const [ended, stuck] = scenes;
  ended.kept = [result(1), started(2)];
  t.mock.timers.tick(50);
  await turns();
  assert.deepEqual(ended.log, ["started a", "settled a: result", "started b"]);
  assert.deepEqual(stuck.log, ["started a"]);
  assert.deepEqual(kindsOf(stuck), ["takeBack", "askStack"]);
  for (const scene of scenes) scene.tasks.stopClocks();
});

test("a worker that doesn't answer is looked at less often", () => {
  assert.deepEqual([urgentPatienceMs(false), urgentPatienceMs(true)], [2, 100]);
  const scene = new WorkerScene();
  scene.give("a", "b");
  scene.start(1);
  assert.equal(scene.tasks.patienceMs(true), 2);
  scene.tasks.takeBack();
  assert.equal(scene.tasks.patienceMs(true), 100);
});
