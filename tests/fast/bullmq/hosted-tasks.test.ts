/** What a host knows of the tasks that it runs. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { HostedTasks } from "../../../src/bullmq/host/hosted-tasks.js";

test("a job that comes when all go back goes back, too", () => {
  const tasks = new HostedTasks(() => assert.fail("none has begun"));
  const before = tasks.add("before", undefined);
  assert.deepEqual([before.isHandedBack, before.endReason], [undefined, undefined]);
  tasks.handBack();
  const late = tasks.add("late", undefined);
  for (const { isHandedBack, endReason } of [before, late]) {
    assert.deepEqual([isHandedBack, endReason?.message], [true, "Its host ends."]);
  }
});
