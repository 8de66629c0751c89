import assert from "node:assert/strict";
import { test } from "node:test";
import { writeSync } from "node:fs";

import pino from "pino";
import { LogQueue } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { ProtocolError } from "asynccpu";
import { QueueListener } from "asynccpu";
import { createPinoDestination } from "asynccpu";
import { getLogger } from "asynccpu";
import type { LogRecord } from "asynccpu";

import { encodeToParent } from "../../../src/wire/messages/message-codec.js";
import { encodeValue } from "../../../src/values/codec.js";

/** Runs with a queue, and gives the records that have arrived when everything has ended. */
async function collectRecords(
  body: (executor: ProcessTaskPoolExecutor) => Promise<unknown>,
  configurer?: () => unknown,
): Promise<LogRecord[]> {
  const queue = new LogQueue();
  const records: LogRecord[] = [];
  const listener = new QueueListener(queue, (record) => {
    records.push(record);
  });
  listener.start();
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, queue, configurer });
  await body(executor);
  await executor.shutdown();
  await listener.stop();
  return records;
}

test("console calls of a task become records with level, process, time and task", async () => {
  const begunMs = Date.now();
  let pid = 0;
  const records = await collectRecords(async (executor) => {
    pid = await executor.with({ name: "talker" }).createProcessTask(() => {
      console.log("hello %s", "world", { a: 1 });
      console.warn("careful");
      console.error(new Error("bad"));
      console.debug("detail");
      return process.pid;
    });
  });
  assert.deepEqual(
    records.map(({ level }) => level),
    ["info", "warn", "error", "debug"],
  );
  assert.equal(records[0]?.message, "hello world { a: 1 }");
  assert.match(records[2]?.message ?? "", /^Error: bad\n {4}at /);
  for (const record of records) {
    assert.deepEqual([record.pid, record.taskName], [pid, "talker"]);
    assert.ok(record.timeMs >= begunMs && record.timeMs <= Date.now());
  }
});

test("records arrive before the outcome of their task, and nothing is lost when it fails", async () => {
  const records = await collectRecords(async (executor) => {
    await executor
      .createProcessTask(() => {
        for (let i = 0; i < 1000; i += 1) console.log(`line ${i}`);
        throw new Error("after the last line");
      })
      .exception();
  });
  assert.deepEqual(
    records.map(({ message }) => message),
    Array.from({ length: 1000 }, (_, i) => `line ${i}`),
  );
});

test("nothing is lost when the process exits, aborts or is killed right after", async () => {
  for (const end of ["exit", "abort", "kill"]) {
    const records = await collectRecords(async (executor) => {
      await executor
        .createProcessTask((how: string) => {
          console.log("x".repeat(300_000));
          console.log("the very last");
          if (how === "exit") process.exit(0);
          if (how === "abort") process.abort();
          process.kill(process.pid, "SIGKILL");
        }, end)
        .exception();
    });
    assert.deepEqual(
      records.map(({ message }) => message.length),
      [300_000, 13],
      end,
    );
  }
});

test("the configurer runs in the worker before its first task, and can make a pino logger that writes to the queue", async () => {
  const records = await collectRecords(
    async (executor) => {
      await executor.with({ name: "pino user" }).createProcessTask(() => {
        const { logger } = globalThis as unknown as { logger: pino.Logger };
        logger.info({ orderId: 7 }, "paid");
        logger.child({ part: "child" }).error(new Error("refused"), "not paid");
      });
    },
    () => {
      Object.assign(globalThis, { logger: pino({ name: "shop" }, createPinoDestination()) });
      console.log("configured");
    },
  );
  assert.deepEqual(
    records.map(({ level, message, logger, taskName }) => [level, message, logger, taskName]),
    [
      ["info", "configured", undefined, undefined],
      ["info", "paid", "shop", "pino user"],
      ["error", "not paid", "shop", "pino user"],
    ],
  );
  assert.equal(records[1]?.fields?.["orderId"], 7);
  assert.equal(records[2]?.fields?.["part"], "child");
});

test("a logger of the package writes records with its name", async () => {
  const records = await collectRecords(async (executor) => {
    await executor.createProcessTask(() => getLogger("billing").warn("low", { amount: 3 }));
  });
  assert.deepEqual(
    records.map(({ level, message, logger, fields }) => [level, message, logger, fields]),
    [["warn", "low", "billing", { amount: 3 }]],
  );
});

test("a worker whose record is none is ended, and the queue goes on", async () => {
  const none = [
    undefined,
    null,
    5,
    "text",
    [],
    {},
    { level: "info" },
    { level: "toString", message: "x", timeMs: 1, pid: 1 },
  ];
  const frames = none.map((value) =>
    Buffer.concat(encodeToParent({ kind: "log", record: encodeValue(value, "log") })),
  );
  const records = await collectRecords(async (executor) => {
    for (const frame of frames) {
      const future = executor.createProcessTask(async (bytes: Buffer) => {
        writeSync(4, bytes);
        await new Promise(() => {});
      }, frame);
      assert.ok((await future.exception()) instanceof ProtocolError);
    }
    await executor.createProcessTask(() => console.log("after"));
  });
  assert.deepEqual(
    records.map(({ message }) => message),
    ["after"],
  );
});

test("a logger of the package makes records of whatever it is given", async () => {
  const records = await collectRecords((executor) =>
    executor.createProcessTask(() => {
      const log = getLogger("db").error as (message: unknown, fields?: unknown) => void;
      log(5);
      log(Symbol("x"));
      log(new RangeError("as the message"));
      log({ a: 1 }, "fields");
    }),
  );
  assert.deepEqual(
    records.map(({ message }) => message.split("\n")[0]),
    ["5", "Symbol(x)", "RangeError: as the message", "{ a: 1 }"],
  );
});
