/** How often the end of workers has the machine's processes looked through: each look reads the whole of /proc. */

import assert from "node:assert/strict";
import { mock } from "node:test";
import { readdirSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { CancelledError } from "../../../src/index.js";
import { ProcessPoolExecutor } from "../../../src/index.js";
import { expectExit } from "../../../src/system/tree/terminator.js";
import { hostPlatform } from "../../../src/system/platform.js";
import { killLeftByExited } from "../../../src/system/tree/terminator.js";
import { nextTurn } from "../../../src/system/timers.js";
import { poolOf } from "../../testlibraries/pool-of.js";
import type { ProcessPoolExecutorOptions } from "../../../src/index.js";
import type { TreeRoot } from "../../../src/system/tree/process-tree.js";

const skip = process.platform === "linux" ? false : "there is no /proc";

/** Shuts down while the worker has not said yet that it is ready. @returns What was done to it first. */
async function endStarting(options: ProcessPoolExecutorOptions): Promise<string | undefined> {
  const executor = new ProcessPoolExecutor({ maxWorkers: 1, ...options });
  const failure = executor.submit(() => 1).exception();
  const [worker] = poolOf(executor).workers;
  const done: string[] = [];
  const listing = mock.method(hostPlatform, "listDirectory", (path: string) => {
    done.push("looked for what it has started");
    return readdirSync(path);
  });
  const killing = mock.method(hostPlatform, "kill", (pid: number, signal: NodeJS.Signals | number) => {
    if (pid === -(worker?.root?.pid ?? 0)) done.push("killed");
    process.kill(pid, signal);
  });
  try {
    await executor.shutdown({ cancelFutures: true });
  } finally {
    listing.mock.restore();
    killing.mock.restore();
  }
  assert.ok((await failure) instanceof CancelledError);
  return done[0];
}

test(
  "a worker that has run nothing yet is killed at once, and one with an initializer as any other",
  { skip },
  async () => {
    assert.equal(await endStarting({}), "killed");
    assert.equal(await endStarting({ initializer: () => {} }), "looked for what it has started");
  },
);

test("the search for what exited processes have left waits for those that were told to exit", { skip }, async () => {
  const root = (): TreeRoot => ({ pid: spawnSync("true").pid, ownsGroup: false });
  const [first, second, third, fourth] = [root(), root(), root(), root()];
  expectExit(second);
  const search = killLeftByExited(first);
  assert.equal(killLeftByExited(second), search);
  await nextTurn();
  await nextTurn();
  const later = killLeftByExited(third);
  assert.notEqual(later, search, "nobody was waited for any more");
  expectExit(fourth);
  await Promise.all([search, later]);
  const startMs = performance.now();
  await killLeftByExited(first);
  assert.ok(performance.now() - startMs > 15, "it waited, but not for ever");
  await killLeftByExited(fourth);
});
