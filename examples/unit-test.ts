/** A unit test of code that takes an executor: no process is started, and no time passes. */

import assert from "node:assert/strict";
import { mock } from "node:test";

import { InlineTaskExecutor } from "asynccpu/testing";
import { TaskTimeoutError } from "asynccpu";
import { assertNothingLeft } from "asynccpu/testing";
import type { TaskExecutor } from "asynccpu";

async function render(page: string): Promise<string> {
  // Stands for something slow.
  await new Promise((resolve) => {
    setTimeout(resolve, page === "long" ? 60_000 : 1000);
  });
  return `<h1>${page}</h1>`;
}

/** The code under test: in the program it is given a ProcessTaskPoolExecutor. */
async function renderOrGiveUp(executor: TaskExecutor, page: string): Promise<string> {
  try {
    return await executor.with({ timeoutMs: 10_000 }).submit(render, page);
  } catch (error) {
    if (error instanceof TaskTimeoutError) return "This page takes too long.";
    throw error;
  }
}

mock.timers.enable({ apis: ["setTimeout"] });
const executor = new InlineTaskExecutor({ autoRun: false, graceMs: 0 });

const home = renderOrGiveUp(executor, "home");
const first = executor.runNext();
mock.timers.tick(1000);
await first;
assert.equal(await home, "<h1>home</h1>");
console.log("a page is rendered");

const long = renderOrGiveUp(executor, "long");
const second = executor.runNext();
mock.timers.tick(10_000);
await second;
assert.equal(await long, "This page takes too long.");
console.log("a page that takes too long is given up");

mock.timers.reset();
await executor.shutdown();
await assertNothingLeft();
console.log("nothing is left");
