import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { once } from "node:events";
import { test } from "node:test";

import { Claim } from "../../../src/subprocess/guard/claim.js";

test("tasks begin in order, and what was taken back does not begin", () => {
  const claim = new Claim();
  const otherSide = new Claim(claim.buffer);
  assert.equal(claim.begin(1), true);
  assert.equal(claim.begin(1), false, "no task begins twice");
  assert.equal(claim.begin(2), true);
  assert.equal(otherSide.takeBack(6), 3, "1 and 2 have begun");
  for (const task of [3, 4, 5]) assert.equal(claim.begin(task), false);
  assert.equal(otherSide.takeBack(8), 6, "6 and 7 were sent since then");
  assert.equal(claim.begin(7), false);
  assert.equal(claim.begin(8), true);
  assert.equal(otherSide.takeBack(9), 9, "there is nothing to take back");
  assert.equal(claim.begin(9), true);
  assert.equal(claim.begin(10), true);
  assert.equal(otherSide.takeBack(0x7fff_ffff), 11, "a worker that retires");
  assert.equal(claim.begin(0x7fff_fffe), false);
  assert.equal(otherSide.takeBack(12), 12);
});

test("two threads that begin and take back at the same time never both have a task", async () => {
  const claim = new Claim();
  const rounds = 20_000;
  const start = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const worker = new Worker(new URL("../../fixtures/takes-back.js", import.meta.url), {
    workerData: { claim: claim.buffer, start, rounds },
  });
  // It says that it is ready, and waits: so it can't have ended (with both messages given out at once) before the
  // second message is listened for.
  await once(worker, "message");
  const message = once(worker, "message") as Promise<[{ readonly from: number; readonly to: number }[]]>;
  Atomics.store(start, 0, 1);
  Atomics.notify(start, 0);
  const begun = new Set<number>();
  // It takes back all up to the round's number, again and again, while this thread begins what it can.
  for (let task = 1; task <= rounds; task += 1) if (claim.begin(task)) begun.add(task);
  const [taken] = await message;
  for (const { from, to } of taken) {
    for (let task = from; task < to; task += 1) assert.equal(begun.has(task), false, `task ${task}`);
  }
  const takenCount = taken.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, rounds + 1) - from), 0);
  assert.ok(begun.size + takenCount >= rounds, "and none is lost");
  await worker.terminate();
});
