/** Levels of loggers: in one process by name, and in workers by a configurer. */

import assert from "node:assert/strict";
import { afterEach } from "node:test";
import { describe } from "node:test";
import { inspect } from "node:util";
import { test } from "node:test";

import pino from "pino";

import { InitializerError } from "../../../src/index.js";
import { InvalidOptionError } from "../../../src/index.js";
import { LogQueue } from "../../../src/index.js";
import { ProcessTaskPoolExecutor } from "../../../src/index.js";
import { captureConsole } from "../../../src/logging/console-capture.js";
import { createPinoDestination } from "../../../src/index.js";
import { getLogger } from "../../../src/index.js";
import { log } from "../../../src/index.js";
import { setLogSink } from "../../../src/logging/current-sink.js";
import type { LogLevel } from "../../../src/index.js";
import type { LogRecord } from "../../../src/index.js";

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

function summaryOf(records: readonly LogRecord[]): string[] {
  return records.map(({ level, logger, message }) => `${level} ${logger ?? "-"} ${message}`);
}

describe("in one process", () => {
  const records: LogRecord[] = [];
  const sink = (record: LogRecord): unknown => records.push(record);
  let restoreConsole = (): void => {};

  function capture(): void {
    setLogSink(sink);
    restoreConsole = captureConsole(sink, () => ({}));
  }

  afterEach(() => {
    restoreConsole();
    setLogSink(undefined);
    for (const name of ["", "a", "a.b"]) getLogger(name).setLevel(undefined);
    records.length = 0;
  });

  test("until a level is set, all records are made; then those from it on", () => {
    capture();
    for (const level of LEVELS) getLogger("a")[level]("before");
    getLogger("a").setLevel("warn");
    for (const level of LEVELS) getLogger("a")[level]("after");
    assert.deepEqual(summaryOf(records), [
      ...LEVELS.map((level) => `${level} a before`),
      "warn a after",
      "error a after",
      "fatal a after",
    ]);
  });

  test("a level is inherited by name, root to a to a.b, by loggers that were made before as well", () => {
    const names = ["", "a", "a.b", "a.b.c", "ab", "a..b"];
    const loggers = names.map((name) => getLogger(name));
    const enabled = (level: LogLevel): string[] => names.filter((_, i) => loggers[i]?.isEnabledFor(level));
    assert.deepEqual(enabled("trace"), names);
    getLogger().setLevel("error");
    assert.deepEqual(enabled("warn"), []);
    getLogger("a").setLevel("info");
    assert.deepEqual(enabled("info"), ["a", "a.b", "a.b.c", "a..b"]);
    getLogger("a.b").setLevel("fatal");
    assert.deepEqual(enabled("info"), ["a", "a..b"]);
    assert.deepEqual(enabled("fatal"), names);
    getLogger("a.b").setLevel(undefined);
    assert.deepEqual(enabled("info"), ["a", "a.b", "a.b.c", "a..b"]);
    getLogger().setLevel(undefined);
    assert.deepEqual(enabled("debug"), ["", "ab"]);
  });

  test("records of the root carry no name, and the level of the root holds for log() and for console", () => {
    capture();
    getLogger().setLevel("warn");
    getLogger().info("no");
    getLogger().error("root");
    log("debug", "no");
    log("warn", "log");
    console.debug("no");
    console.log("no");
    console.info("no");
    console.table([{ no: 1 }]);
    console.dir({ no: 1 });
    console.trace("no");
    console.warn("console");
    console.error("console");
    console.assert(false, "console");
    assert.deepEqual(summaryOf(records), [
      "error - root",
      "warn - log",
      "warn - console",
      "error - console",
      "error - Assertion failed: console",
    ]);
  });

  test("what isn't wanted isn't formatted, but groups and counters go on", () => {
    capture();
    getLogger().setLevel("error");
    let shownCount = 0;
    console.log({ [inspect.custom]: () => `${(shownCount += 1)}` });
    console.count("calls");
    console.group("outer");
    console.error("inside");
    console.groupEnd();
    getLogger().setLevel("info");
    console.count("calls");
    console.log("outside");
    assert.equal(shownCount, 0);
    assert.deepEqual(summaryOf(records), ["error -   inside", "info - calls: 2", "info - outside"]);
  });

  test("a pino logger that writes to the queue has the level of its name", () => {
    capture();
    const pinoLogger = pino({ name: "a.b", level: "trace" }, createPinoDestination());
    getLogger("a").setLevel("warn");
    pinoLogger.info("no");
    pinoLogger.warn("pino");
    assert.deepEqual(summaryOf(records), ["warn a.b pino"]);
  });

  test("what is no level is refused", () => {
    for (const bad of ["WARN", "", "toString", 30, null]) {
      assert.throws(() => getLogger().setLevel(bad as LogLevel), InvalidOptionError);
    }
    assert.throws(() => getLogger().setLevel("loud" as LogLevel), /one of trace, debug, info, warn, error, fatal/);
    assert.equal(getLogger().isEnabledFor("trace"), true);
  });
});

/** The records of one task, with a configurer. */
async function recordsWith(configurer: () => unknown, task: () => unknown): Promise<LogRecord[]> {
  const queue = new LogQueue();
  {
    await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, queue, configurer });
    await executor.createProcessTask(task);
    // Another task in the same worker.
    await executor.createProcessTask(() => getLogger("later").info("later"));
  }
  queue.close();
  const records: LogRecord[] = [];
  for await (const record of queue) records.push(record);
  return records;
}

test("a configurer sets the levels of its worker; records below never leave it", async () => {
  const records = await recordsWith(
    () => {
      getLogger().setLevel("warn");
      getLogger("a.b").setLevel("debug");
    },
    () => {
      console.log("no");
      console.warn("console");
      getLogger("a").info("no");
      getLogger("a").error("logger");
      getLogger("a.b.c").debug("below a.b");
    },
  );
  assert.deepEqual(summaryOf(records), ["warn - console", "error a logger", "debug a.b.c below a.b"]);
  assert.equal(getLogger().isEnabledFor("trace"), true, "levels of this process are its own");
});

test("a configurer that sets what is no level fails, and says so", async () => {
  await using executor = new ProcessTaskPoolExecutor({
    maxWorkers: 1,
    configurer: () => getLogger().setLevel("warning" as LogLevel),
  });
  const error = await executor.createProcessTask(() => {}).exception();
  assert.ok(error instanceof InitializerError && error.cause instanceof InvalidOptionError);
});
