/** The cache of parsed scripts by itself. */

import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";
import { test } from "node:test";

import "../../testlibraries/mockable-timers.js";
import { RecentValues } from "../../../src/pickle/look/recent-values.js";
import { performance } from "../../../src/system/timers.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** A turn of the event loop lets go of what a weak reference was asked for. */
async function collectAll(): Promise<void> {
  for (let i = 0; i < 3; i += 1) {
    await new Promise(setImmediate);
    collect();
  }
}

test("a value is kept for a while after its last use, each as long as it is to be, and not for ever", async () => {
  const values = new RecentValues<string, { id: number }>();
  values.set("a", { id: 1 }, 500);
  values.set("b", { id: 2 }, 60_000);
  await collectAll();
  assert.equal(values.get("a")?.id, 1);
  const isGone = async (): Promise<boolean> => {
    // Not asked for meanwhile: that would keep it.
    await new Promise((resolve) => {
      setTimeout(resolve, 700);
    });
    await collectAll();
    return values.get("a") === undefined;
  };
  let rounds = 0;
  while (!(await isGone())) assert.ok((rounds += 1) < 100);
  assert.equal(values.get("b")?.id, 2);
  values.set("a", { id: 3 }, 500);
  assert.equal(values.get("a")?.id, 3);
  assert.equal(values.get("c"), undefined);
});

test("no timer is set for a moment that has passed while others were looked at", (t) => {
  let nowMs = 1000;
  t.mock.method(performance, "now", () => nowMs++);
  const timers: { readonly fire: () => void; readonly delayMs: number }[] = [];
  t.mock.method(globalThis, "setTimeout", (fire: () => void, delayMs: number) => {
    timers.push({ fire, delayMs });
    return { unref: () => {} };
  });
  const values = new RecentValues<number, { id: number }>();
  // Each is due a millisecond after the one before it, and each look at the clock takes one.
  for (let id = 0; id < 20; id += 1) values.set(id, { id }, 10);
  for (let round = 0; round < timers.length; round += 1) timers[round]?.fire();
  assert.ok(timers.length > 1);
  assert.deepEqual(
    timers.filter(({ delayMs }) => delayMs < 1),
    [],
  );
});
