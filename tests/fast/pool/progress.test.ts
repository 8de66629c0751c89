/** When a task counts as holding up others, and when that is looked at. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { test } from "node:test";
import type { TestContext } from "node:test";

import "../../testlibraries/mockable-timers.js";
import { HeldTasks } from "../../../src/pool/pace/held-tasks.js";
import { HeardTask } from "../../testlibraries/heard-task.js";
import { PooledFunction } from "../../../src/pool/queue/function-table.js";
import { Progress } from "../../../src/pool/pace/stall-watch.js";
import { StallWatch } from "../../../src/pool/pace/stall-watch.js";
import { patienceMs } from "../../../src/pool/pace/stall-watch.js";

/** A function of which it is known how long it takes; or not. */
function makeFunction(durationUs?: number): PooledFunction {
  const fn = new PooledFunction(1, Uint8Array.of(1));
  if (durationUs !== undefined) fn.learn(0, durationUs);
  return fn;
}

function makeTask(fn: PooledFunction): HeardTask {
  return new HeardTask({ name: "task", fn, callCount: 0, timeoutMs: undefined }, []);
}

describe("the tasks that a worker holds", () => {
  const room = (held: HeldTasks, next: PooledFunction): boolean[] =>
    [false, true].map((isBacklog) => held.hasRoomFor(next, 0, isBacklog));

  test("are many short ones, that end within 40 ms in all", () => {
    const fn = makeFunction(4000);
    const held = new HeldTasks();
    for (let i = 0; i < 10; i += 1) {
      assert.deepEqual(room(held, fn), [true, true]);
      held.push(makeTask(fn));
    }
    assert.deepEqual(room(held, fn), [false, false]);
  });

  test("are two long ones while many wait, up to 200 ms", () => {
    const held = new HeldTasks();
    const fn = makeFunction(100_000);
    held.push(makeTask(fn));
    assert.deepEqual(room(held, fn), [false, true]);
    assert.deepEqual(room(held, makeFunction()), [false, true], "of the second nothing need be known");
    held.push(makeTask(fn));
    assert.deepEqual(room(held, fn), [false, false]);
    const longer = new HeldTasks();
    longer.push(makeTask(makeFunction(300_000)));
    assert.deepEqual(room(longer, fn), [false, false]);
  });

  test("have nothing behind a large one that waits: it takes memory there", () => {
    const held = new HeldTasks();
    const give = (sizeBytes: number): void => {
      const task = makeTask(makeFunction(1000));
      held.push(task);
      held.noteSize(task, sizeBytes);
    };
    const next = makeFunction(1000);
    give(1024 * 1024);
    assert.deepEqual(room(held, next), [true, true], "it runs, or is about to");
    give(1024 * 1024 - 1);
    assert.deepEqual(room(held, next), [true, true]);
    give(1024 * 1024);
    assert.deepEqual(room(held, next), [false, false]);
    held.shift();
    assert.deepEqual(room(held, next), [false, false]);
    held.shift();
    assert.deepEqual(room(held, next), [true, true]);
  });

  test("are compared by how long they take; a short one rather wakes nobody", () => {
    const idle = new HeldTasks();
    const busy = new HeldTasks();
    const loads = (us?: number): number[] => [idle, busy].map((held) => held.loadFor(makeTask(makeFunction(us))));
    const give = (count: number, us: number): void => {
      for (let i = 0; i < count; i += 1) busy.push(makeTask(makeFunction(us)));
    };
    give(19, 10);
    assert.deepEqual(loads(), [-1, 190]);
    assert.deepEqual(loads(11), [-1, 190]);
    assert.deepEqual(loads(10), [200, 0], "it goes to the busy one");
    give(1, 10);
    assert.deepEqual(loads(10), [200, 200], "to the first");
    give(1, 10);
    assert.deepEqual(loads(10), [200, 210], "to the idle one");
    give(3, 10_000);
    assert.deepEqual(loads(10), [200, Infinity], "the busy one has enough");
    assert.deepEqual(loads(), [-1, Infinity]);
  });

  test("have nothing behind one of which nothing is known", () => {
    const held = new HeldTasks();
    held.push(makeTask(makeFunction()));
    assert.deepEqual(room(held, makeFunction(100_000)), [false, false]);
  });
});

