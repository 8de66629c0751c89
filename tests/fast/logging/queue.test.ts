import assert from "node:assert/strict";
import { afterEach } from "node:test";
import { beforeEach } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";
import { test } from "node:test";

import { InvalidOptionError } from "../../../src/errors.js";
import { LogQueue } from "../../../src/logging/log-queue.js";
import { QueueListener } from "../../../src/logging/queue-listener.js";
import { createConsoleHandler } from "../../../src/logging/console-handler.js";
import { formatLogRecord } from "../../../src/logging/console-handler.js";
import type { LogRecord } from "../../../src/logging/log-record.js";

function record(message: string, more: Partial<LogRecord> = {}): LogRecord {
  return { level: "info", message, timeMs: 0, pid: 1, ...more };
}

describe("LogQueue", () => {
  it("gives records in order, now or when they come", async () => {
    const queue = new LogQueue();
    const first = queue.get();
    const second = queue.get();
    queue.put(record("a"));
    queue.put(record("b"));
    queue.put(record("c"));
    assert.equal((await first).message, "a");
    assert.equal((await second).message, "b");
    assert.equal(queue.size, 1);
    assert.equal((await queue.get()).message, "c");
    assert.equal(queue.tryGet(), undefined);
  });

  it("ends iteration when it is closed and drained", async () => {
    const queue = new LogQueue();
    for (let index = 0; index < 5000; index++) queue.put(record(String(index)));
    const seen: string[] = [];
    const done = (async () => {
      for await (const { message } of queue) seen.push(message);
    })();
    queue.put(record("late"));
    queue.close();
    await done;
    assert.equal(seen.length, 5001);
    assert.equal(seen[4999], "4999");
    assert.equal(seen[5000], "late");
  });

  it("refuses get, and counts what comes, after it was closed", async () => {
    const queue = new LogQueue();
    const waiting = queue.get();
    queue.close();
    await assert.rejects(waiting, { code: "ASYNCCPU_LOG_QUEUE_CLOSED" });
    await assert.rejects(queue.get(), { code: "ASYNCCPU_LOG_QUEUE_CLOSED" });
    queue.put(record("x"));
    assert.equal(queue.size, 0);
    assert.equal(queue.droppedCount, 1);
  });

  it("drops the oldest when it is full, and counts them", () => {
    const queue = new LogQueue({ maxSize: 2 });
    for (const message of ["a", "b", "c", "d"]) queue.put(record(message));
    assert.equal(queue.size, 2);
    assert.equal(queue.droppedCount, 2);
    assert.equal(queue.tryGet()?.message, "c");
    for (const maxSize of [0, -1, 1.5, Number.NaN]) assert.throws(() => new LogQueue({ maxSize }), InvalidOptionError);
  });
});

test("a queue refuses what is no record, which would pass for its end", async () => {
  const queue = new LogQueue();
  const put = queue.put.bind(queue) as (record: unknown) => void;
  for (const none of [undefined, null, "text", 5]) assert.throws(() => put(none), TypeError);
  assert.equal(queue.size, 0);
  queue.put(record("after"));
  assert.equal((await queue.get()).message, "after");
});

describe("QueueListener", () => {
  let warnings: Error[] = [];
  const onWarning = (warning: Error): void => {
    if ((warning as { code?: string }).code === "ASYNCCPU_LOG_HANDLER_FAILED") warnings.push(warning);
  };
  beforeEach(() => {
    warnings = [];
    process.on("warning", onWarning);
  });
  afterEach(() => {
    process.off("warning", onWarning);
  });

  it("hands every record to every handler, in order, by level", async () => {
    const queue = new LogQueue();
    const all: string[] = [];
    const severe: string[] = [];
    const listener = new QueueListener(queue, ({ message }) => void all.push(message), {
      level: "warn",
      handle: ({ message }) => void severe.push(message),
    });
    queue.put(record("before"));
    listener.start();
    listener.start();
    queue.put(record("during", { level: "warn" }));
    queue.put(record("worse", { level: "fatal" }));
    await listener.stop();
    assert.deepStrictEqual(all, ["before", "during", "worse"]);
    assert.deepStrictEqual(severe, ["during", "worse"]);
  });

  it("drains what is queued and waits for slow handlers before it flushes them", async () => {
    const queue = new LogQueue();
    const events: string[] = [];
    {
      await using listener = new QueueListener(queue, {
        handle: async ({ message }) => {
          events.push(`begin ${message}`);
          await new Promise((resolve) => setImmediate(resolve));
          events.push(`end ${message}`);
        },
        flush: async () => {
          await Promise.resolve();
          events.push("flushed");
        },
      });
      listener.start();
      for (const message of ["1", "2", "3"]) queue.put(record(message));
    }
    assert.deepStrictEqual(events, ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3", "flushed"]);
  });

  it("takes no more after stop, and goes on after another start", async () => {
    const queue = new LogQueue();
    const seen: string[] = [];
    const listener = new QueueListener(queue, ({ message }) => void seen.push(message));
    listener.start();
    await listener.stop();
    queue.put(record("kept"));
    assert.equal(queue.size, 1);
    listener.start();
    queue.put(record("next"));
    await listener.stop();
    await listener.stop();
    assert.deepStrictEqual(seen, ["kept", "next"]);
  });

  it("goes on when a handler throws, rejects or fails to flush, and says so once each", async () => {
    const queue = new LogQueue();
    const seen: string[] = [];
    const listener = new QueueListener(
      queue,
      () => {
        throw new Error("thrown");
      },
      () => Promise.reject(new Error("rejected")),
      {
        handle: () => {},
        flush: () => {
          throw new Error("flush");
        },
      },
      ({ message }) => void seen.push(message),
    );
    listener.start();
    for (const message of ["1", "2", "3"]) queue.put(record(message));
    await listener.stop();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepStrictEqual(seen, ["1", "2", "3"]);
    const details = warnings.map((warning) => (warning as unknown as { detail: string }).detail.split("\n")[0]);
    assert.deepStrictEqual(new Set(details), new Set(["Error: flush", "Error: rejected", "Error: thrown"]));
    assert.equal(details.length, 3);
  });

  it("keeps the order when a handler logs itself", async () => {
    const queue = new LogQueue();
    const seen: string[] = [];
    const listener = new QueueListener(
      queue,
      ({ message }) => {
        if (message === "1") queue.put(record("from the handler"));
      },
      ({ message }) => void seen.push(message),
    );
    listener.start();
    queue.put(record("1"));
    queue.put(record("2"));
    await listener.stop();
    assert.deepStrictEqual(seen, ["1", "from the handler", "2"]);
  });
});

describe("the console handler", () => {
  it("writes one line a record", () => {
    const lines: string[] = [];
    const handler = createConsoleHandler({ stream: { write: (text) => lines.push(text) } });
    const timeMs = Date.UTC(2026, 10, 24, 1, 2, 3, 4);
    void handler.handle(record("hello", { timeMs, pid: 123, taskName: "x" }));
    void handler.handle(record("bad", { timeMs, level: "error", logger: "db", fields: { a: { b: 1 } } }));
    assert.deepStrictEqual(lines, [
      '2026-11-24T01:02:03.004Z INFO  [pid 123 task "x"] hello\n',
      '2026-11-24T01:02:03.004Z ERROR [pid 1 logger "db"] bad { a: { b: 1 } }\n',
    ]);
    assert.equal(formatLogRecord(record("m", { fields: {} })), "1970-01-01T00:00:00.000Z INFO  [pid 1] m");
  });
});
