import assert from "node:assert/strict";
import { test } from "node:test";

import { WorkerLife } from "../../../src/pool/worker/life.js";
import type { Phase } from "../../../src/pool/worker/life.js";

/** A life that has come to a phase in the shortest way, and how often its worker gave up its place on it. */
function liveTo(phase: Phase): { life: WorkerLife; leftCount: () => number } {
  let left = 0;
  const life = new WorkerLife(() => {
    left += 1;
  });
  if (phase === "open" || phase === "retiring") life.moveTo("open", "ready");
  if (phase === "retiring") life.moveTo("retiring", "retired");
  if (phase === "ending" || phase === "dead") life.leave("told to end");
  if (phase === "killed") life.moveTo("killed", "killed");
  if (phase === "dead") life.moveTo("dead", "gone");
  return { life, leftCount: () => left };
}

test("a worker goes through its phases in the ways that are drawn, and in no other", () => {
  const drawn: Readonly<Record<Phase, string>> = {
    starting: "open ending killed",
    open: "retiring ending killed",
    retiring: "ending killed",
    ending: "killed dead",
    killed: "dead",
    dead: "",
  };
  const phases = Object.keys(drawn) as Phase[];
  for (const from of phases) {
    const possible = phases.filter((to) => {
      const { life } = liveTo(from);
      assert.equal(life.phase, from);
      try {
        life.moveTo(to, "killed");
        return life.phase === to;
      } catch (error) {
        assert.match(String(error), new RegExp(`A worker can't go from "${from}" to "${to}"`));
        return false;
      }
    });
    assert.equal(possible.join(" "), drawn[from], from);
  }
});

test("it gives up its place once, and keeps the first reason", () => {
  for (const phase of ["starting", "open", "retiring"] as const) {
    const { life, leftCount } = liveTo(phase);
    assert.deepEqual([life.hasLeft, life.leaving, leftCount()], [false, undefined, 0], phase);
    assert.equal(life.leave("in doubt"), true);
    assert.equal(life.leave("ended by itself"), false);
    life.moveTo("killed", "killed");
    life.moveTo("dead", "gone");
    assert.deepEqual([life.hasLeft, life.leaving, leftCount()], [true, "in doubt", 1], phase);
  }
});

test("it is open while it may have a task", () => {
  const open = (["starting", "open", "retiring", "ending", "killed", "dead"] as const).filter(
    (phase) => liveTo(phase).life.isOpen,
  );
  assert.deepEqual(open, ["open", "retiring"]);
});
