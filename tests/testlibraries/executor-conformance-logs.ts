/** The part of the suite for every executor that is about what tasks log. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { test } from "node:test";

import { LogQueue } from "asynccpu";
import type { LogRecord } from "asynccpu";

import { logFields } from "../fixtures/log-tasks.js";
import { logInEachWay } from "../fixtures/log-tasks.js";
import { logLines } from "../fixtures/log-tasks.js";
import type { MakeExecutor } from "./executor-conformance-ends.js";

/** All that waits in a queue. */
function takeAll(queue: LogQueue): LogRecord[] {
  return Array.from({ length: queue.size }, () => queue.tryGet() as LogRecord);
}

/** Runs this part of the suite. */
export function describeLogs(kind: string, make: MakeExecutor): void {
  describe(`${kind}: logs`, () => {
    test("what a task logs in each way is there before its result, with level, logger, task, pid and time", async () => {
      const logQueue = new LogQueue();
      await using executor = make({ logQueue });
      const before = Date.now();
      const pid = await executor.with({ name: "prints" }).submit(logInEachWay);
      const records = takeAll(logQueue);
      assert.deepEqual(
        records.map(({ level, logger, message }) => [level, logger, message]),
        [
          ["info", undefined, "page 1"],
          ["warn", undefined, "toner is low"],
          ["debug", "printer.tray", "empty"],
          ["error", undefined, "jammed"],
          ["info", undefined, "by pino"],
        ],
      );
      assert.deepEqual([records[2]?.fields?.["tray"], records[4]?.fields?.["copies"]], [4, 2]);
      for (const record of records) {
        assert.deepEqual([record.taskName, record.pid], ["prints", pid]);
        assert.ok(record.timeMs >= before && record.timeMs <= Date.now());
      }
    });

    test("the records of many tasks each have the name of their own, in order, and fields keep their kinds", async () => {
      const logQueue = new LogQueue();
      await using executor = make({ logQueue });
      await Promise.all(["a", "b"].map((name) => executor.with({ name }).submit(logLines, 50)));
      const records = takeAll(logQueue);
      for (const name of ["a", "b"]) {
        const own = records.filter(({ taskName }) => taskName === name).map(({ message }) => message);
        assert.deepEqual(
          own,
          Array.from({ length: 50 }, (_, index) => `line ${index + 1}`),
        );
      }
      const fields = { at: new Date(5), pages: new Map([[1, "a"]]), error: new RangeError("r") };
      await executor.submit(logFields, fields);
      assert.deepEqual(takeAll(logQueue)[0]?.fields, fields);
    });
  });
}
