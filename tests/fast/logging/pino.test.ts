import assert from "node:assert/strict";
import { afterEach } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";

import { pino } from "pino";

import { LogQueue } from "../../../src/logging/log-queue.js";
import { QueueListener } from "../../../src/logging/queue-listener.js";
import { createPinoDestination } from "../../../src/logging/pino-destination.js";
import { createPinoHandler } from "../../../src/logging/pino-handler.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeValue } from "../../../src/values/codec.js";
import { getLogger } from "../../../src/logging/task-logger.js";
import { log } from "../../../src/logging/task-logger.js";
import { setLogSink } from "../../../src/logging/current-sink.js";
import type { LogRecord } from "../../../src/logging/log-record.js";

/** A sink that encodes, as the one of a worker does. */
function collect(): LogRecord[] {
  const records: LogRecord[] = [];
  setLogSink(
    (record) => void records.push(decodeValue(encodeValue(record, "log record")) as LogRecord),
    () => ({ taskName: "the task" }),
  );
  return records;
}

function captureStdout(act: () => void): string {
  const original = process.stdout.write;
  let text = "";
  process.stdout.write = (chunk: string) => {
    text += chunk;
    return true;
  };
  try {
    act();
  } finally {
    process.stdout.write = original;
  }
  return text;
}

describe("a pino logger in a task", () => {
  afterEach(() => setLogSink(undefined));

  it("writes records with level, message, time, process, task, name and fields", () => {
    const records = collect();
    const logger = pino({ name: "db", level: "trace" }, createPinoDestination());
    const before = Date.now();
    logger.info({ rows: 3 }, "selected %d", 3);
    logger.child({ request: "r1" }).warn("slow");
    logger.fatal("gone");
    assert.deepStrictEqual(
      records.map(({ level, message, logger: name }) => [level, message, name]),
      [
        ["info", "selected 3", "db"],
        ["warn", "slow", "db"],
        ["fatal", "gone", "db"],
      ],
    );
    assert.equal(records[0]?.fields?.["rows"], 3);
    assert.equal(records[1]?.fields?.["request"], "r1");
    assert.equal(records[0]?.pid, process.pid);
    assert.equal(records[0]?.taskName, "the task");
    assert.ok((records[0]?.timeMs ?? 0) >= before);
  });

  it("sends errors and what serializers make", () => {
    const records = collect();
    const options = { base: null, serializers: { user: (user: { id: number }) => `user ${user.id}` } };
    const logger = pino(options, createPinoDestination());
    logger.error(new TypeError("bad"), "failed");
    logger.info({ user: { id: 7, password: "secret" } });
    const error = records[0]?.fields?.["err"] as Record<string, unknown>;
    assert.equal(error["type"], "TypeError");
    assert.equal(error["message"], "bad");
    assert.deepStrictEqual(records[1]?.fields, { user: "user 7" });
    assert.equal(records[1]?.message, "");
  });

  it("keeps to the nearest level, the message's own key, and times as text", () => {
    const records = collect();
    const logger = pino(
      {
        base: null,
        customLevels: { notice: 36, audit: 90, tiny: 1 },
        level: "tiny",
        messageKey: "m",
        timestamp: pino.stdTimeFunctions.isoTime,
      },
      createPinoDestination({ messageKey: "m" }),
    );
    logger.notice("n");
    logger.audit("a");
    logger.tiny("t");
    const labels = pino({ base: null, formatters: { level: (label) => ({ level: label }) } }, createPinoDestination());
    labels.error("e");
    assert.deepStrictEqual(
      records.map(({ level, message }) => [level, message]),
      [
        ["warn", "n"],
        ["fatal", "a"],
        ["trace", "t"],
        ["error", "e"],
      ],
    );
    assert.ok(Math.abs((records[0]?.timeMs ?? 0) - Date.now()) < 60_000);
  });

  it("sends text that is not pino's as it is, line by line", () => {
    const records = collect();
    createPinoDestination().write('plain text\n{"level":50,"msg":"json","__proto__":{"x":1}}\n[1]\n');
    assert.deepStrictEqual(
      records.map(({ level, message }) => [level, message]),
      [
        ["info", "plain text"],
        ["error", "json"],
        ["info", "[1]"],
      ],
    );
  });

  it("writes to standard output where there is no queue", () => {
    const logger = pino({ base: null, timestamp: false }, createPinoDestination());
    assert.equal(
      captureStdout(() => logger.info("x")),
      '{"level":30,"msg":"x"}\n',
    );
  });
});

describe("the logger of asynccpu", () => {
  afterEach(() => setLogSink(undefined));

  it("writes records with its name, at every level", () => {
    const records = collect();
    const logger = getLogger("mine");
    for (const level of ["trace", "debug", "info", "warn", "error", "fatal"] as const) logger[level](level, { level });
    log("info", "no name");
    assert.deepStrictEqual(
      records.map(({ level, message, logger: name, fields }) => [level, message, name, fields?.["level"]]),
      [
        ...["trace", "debug", "info", "warn", "error", "fatal"].map((level) => [level, level, "mine", level]),
        ["info", "no name", undefined, undefined],
      ],
    );
    assert.equal(records[0]?.taskName, "the task");
  });

  it("describes fields that can't be sent, and never throws", () => {
    const records = collect();
    log("warn", "odd", { count: 1, callback: () => 1, url: new URL("http://a/") });
    assert.equal(records[0]?.fields?.["count"], 1);
    assert.match(String(records[0]?.fields?.["callback"]), /Function: callback/);
    assert.match(String(records[0]?.fields?.["url"]), /http:\/\/a\//);
    setLogSink(() => {
      throw new Error("the pipe is gone");
    });
    log("info", "lost", { a: 1 });
  });

  it("prints lines where there is no queue", () => {
    const text = captureStdout(() => getLogger("mine").info("hello", { a: 1 }));
    assert.match(text, /^\S+Z INFO {2}\[pid \d+ logger "mine"\] hello \{ a: 1 \}\n$/);
  });
});

describe("a pino logger in the parent", () => {
  it("gets the records at their level, with the worker's process, task and fields", async () => {
    const lines: Record<string, unknown>[] = [];
    const target = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
    const queue = new LogQueue();
    await using listener = new QueueListener(queue, createPinoHandler(pino({ base: null, level: "debug" }, target)));
    listener.start();
    queue.put({ level: "trace", message: "below", timeMs: 1, pid: 7 });
    queue.put({
      level: "error",
      message: "100%s",
      timeMs: 5,
      pid: 7,
      taskName: "t",
      logger: "db",
      fields: { rows: 3, err: { type: "TypeError", message: "bad" }, hostname: "h" },
    });
    const [line] = lines;
    assert.equal(lines.length, 1);
    assert.equal(line?.["level"], 50);
    assert.equal(line?.["msg"], "100%s");
    assert.equal(line?.["pid"], 7);
    assert.equal(line?.["taskName"], "t");
    assert.equal(line?.["logger"], "db");
    assert.equal(line?.["loggedAtMs"], 5);
    assert.equal(line?.["rows"], 3);
    assert.equal("hostname" in (line ?? {}), false);
  });
});
