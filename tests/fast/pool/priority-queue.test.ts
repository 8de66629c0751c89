import assert from "node:assert/strict";
import { test } from "node:test";

import { HeardTask } from "../../testlibraries/heard-task.js";
import { PooledFunction } from "../../../src/pool/queue/function-table.js";
import { PriorityQueue } from "../../../src/pool/queue/priority-queue.js";
import type { PoolTask } from "../../../src/pool/queue/pool-task.js";

const fn = new PooledFunction(1, Uint8Array.of());

function makeTask(priority: number): PoolTask {
  return new HeardTask({ name: "task", fn, callCount: 0, timeoutMs: undefined, priority }, Uint8Array.of());
}

test("the highest priority leaves first, in order, and each sixteenth time the oldest of all", () => {
  const old = makeTask(-7);
  const plain = [makeTask(0), makeTask(0)];
  const queue = new PriorityQueue([old, ...plain]);
  const urgent = Array.from({ length: 40 }, () => makeTask(3));
  for (const task of urgent) queue.push(task);
  const order: (PoolTask | undefined)[] = [];
  while (queue.size > 0) {
    const next = queue.peek();
    assert.equal(queue.peek(), next, "looking changes nothing");
    order.push(queue.shift());
    assert.equal(order.at(-1), next);
  }
  assert.deepEqual([order.indexOf(old), order.indexOf(plain[0]), order.indexOf(plain[1])], [15, 31, 42]);
  assert.deepEqual(
    order.filter((task) => task?.priority === 3),
    urgent,
  );
});

test("it has the tasks that were pushed and not taken out, whatever is done to it", () => {
  const queue = new PriorityQueue([]);
  let expected: PoolTask[] = [];
  // A generator of its own, so that it is always the same.
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let step = 0; step < 4000; step += 1) {
    const choice = random(10);
    if (choice < 5) {
      const task = makeTask(random(7) - 3);
      queue.push(task);
      expected.push(task);
    } else if (choice < 8) {
      const task = queue.shift();
      assert.equal(task === undefined, expected.length === 0);
      expected = expected.filter((each) => each !== task);
      if (task !== undefined && choice === 7) {
        queue.unshift(task);
        expected.push(task);
      }
    } else {
      const task = expected[random(expected.length + 1)];
      if (task === undefined) continue;
      assert.equal(queue.remove(task), true);
      assert.equal(queue.remove(task), false);
      expected = expected.filter((each) => each !== task);
    }
    assert.equal(queue.size, expected.length);
  }
  assert.ok(expected.length > 100);
  const drained = queue.drain();
  assert.deepEqual(new Set(drained), new Set(expected));
  assert.deepEqual(
    drained.map(({ priority }) => priority),
    expected.map(({ priority }) => priority).toSorted((a, b) => b - a),
  );
  assert.deepEqual([queue.size, queue.peek(), queue.shift()], [0, undefined, undefined]);
});

test("a task that comes back is before the others of its priority, and as old as it was", () => {
  const [low, first, second] = [makeTask(0), makeTask(1), makeTask(1)];
  const queue = new PriorityQueue([low, first, second]);
  assert.equal(queue.shift(), first);
  queue.unshift(first);
  assert.deepEqual([queue.shift(), queue.shift(), queue.shift()], [first, second, low]);
});

test("where each task has a priority of its own, it is not looked for among all of them each time", () => {
  const count = 2000;
  let looks = 0;
  const queue = new PriorityQueue([]);
  for (let index = 0; index < count; index += 1) {
    const task = makeTask((index * 7919) % count);
    let { age } = task;
    Object.defineProperty(task, "age", {
      get: () => {
        looks += 1;
        return age;
      },
      set: (value: number) => {
        age = value;
      },
    });
    queue.push(task);
  }
  for (let index = 0; index < count; index += 1) {
    queue.peek();
    queue.shift();
  }
  assert.equal(queue.size, 0);
  assert.ok(looks < 4 * count, `${looks} looks at ${count} tasks`);
});
