/** Classes that the program has registered, and that a worker loads by itself. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ProcessPoolExecutor } from "asynccpu";
import { registerClass } from "asynccpu";

import * as squares from "../../fixtures/value-modules/squares.js";
import { makeOtherSquare } from "../../fixtures/value-modules/makers.js";
import { makeSquare } from "../../fixtures/value-modules/makers.js";

const SQUARES = new URL("../../fixtures/value-modules/squares.js", import.meta.url).href;

test("instances of a class that only the worker's modules load arrive as that, others of its name don't", async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const before = await executor.submit(makeSquare, 2);
  assert.equal(before instanceof squares.Square, false);
  registerClass(squares.Square);
  for (const make of [
    makeSquare,
    (side: number) => makeSquare(side),
    (side: number) => new squares.Square(side),
    // Reason: what a task imports by itself.
    async (side: number) => new ((await import(SQUARES)) as typeof squares).Square(side),
  ]) {
    const square = await executor.submit(make, 2);
    assert.ok(square instanceof squares.Square, String(make));
    assert.equal(square.area, 4);
  }
  assert.deepStrictEqual<unknown>(await executor.submit(makeOtherSquare, 2), { side: 2 });
});
