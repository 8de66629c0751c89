/** Workers that can't have a watchdog thread: all goes on, only slower where it would be asked. */

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { test } from "node:test";

import { ProcessPoolExecutor } from "asynccpu";

import { fixturePath } from "../testlibraries/process-family.js";

async function waitFor(durationMs: number): Promise<number> {
  if (durationMs === 0) return 0;
  return new Promise((resolve) => {
    setTimeout(() => resolve(durationMs), durationMs);
  });
}

for (const isLater of [false, true]) {
  for (const hasInitializer of [false, true]) {
    const how = `${isLater ? "ended" : "was refused"}${hasInitializer ? ", with an initializer" : ""}`;
    test(`a pool whose workers' thread ${how} does its tasks, also when one holds up others`, async () => {
      await using executor = new ProcessPoolExecutor({
        maxWorkers: 1,
        execArgv: ["--import", `${pathToFileURL(fixturePath("lacks-threads")).href}${isLater ? "?later" : ""}`],
        ...(hasInitializer ? { initializer: () => {} } : {}),
      });
      for (let i = 0; i < 30; i += 1) await executor.submit(waitFor, 0);
      // The second one is asked back, and there is no answer.
      assert.deepEqual(await Promise.all([executor.submit(waitFor, 300), executor.submit(waitFor, 0)]), [300, 0]);
      assert.equal(await executor.submit(waitFor, 0), 0);
      assert.equal(executor.stats().crashedWorkers, 0);
    });
  }
}
