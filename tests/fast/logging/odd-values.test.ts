/** To log must never make a task fail, whatever is logged and whoever takes it. */

import assert from "node:assert/strict";
import { afterEach } from "node:test";
import { describe } from "node:test";
import { inspect } from "node:util";
import { test } from "node:test";

import { LogQueue } from "../../../src/logging/log-queue.js";
import { captureConsole } from "../../../src/logging/console-capture.js";
import { createPinoHandler } from "../../../src/logging/pino-handler.js";
import { encodeValue } from "../../../src/values/codec.js";
import { log } from "../../../src/logging/task-logger.js";
import { setLogSink } from "../../../src/logging/current-sink.js";
import type { LogRecord } from "../../../src/logging/log-record.js";
import type { PinoLike } from "../../../src/logging/pino-handler.js";

/** Throws whenever it is shown. */
function unshowable(thrown: unknown): object {
  return {
    [inspect.custom](): never {
      throw thrown;
    },
  };
}

const RECORD: LogRecord = { level: "warn", message: "careful", timeMs: 5, pid: 77 };

describe("what can't be shown", () => {
  afterEach(() => setLogSink(undefined));

  test("with console it becomes a record that says so, even when the error can't be shown either", () => {
    const messages: string[] = [];
    const restore = captureConsole(
      ({ message }) => messages.push(message),
      () => ({}),
    );
    try {
      console.log(unshowable(new RangeError("not me")));
      console.log(unshowable("a string"));
      console.log(unshowable(Object.create(null)));
    } finally {
      restore();
    }
    assert.deepEqual(messages, [
      "[This message can't be shown: formatting it threw RangeError: not me]",
      "[This message can't be shown: formatting it threw a string]",
      "[This message can't be shown: formatting it threw something that can't be shown either]",
    ]);
  });

  test("as a field it is described, when it can't be sent, and the message comes through", () => {
    const records: LogRecord[] = [];
    setLogSink((record) => {
      encodeValue(record, "log record");
      records.push(record);
    });
    log("info", "connected", { socket: () => 1, secret: unshowable(new Error("no")), port: 80 });
    assert.equal(records.length, 1);
    assert.equal(records[0]?.message, "connected");
    assert.deepEqual(records[0]?.fields, {
      socket: "[Function: socket]",
      secret: "[can't be shown]",
      port: 80,
    });
  });

  test("a sink that throws harms nobody, and is tried again without what may be the cause", () => {
    const tried: (LogRecord["fields"] | undefined)[] = [];
    setLogSink(({ fields }) => {
      tried.push(fields);
      throw new Error("the pipe is gone");
    });
    const list = [1];
    log("error", "with fields", { list });
    log("error", "without fields");
    assert.deepEqual(tried, [{ list }, { list: "[ 1 ]" }, undefined]);
  });
});

describe("a handler that logs to pino", () => {
  function fakePino(flush?: PinoLike["flush"]): { logger: PinoLike; calls: unknown[][] } {
    const calls: unknown[][] = [];
    const methods = ["trace", "debug", "info", "warn", "error", "fatal"].map((level) => [
      level,
      (fields: object, message: string): void => void calls.push([level, fields, message]),
    ]);
    return { logger: { ...Object.fromEntries(methods), ...(flush && { flush }) } as PinoLike, calls };
  }

  test("logs at the record's level, and brings the worker's process and clock", () => {
    const { logger, calls } = fakePino();
    void createPinoHandler(logger).handle({
      ...RECORD,
      taskName: "t",
      logger: "db",
      fields: { rows: 3, hostname: "here" },
    });
    assert.deepEqual(calls, [["warn", { rows: 3, pid: 77, loggedAtMs: 5, taskName: "t", logger: "db" }, "careful"]]);
  });

  test("waits for a flush that calls back, and passes its error on", async () => {
    let finish: ((error?: Error) => void) | undefined;
    const { logger } = fakePino((callback) => {
      finish = callback;
    });
    const handler = createPinoHandler(logger);
    let isFlushed = false;
    const flushing = Promise.resolve(handler.flush?.()).then(() => {
      isFlushed = true;
    });
    await new Promise(setImmediate);
    assert.equal(isFlushed, false);
    finish?.();
    await flushing;
    const failing = handler.flush?.();
    finish?.(new RangeError("disk full"));
    await assert.rejects(Promise.resolve(failing), RangeError);
  });

  test("doesn't wait for a logger that can't call back, or can't flush", async () => {
    let calls = 0;
    const { logger } = fakePino(() => (calls += 1));
    await createPinoHandler(logger).flush?.();
    assert.equal(calls, 1);
    await createPinoHandler(fakePino().logger).flush?.();
  });
});

test("a closed queue says so, gives what waits, and counts what comes too late", async () => {
  const queue = new LogQueue();
  queue.put(RECORD);
  assert.equal(queue.isClosed, false);
  queue.close();
  queue.put(RECORD);
  assert.deepEqual([queue.isClosed, queue.size, queue.droppedCount], [true, 1, 1]);
  assert.equal(await queue.get(), RECORD);
  await assert.rejects(queue.get(), { code: "ASYNCCPU_LOG_QUEUE_CLOSED" });
});
