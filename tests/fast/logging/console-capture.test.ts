import assert from "node:assert/strict";
import nodeConsole from "node:console";
import { afterEach } from "node:test";
import { createRequire } from "node:module";
import { describe } from "node:test";
import { inspect } from "node:util";
import { it } from "node:test";
import { log as importedLog } from "node:console";

import { captureConsole } from "../../../src/logging/console-capture.js";
import type { LogRecord } from "../../../src/logging/log-record.js";

let restore: (() => void) | undefined;

function capture(onRecord: (record: LogRecord) => void = () => {}): LogRecord[] {
  const records: LogRecord[] = [];
  restore = captureConsole(
    (record) => {
      records.push(record);
      onRecord(record);
    },
    () => ({ taskName: "the task" }),
  );
  return records;
}

function shown(records: readonly LogRecord[]): string[] {
  return records.map(({ level, message }) => `${level}: ${message}`);
}

describe("a captured console", () => {
  afterEach(() => {
    restore?.();
    restore = undefined;
  });

  it("makes one record of each call, with level, process, time and task", () => {
    const before = Date.now();
    const records = capture();
    console.log("a %s %d", "b", 1, { c: [1] });
    console.info("info");
    console.debug("debug");
    console.warn("warn");
    console.error(new RangeError("error").message);
    console.log();
    console.log("two\nlines\n");
    assert.deepStrictEqual(shown(records), [
      "info: a b 1 { c: [ 1 ] }",
      "info: info",
      "debug: debug",
      "warn: warn",
      "error: error",
      "info: ",
      "info: two\nlines\n",
    ]);
    assert.equal(records[0]?.pid, process.pid);
    assert.equal(records[0]?.taskName, "the task");
    assert.ok((records[0]?.timeMs ?? 0) >= before && (records[0]?.timeMs ?? 0) <= Date.now());
  });

  it("formats as Node does, without colours", () => {
    const records = capture();
    const values = [new Error("e"), new Map([[1, { a: null }]]), "x".repeat(200), Symbol("s"), 1n, undefined];
    for (const value of values) console.log(value);
    restore?.();
    assert.deepStrictEqual(
      records.map(({ message }) => message),
      values.map((value) => (typeof value === "string" ? value : inspect(value))),
    );
    assert.equal(
      records.some(({ message }) => message.includes("\u001b")),
      false,
    );
  });

  it("captures tables, directories, groups, counters, timers and assertions", () => {
    const records = capture();
    console.table([{ a: 1 }]);
    console.dir({ a: { b: 1 } }, { colors: true, depth: 0 });
    console.dirxml("x", { y: 1 });
    console.group("outer");
    console.log("in\nside");
    console.group();
    console.warn("deeper");
    console.groupEnd();
    console.groupEnd();
    console.log("outside");
    console.count("c");
    console.count("c");
    console.countReset("c");
    console.time("t");
    console.timeEnd("t");
    console.assert(true, "not shown");
    console.assert(false, "shown %s", "this");
    const [table, ...rest] = shown(records);
    assert.match(String(table), /│ \(index\) │ a │/);
    const timer = rest.splice(8, 1)[0];
    assert.match(String(timer), /^info: t: [\d.]+m?s$/);
    assert.deepStrictEqual(rest, [
      "info: { a: [Object] }",
      "info: x { y: 1 }",
      "info: outer",
      "info:   in\n  side",
      "warn:     deeper",
      "info: outside",
      "info: c: 1",
      "info: c: 2",
      "error: Assertion failed: shown this",
    ]);
  });

  it("shows the caller's stack, not its own, for trace", () => {
    const records = capture();
    console.trace("here %d", 1);
    const [trace] = records;
    assert.equal(trace?.level, "trace");
    const lines = trace?.message.split("\n") ?? [];
    assert.equal(lines[0], "Trace: here 1");
    assert.match(String(lines[1]), /logging.console-capture\.test/);
  });

  it("captures those who import console", () => {
    const records = capture();
    nodeConsole.log("default");
    importedLog("named");
    const required = createRequire(import.meta.url)("console") as Console;
    required.warn("required");
    assert.deepStrictEqual(shown(records), ["info: default", "info: named", "warn: required"]);
  });

  it("loses no more than the message whose formatting throws", () => {
    const records = capture();
    const broken = {
      [inspect.custom]: () => {
        throw new TypeError("no");
      },
    };
    console.log("before", broken);
    console.log("after");
    assert.match(String(records[0]?.message), /can't be shown: formatting it threw TypeError: no/);
    assert.equal(records[1]?.message, "after");
  });

  it("keeps a call inside the formatting of another one apart", () => {
    const records = capture();
    const chatty = {
      [inspect.custom]: () => {
        console.log("inner");
        return "chatty";
      },
    };
    console.log("outer", chatty);
    assert.deepStrictEqual(shown(records), ["info: inner", "info: outer chatty"]);
  });

  it("doesn't recurse when the sink logs, and goes on when it throws", () => {
    const original = console.log;
    const printed: unknown[] = [];
    console.log = (...args: unknown[]) => void printed.push(args);
    try {
      const records = capture((record) => {
        console.log("from the sink", record.message);
        throw new Error("sink");
      });
      console.log("one");
      console.log("two");
      assert.equal(records.length, 2);
      assert.deepStrictEqual(printed, [
        ["from the sink", "one"],
        ["from the sink", "two"],
      ]);
    } finally {
      restore?.();
      console.log = original;
    }
  });

  it("is put back as it was", () => {
    const before = { ...console };
    const records = capture();
    assert.notEqual(console.log, before.log);
    assert.equal(console.log.name, "log");
    restore?.();
    assert.deepStrictEqual({ ...console }, before);
    assert.equal(importedLog, before.log);
    assert.equal(records.length, 0);
  });
});
