/** A turn of the event loop that submits for long, during which no outcome is read. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { test } from "node:test";
import type { TestContext } from "node:test";

import { HeldTasks } from "../../../src/pool/pace/held-tasks.js";
import { LongTurn } from "../../../src/pool/pace/long-turn.js";
import { HeardTask } from "../../testlibraries/heard-task.js";
import { PooledFunction } from "../../../src/pool/queue/function-table.js";
import { performance } from "../../../src/system/timers.js";

/** The clock, which a test turns. */
function mockClock(t: TestContext): { nowMs: number } {
  const clock = { nowMs: 1000 };
  t.mock.method(performance, "now", () => clock.nowMs);
  return clock;
}

describe("the look at the workers", () => {
  /** A worker that is looked at, and comes further each time. */
  class LookedAt {
    count = 0;
    isFurther = true;
    onLook: () => void = () => {};

    lookAhead(): boolean {
      this.count += 1;
      this.onLook();
      return this.isFurther;
    }
  }

  test("comes when the turn has gone on for 2 ms, and every 2 ms after that", (t) => {
    const clock = mockClock(t);
    const worker = new LookedAt();
    const turn = new LongTurn();
    assert.equal(turn.findsRoom([worker]), false);
    clock.nowMs += 1.9;
    assert.equal(turn.findsRoom([worker]), false);
    clock.nowMs += 0.1;
    assert.equal(turn.findsRoom([worker]), true);
    clock.nowMs += 1.9;
    assert.equal(turn.findsRoom([worker]), false);
    clock.nowMs += 0.1;
    assert.equal(turn.findsRoom([worker]), true);
    assert.equal(worker.count, 2);
  });

  test("finds nothing when no worker has come further, and looks at all of them", (t) => {
    const clock = mockClock(t);
    const workers = [new LookedAt(), new LookedAt()];
    for (const worker of workers) worker.isFurther = false;
    const turn = new LongTurn();
    turn.findsRoom(workers);
    clock.nowMs += 2;
    assert.equal(turn.findsRoom(workers), false);
    assert.deepEqual(
      workers.map(({ count }) => count),
      [1, 1],
    );
    clock.nowMs += 2;
    const [first] = workers;
    assert.ok(first !== undefined);
    first.isFurther = true;
    assert.equal(turn.findsRoom(workers), true);
    assert.deepEqual(
      workers.map(({ count }) => count),
      [2, 2],
    );
  });

  test("looks at the clock once in 32 submissions of a fast loop, and at each of a slow one", (t) => {
    const clock = mockClock(t);
    const worker = new LookedAt();
    const turn = new LongTurn();
    // At the first it begins, then twice as many each time.
    for (let i = 0; i < 64; i += 1) assert.equal(turn.findsRoom([worker]), false);
    clock.nowMs += 5;
    const fast = Array.from({ length: 32 }, () => turn.findsRoom([worker]));
    assert.deepEqual([fast.indexOf(true), fast.lastIndexOf(true)], [31, 31]);
    for (let i = 0; i < 10; i += 1) {
      clock.nowMs += 2;
      assert.equal(turn.findsRoom([worker]), true, `submission ${i}`);
    }
  });

  test("takes a twentieth of the time at most", (t) => {
    const clock = mockClock(t);
    const worker = new LookedAt();
    worker.onLook = () => {
      clock.nowMs += 1;
    };
    const turn = new LongTurn();
    turn.findsRoom([worker]);
    clock.nowMs += 2;
    assert.equal(turn.findsRoom([worker]), true);
    clock.nowMs += 18;
    assert.equal(turn.findsRoom([worker]), false);
    clock.nowMs += 1;
    assert.equal(turn.findsRoom([worker]), true);
  });

  test("is not taken in a turn of its own, however long ago the last submission was", async (t) => {
    const clock = mockClock(t);
    const worker = new LookedAt();
    const turn = new LongTurn();
    for (let i = 0; i < 5; i += 1) {
      assert.equal(turn.findsRoom([worker]), false);
      clock.nowMs += 100;
      await new Promise(setImmediate);
    }
    assert.equal(worker.count, 0);
  });
});

