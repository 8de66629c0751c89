import assert from "node:assert/strict";
import { test } from "node:test";

import { Fifo } from "../../../src/fifo.js";

test("a queue gives what it was given in its order, whatever was taken from its two ends", () => {
  const queue = new Fifo<number>();
  let expected: number[] = [];
  let next = 0;
  // Long enough for the spent slots to be cut many times; a generator of its own, so that it is always the same.
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let step = 0; step < 5000; step += 1) {
    const choice = random(20);
    if (choice < 11) {
      queue.push(next);
      expected.push(next);
      next += 1;
    } else if (choice < 19) assert.equal(queue.shift(), expected.shift());
    else {
      const from = expected.length - random(4);
      assert.deepEqual(queue.takeFrom(Math.max(0, from)), expected.splice(Math.max(0, from)));
    }
    assert.equal(queue.size, expected.length);
    assert.equal(queue.at(0), expected[0]);
    assert.equal(queue.at(expected.length), undefined);
  }
  assert.ok(expected.length > 0);
  assert.deepEqual([...queue], expected);
  expected = [];
  assert.equal(queue.takeFrom(0).length > 0, true);
  assert.deepEqual([queue.size, queue.shift(), ...queue], [0, undefined]);
});
