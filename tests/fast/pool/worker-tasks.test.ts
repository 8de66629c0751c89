/** The tasks of one worker by themselves: the test is the process, its watchdog and its pool. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { test } from "node:test";

import "../../testlibraries/mockable-timers.js";
import { CancelledError } from "../../../src/errors.js";
import { WorkerScene as Scene } from "../../testlibraries/worker-scene.js";
import { turns } from "../../testlibraries/worker-scene.js";
import { waitUntil } from "../../testlibraries/wait-until.js";
import type { PoolTask } from "../../../src/pool/queue/pool-task.js";

describe("the tasks of a worker", () => {
  test("start and settle in the order in which they were given", () => {
    const scene = new Scene();
    scene.give("a", "b");
    for (const id of [1, 2]) {
      scene.start(id);
      scene.finish(id);
    }
    assert.deepEqual(scene.log, ["started a", "settled a: result", "started b", "settled b: result"]);
  });

  test("what the journal told comes again over the pipe, and means nothing then", () => {
    const scene = new Scene();
    scene.give("a", "b");
    scene.kept = [
      { kind: "started", taskId: 1 },
      { kind: "result", taskId: 1, durationUs: 5, value: Uint8Array.of(0xff) },
      { kind: "started", taskId: 2 },
    ];
    scene.tasks.checkStall(true);
    scene.tasks.checkStall(true);
    scene.start(1);
    scene.finish(1);
    scene.start(2);
    scene.finish(2);
    assert.deepEqual(scene.log, ["started a", "settled a: result", "started b", "settled b: result"]);
  });

  test("that a task without a notice has begun is read from the journal, its outcome only from the pipe", () => {
    for (const kept of [
      { kind: "started", taskId: 1 },
      { kind: "result", taskId: 1, durationUs: 5, value: Uint8Array.of(0xff) },
    ] as const) {
      const scene = new Scene();
      scene.give("a");
      scene.tasks.lookForStart();
      assert.deepEqual(scene.log, []);
      assert.equal(scene.tasks.canStall, true, "it is looked for later");
      scene.kept = [kept];
      scene.tasks.lookForStart();
      scene.tasks.lookForStart();
      assert.deepEqual(scene.log, ["started a"]);
      assert.equal(scene.tasks.canStall, false, "no timer is needed any more");
      scene.start(1);
      scene.finish(1);
      assert.deepEqual(scene.log, ["started a", "settled a: result"]);
    }
  });

  test("what the journal keeps of the task before says nothing of the next one", () => {
    const scene = new Scene();
    scene.give("a");
    scene.start(1);
    scene.finish(1);
    scene.give("b");
    scene.kept = [{ kind: "started", taskId: 1 }];
    scene.tasks.lookForStart();
    assert.deepEqual(scene.log, ["started a", "settled a: result"]);
  });

  test("a task that has begun without a notice is asked to end, one that has not is taken back", () => {
    const scene = new Scene();
    const [a] = scene.give("a");
    scene.kept = [{ kind: "started", taskId: 1 }];
    scene.tasks.end(a as PoolTask, new CancelledError());
    assert.deepEqual(
      scene.asked.map(({ kind }) => kind),
      ["abort"],
    );
    const unbegun = new Scene();
    const [b] = unbegun.give("b");
    unbegun.tasks.end(b as PoolTask, new CancelledError());
    assert.deepEqual(
      unbegun.asked.map(({ kind }) => kind),
      ["takeBack"],
    );
    scene.tasks.stopClocks();
    unbegun.tasks.stopClocks();
  });

  test("a message on a live value tells that its task has begun", () => {
    const scene = new Scene();
    scene.give("a");
    scene.tasks.receive({ kind: "live", taskId: 1, channel: 1, op: 0, payload: Uint8Array.of() });
    assert.deepEqual(scene.log, ["started a"]);
  });

  test("a journal that is ahead of the pipe is left alone until the pipe has come so far", () => {
    const scene = new Scene();
    scene.give("a", "b");
    scene.start(1);
    scene.kept = [{ kind: "started", taskId: 2 }];
    scene.tasks.checkStall(true);
    scene.tasks.checkStall(true);
    assert.deepEqual(scene.log, ["started a"]);
    assert.equal(scene.asked.at(-1)?.kind, "takeBack", "the second is asked for");
    scene.answer(3);
    scene.finish(1);
    scene.start(2);
    assert.deepEqual(scene.log, ["started a", "settled a: result", "started b"]);
  });

  test("what has not begun behind a long task goes back, in order", () => {
    const scene = new Scene();
    scene.give("a", "b", "c");
    scene.start(1);
    scene.tasks.checkStall(true);
    scene.tasks.checkStall(true);
    scene.answer(2);
    assert.deepEqual(scene.log, ["started a", "returned b,c"]);
    assert.equal(scene.tasks.first?.name, "a");
  });

  test("a large task that is on its way is not taken back for holding up others, however urgent it is", () => {
    const scene = new Scene();
    scene.giveWith({ bytes: 50_000_000 }, "a", "b");
    scene.tasks.checkStall(true);
    scene.tasks.checkStall(true);
    assert.deepEqual(
      scene.asked.map(({ kind }) => kind),
      [],
    );
    scene.start(1);
    scene.tasks.checkStall(true);
    scene.tasks.checkStall(true);
    assert.equal(scene.asked.at(-1)?.kind, "takeBack", "it has begun, and may take long");
  });

  test("a worker takes several tasks again when the one that held up others was cancelled", async () => {
    const scene = new Scene();
    const [a] = scene.give("a", "b") as [PoolTask, PoolTask];
    scene.start(1);
    scene.tasks.checkStall(true);
    scene.tasks.checkStall(true);
    scene.answer(2);
    const { fn } = a;
    assert.equal(scene.tasks.hasRoomFor(fn, 0, false), false, "it holds up others");
    scene.tasks.end(a, new CancelledError());
    scene.finish(1);
    assert.equal(scene.tasks.isCleaning, true);
    await waitUntil(() => !scene.tasks.isCleaning, { what: "the end of what the task has left behind" });
    assert.deepEqual(scene.log, ["started a", "returned b", "settled a: CancelledError", "room"]);
    scene.give("c");
    assert.equal(scene.tasks.hasRoomFor(fn, 0, false), true);
    scene.tasks.stopClocks();
  });

  test("what a worker has given back doesn't count to what it may have in its life", () => {
    const scene = new Scene(2);
    scene.give("a", "b");
    scene.start(1);
    assert.equal(scene.tasks.givenCount, 2);
    scene.tasks.checkStall(true);
    scene.tasks.checkStall(true);
    scene.answer(2);
    assert.equal(scene.tasks.givenCount, 1);
    scene.finish(1);
    assert.deepEqual(scene.log, ["started a", "returned b", "settled a: result"], "it isn't used up");
    scene.give("c");
    scene.start(3);
    scene.finish(3);
    assert.deepEqual(scene.log.slice(-3), ["started c", "used up", "settled c: result"]);
  });

  test("a task that is cancelled before it began settles at the answer; those with it run elsewhere", () => {
    const scene = new Scene();
    const [, b] = scene.give("a", "b", "c");
    scene.start(1);
    scene.tasks.end(b as PoolTask, new CancelledError());
    assert.deepEqual(scene.log, ["started a"]);
    scene.answer(2);
    assert.deepEqual(scene.log, ["started a", "settled b: CancelledError", "returned c"]);
  });

  test("a cancelled task that had ended when the next one began is settled without harm to that one", () => {
    const scene = new Scene();
    const [a] = scene.give("a", "b");
    scene.start(1);
    scene.tasks.end(a as PoolTask, new CancelledError());
    scene.finish(1);
    assert.deepEqual(scene.log, ["started a"], "whether b has begun is not known yet");
    scene.start(2);
    scene.answer(3);
    scene.finish(2);
    assert.deepEqual(scene.log, ["started a", "settled a: CancelledError", "started b", "settled b: result"]);
  });

  test("so it is when the answer comes first", async () => {
    const scene = new Scene();
    const [a] = scene.give("a", "b");
    scene.start(1);
    scene.tasks.end(a as PoolTask, new CancelledError());
    scene.finish(1);
    scene.answer(2);
    assert.deepEqual(scene.log, ["started a", "returned b"], "what a has left behind is looked for");
    for (let i = 0; i < 500 && scene.log.length < 4; i += 1) await turns(1);
    assert.deepEqual(scene.log, ["started a", "returned b", "settled a: CancelledError", "room"]);
  });

  test("a process that doesn't answer whether a task has begun is killed", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const waiting = new Scene();
    const [, b] = waiting.give("a", "b");
    waiting.start(1);
    waiting.tasks.end(b as PoolTask, new CancelledError());
    const ended = new Scene();
    const [a] = ended.give("a", "b");
    ended.start(1);
    ended.tasks.end(a as PoolTask, new CancelledError());
    ended.finish(1);
    t.mock.timers.tick(999);
    await turns();
    assert.deepEqual([waiting.isKilled, ended.isKilled], [false, false]);
    t.mock.timers.tick(1);
    await turns();
    assert.deepEqual([waiting.isKilled, ended.isKilled], [false, true], "a shall not suffer for b");
    t.mock.timers.tick(8999);
    await turns();
    assert.equal(waiting.isKilled, false);
    t.mock.timers.tick(1);
    await turns();
    assert.equal(waiting.isKilled, true);
    assert.equal(ended.tasks.leaveBehind(undefined)?.name, "a");
    assert.equal(ended.log.at(-1), "returned b");
  });

  test("a task that is past its grace period takes no other one along that may have begun meanwhile", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const over = new Scene();
    const stuck = new Scene();
    for (const scene of [over, stuck]) {
      const [a] = scene.give("a", "b");
      scene.start(1);
      scene.tasks.end(a as PoolTask, new CancelledError());
    }
    t.mock.timers.tick(500);
    await turns();
    assert.deepEqual([over.isKilled, stuck.isKilled], [false, false], "nobody has said whether b has begun");
    over.answer(3);
    stuck.answer(2);
    await turns();
    assert.deepEqual([over.isKilled, stuck.isKilled], [false, true]);
    over.finish(1);
    over.start(2);
    over.finish(2);
    t.mock.timers.tick(2000);
    await turns();
    assert.deepEqual(over.log, ["started a", "settled a: CancelledError", "started b", "settled b: result"]);
    assert.deepEqual(stuck.log, ["started a", "returned b", "kill"]);
  });

  test("its process is killed when nobody ever says so", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const scene = new Scene();
    const [a] = scene.give("a", "b");
    scene.start(1);
    scene.tasks.end(a as PoolTask, new CancelledError());
    t.mock.timers.tick(500);
    await turns();
    t.mock.timers.tick(1000);
    await turns();
    assert.deepEqual(scene.log, ["started a", "kill"]);
  });

  test("a task that is past its grace period and ends while that is asked is cleaned up after, not killed", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const scene = new Scene();
    const [a] = scene.give("a", "b");
    scene.start(1);
    scene.tasks.end(a as PoolTask, new CancelledError());
    t.mock.timers.tick(500);
    await turns();
    scene.finish(1);
    scene.answer(2);
    assert.deepEqual(scene.log, ["started a", "returned b"]);
    assert.equal(scene.tasks.isCleaning, true);
  });

  test("a task that is said not to have begun although it has is nonsense", () => {
    const scene = new Scene();
    scene.give("a");
    scene.start(1);
    scene.give("b");
    assert.throws(() => scene.tasks.giveBack(1), /gives back/);
    assert.deepEqual(
      scene.tasks.all.map(({ name, number }) => [name, number]),
      [
        ["a", 1],
        ["b", 2],
      ],
      "it still has what it had",
    );
    scene.start(7);
    assert.match(scene.log.at(-1) ?? "", /nonsense: .*began task 7/);
  });

  test("when notices may be lost, nothing that may have begun is given back", () => {
    const scene = new Scene();
    scene.give("a", "b", "c");
    scene.start(1);
    const outcomeOf = (): { kind: "ended"; error: Error } => ({ kind: "ended", error: new RangeError("in doubt") });
    assert.equal(scene.tasks.leaveBehind({ lastBegun: 2, outcomeOf })?.name, "a");
    assert.deepEqual(scene.log, ["started a", "returned c", "settled b: RangeError"]);
    assert.equal(scene.log.length, 3);
    const elsewhere = new Scene();
    elsewhere.give("a", "b", "c");
    elsewhere.start(1);
    elsewhere.onReturned = ([c]) => {
      // It is the first one in another worker before this one is done with the rest.
      (c as PoolTask).number = 1;
    };
    elsewhere.tasks.leaveBehind({ lastBegun: 2, outcomeOf });
    assert.deepEqual(elsewhere.log, ["started a", "returned c", "settled b: RangeError"]);
    const unknown = new Scene();
    unknown.give("a", "b");
    unknown.tasks.leaveBehind({ lastBegun: Number.NaN, outcomeOf });
    assert.deepEqual(unknown.log, ["settled b: RangeError"]);
  });
});