describe("the tasks of a worker whose outcomes are not read", () => {
  function makeFunction(durationUs?: number): PooledFunction {
    const fn = new PooledFunction(1, Uint8Array.of(1));
    if (durationUs !== undefined) fn.learn(0, durationUs);
    return fn;
  }

  function push(held: HeldTasks, fn: PooledFunction, count = 1): void {
    const kind = { name: "task", fn, callCount: 0, timeoutMs: undefined };
    for (let i = 0; i < count; i += 1) held.push(new HeardTask(kind, []));
  }

  function fill(held: HeldTasks, fn: PooledFunction): number {
    const before = held.size;
    while (held.hasRoomFor(fn, 0, true)) push(held, fn);
    return held.size - before;
  }

  test("make room as they begin, and no room a second time when they end", () => {
    const held = new HeldTasks();
    const fn = makeFunction(4000);
    assert.equal(fill(held, fn), 10);
    assert.equal(held.isRunningLow, false);
    assert.equal(held.noteBegun(1, 0), true, "nothing was known");
    assert.equal(fill(held, fn), 0, "it runs");
    assert.equal(held.noteBegun(1, 2), false);
    assert.equal(held.noteBegun(8, 28), true);
    assert.equal(held.isRunningLow, true);
    assert.equal(fill(held, fn), 7);
    assert.equal(held.size, 17, "none is over as far as outcomes tell");
    for (let i = 0; i < 7; i += 1) held.shift();
    assert.equal(fill(held, fn), 0);
    held.shift();
    assert.equal(fill(held, fn), 1);
    assert.equal(fn.expectedUs(0), 4000, "a look teaches nothing of what is known");
  });

  test("are seen to end by the next one's start, where nothing is known of their function", () => {
    const held = new HeldTasks();
    const fn = makeFunction();
    assert.equal(fill(held, fn), 1);
    assert.equal(held.noteBegun(0, 5), false, "it has not begun");
    assert.equal(fill(held, fn), 0);
    assert.equal(held.noteBegun(1, 10), true);
    assert.equal(fill(held, fn), 1, "one to see its end by");
    assert.equal(held.noteBegun(1, 12), false);
    assert.equal(held.noteBegun(2, 20), true);
    assert.equal(held.noteBegun(2, 20), true, "there may not have been a task for that room");
    assert.equal(fn.expectedUs(0), 10_000, "at most");
    // The one that runs was given as one of 40 ms.
    assert.equal(fill(held, fn), 1);
    held.noteBegun(3, 22);
    assert.equal(fn.expectedUs(0), 2000, "a later guess is a better one");
    assert.equal(fill(held, fn), 15);
    fn.learn(0, 900);
    assert.equal(fn.expectedUs(0), 900, "and any outcome is better than a guess");
    held.noteBegun(18, 37);
    assert.equal(fn.expectedUs(0), 900);
  });

  test("have one behind one that seems to take very long", () => {
    const held = new HeldTasks();
    const fn = makeFunction();
    fill(held, fn);
    held.noteBegun(1, 0);
    fill(held, fn);
    held.noteBegun(2, 900);
    assert.equal(fn.expectedUs(0), 900_000);
    assert.equal(fill(held, fn), 1);
    assert.equal(held.noteBegun(3, 902), true);
    assert.equal(fn.expectedUs(0), 2000);
    fn.learn(0, 900_000);
    assert.equal(fill(held, fn), 1);
    assert.equal(fill(held, fn), 0, "it was not seen to have begun");
    assert.equal(held.noteBegun(4, 903), true);
    assert.equal(fill(held, fn), 1);
  });

  test("are left alone when they are very short", () => {
    const looks = [undefined, 29, 30, 100_000].map((durationUs) => {
      const held = new HeldTasks();
      push(held, makeFunction(durationUs));
      return held.isWorthALook;
    });
    assert.deepEqual(looks, [true, false, true, true]);
    assert.equal(new HeldTasks().isWorthALook, false);
  });

  test("are taken back, or all taken out, with the room that they take", () => {
    const held = new HeldTasks();
    const fn = makeFunction(4000);
    fill(held, fn);
    held.noteBegun(4, 12);
    assert.equal(held.takeFrom(7).length, 4);
    assert.equal(fill(held, fn), 7, "4 to 6 are there");
    held.noteBegun(6, 30);
    assert.equal(held.clear().length, 13);
    assert.equal(held.size, 0);
    assert.equal(fill(held, fn), 10);
  });

  test("have bounds, whatever a worker claims", () => {
    const held = new HeldTasks();
    const fn = makeFunction(4000);
    for (let i = 0; i < 1000; i += 1) {
      fill(held, fn);
      held.noteBegun(Number.MAX_SAFE_INTEGER, i);
    }
    assert.ok(held.size >= 8192 && held.size < 8292, `${held.size} tasks`);
    while (held.size > 0) held.shift();
    assert.equal(fill(held, fn), 10);
  });
});