test("patience is 1.5 times what is expected, from 20 ms to a second", () => {
  const patience = [undefined, 50, 40_000, 10_000_000].map((us) => patienceMs(makeTask(makeFunction(us))));
  assert.deepEqual(patience, [20, 20, 60, 1000]);
  assert.equal(patienceMs(undefined), 20);
  const wanted = makeTask(makeFunction(40_000));
  wanted.isStartWanted = true;
  assert.equal(patienceMs(wanted), 60, "it isn't next");
  wanted.state = "dispatched";
  assert.equal(patienceMs(wanted), 2);
});

test("progress is what has ended since the last look", async () => {
  const progress = new Progress();
  assert.equal(progress.look(), undefined);
  assert.ok((progress.look() ?? -1) >= 0);
  progress.note();
  assert.equal(progress.look(), undefined);
  const before = progress.look() ?? Infinity;
  await new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
  assert.ok((progress.look() ?? 0) > before);
});

/** Lets the mocked time go on, and the event loop turn. */
async function pass(t: TestContext, durationMs: number): Promise<void> {
  t.mock.timers.tick(durationMs);
  await new Promise(setImmediate);
}

describe("the watch", () => {
  class Watched {
    readonly first: unknown = {};
    canStall = false;
    patience: number;
    readonly #look: (isUrgent: boolean) => void;

    constructor(patience: number, look: (isUrgent: boolean) => void) {
      this.patience = patience;
      this.#look = look;
    }

    patienceMs(isUrgent: boolean): number {
      return isUrgent ? 2 : this.patience;
    }

    lookForStart(): void {}

    checkStall(isUrgent: boolean): void {
      this.#look(isUrgent);
    }
  }

  class Scene {
    readonly looks: string[] = [];
    readonly a = new Watched(20, (isUrgent) => this.looks.push(isUrgent ? "a!" : "a"));
    readonly b = new Watched(90, (isUrgent) => this.looks.push(isUrgent ? "b!" : "b"));
    readonly watch: StallWatch = new StallWatch(() => [this.a, this.b]);
  }

  test("looks when the least patient one is due, and sleeps when none can stall", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const scene = new Scene();
    const { a, b } = scene;
    scene.watch.watch(false);
    await pass(t, 1000);
    assert.deepEqual(scene.looks, []);
    b.canStall = true;
    scene.watch.watch(false);
    await pass(t, 89);
    assert.deepEqual(scene.looks, []);
    a.canStall = true;
    scene.watch.watch(false);
    await pass(t, 19);
    assert.deepEqual(scene.looks, []);
    await pass(t, 1);
    assert.deepEqual(scene.looks, ["a", "b"]);
    a.canStall = false;
    b.canStall = false;
    await pass(t, 20);
    assert.deepEqual(scene.looks, ["a", "b", "a", "b"], "it was set for a");
    await pass(t, 1000);
    assert.equal(scene.looks.length, 4);
  });

  test("looks soon for the start of a task that somebody waits for, and has nothing back for that", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const scene = new Scene();
    scene.a.canStall = true;
    scene.watch.watch(false);
    scene.a.patience = 2;
    scene.watch.watchStart();
    await pass(t, 2);
    assert.deepEqual(scene.looks, ["a", "b"]);
  });

  test("looks soon when somebody has nothing to do", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const scene = new Scene();
    scene.a.canStall = true;
    scene.watch.watch(false);
    scene.watch.watch(true);
    scene.watch.watch(true);
    await pass(t, 2);
    assert.deepEqual(scene.looks, ["a!", "b!"]);
    await pass(t, 19);
    assert.equal(scene.looks.length, 2);
    await pass(t, 1);
    assert.deepEqual(scene.looks, ["a!", "b!", "a", "b"]);
  });
});
