/** What a service holds in `this` beside its data: executors, queues, loggers, sockets. */

import assert from "node:assert/strict";
import { Socket } from "node:net";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { pino } from "pino";
import { FunctionNotPicklableError } from "asynccpu";
import { LogQueue } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { QueueListener } from "asynccpu";
import type { LogRecord } from "asynccpu";

const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
after(() => executor.shutdown());

class Service {
  readonly factor = 3;
  readonly executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  readonly parts = { pool: executor, queue: new LogQueue() };

  compute(x: number): number {
    return x * this.factor;
  }

  run(x: number): Promise<number> {
    return this.executor.createProcessTask(() => this.compute(x)) as Promise<number>;
  }

  misuse(): Promise<unknown> {
    return this.executor.createProcessTask(() => this.parts.queue.put({} as LogRecord)) as Promise<unknown>;
  }
}

describe("a service that holds its executor", () => {
  const service = new Service();
  after(() => service.executor.shutdown());

  test("is captured by its methods' arrow functions", async () => {
    assert.equal(await service.run(4), 12);
  });

  test("is told what can't be used in a worker, and where it is", async () => {
    await assert.rejects(service.misuse(), (error: unknown) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /parts\.queue\.put can't be used in a worker/);
      return true;
    });
  });

  test("may be an argument, and be captured once more in the worker", async () => {
    const use = async (given: {
      readonly parts: { readonly pool: unknown };
      readonly factor: number;
    }): Promise<unknown> => {
      const inner = new ProcessPoolExecutor({ maxWorkers: 1 });
      try {
        return await inner.submit(() => [given.factor, typeof given.parts.pool]);
      } finally {
        await inner.shutdown();
      }
    };
    assert.deepEqual(await executor.submit(use, { factor: 2, parts: service.parts }), [2, "object"]);
  });

  test("is refused with the path when it holds what can't travel", async () => {
    const holder = { factor: 2, parts: { socket: new Socket() } };
    const future = executor.submit(() => holder.factor);
    await assert.rejects(future, (error: unknown) => {
      assert.ok(error instanceof FunctionNotPicklableError);
      assert.equal(error.problems[0]?.variable, "holder.parts.socket");
      return true;
    });
  });
});

class Holder {
  readonly factor = 2;
  readonly parts = { socket: new Socket() };
  times(x: number): Promise<number> {
    return executor.submit(() => x * this.factor) as Promise<number>;
  }
}

test("what can't travel in `this` is refused with its path and the way out", async () => {
  await assert.rejects(new Holder().times(2), (error: unknown) => {
    assert.ok(error instanceof FunctionNotPicklableError);
    assert.match(error.problems[0]?.variable ?? "", /\(this\)\.parts\.socket$/);
    assert.match(error.problems[0]?.advice ?? "", /const \{ name \} = this/);
    return true;
  });
});

describe("a logger that is captured", () => {
  async function recordsOf(run: (executor: ProcessTaskPoolExecutor) => Promise<unknown>): Promise<LogRecord[]> {
    const queue = new LogQueue();
    const records: LogRecord[] = [];
    const listener = new QueueListener(queue, { handle: (record: LogRecord) => void records.push(record) });
    listener.start();
    await using pool = new ProcessTaskPoolExecutor({ maxWorkers: 1, queue });
    await run(pool);
    await pool.shutdown();
    await listener.stop();
    return records;
  }

  test("of pino logs to the queue, from its level on", async () => {
    const logger = pino({ name: "service", level: "info" }).child({ part: 1 });
    const records = await recordsOf((pool) =>
      pool.createProcessTask(() => {
        logger.info("plain");
        logger.warn({ user: "a" }, "with %s", "fields");
        logger.debug("below the level");
        logger.child({ request: 7 }).error(new Error("broken"));
      }),
    );
    assert.deepEqual(
      records.map(({ level, message, logger: name }) => [level, message, name]),
      [
        ["info", "plain", "service"],
        ["warn", "with fields", "service"],
        ["error", "broken", "service"],
      ],
    );
    assert.deepEqual([records[0]?.fields?.["part"], records[1]?.fields?.["user"]], [1, "a"]);
    assert.equal(records[2]?.fields?.["request"], 7);
  });

  test("of winston's shape logs to the queue", async () => {
    class Logger {
      silent = false;
      readonly level = "info";
      readonly defaultMeta = { service: "api" };
      readonly transport = new Socket();
      child(): this {
        return this;
      }
      configure(): void {}
      profile(): void {}
      startTimer(): void {}
      add(): void {}
      info(_message: string, _meta?: object): void {}
      log(_level: string, _message: string): void {}
    }
    const logger = new Logger();
    const records = await recordsOf((pool) =>
      pool.createProcessTask(() => {
        logger.info("told", { id: 3 });
        logger.log("error", "failed");
        logger.log("silly", "below");
      }),
    );
    logger.silent = true;
    const none = await recordsOf((pool) =>
      pool.createProcessTask(() => {
        logger.info("not told");
        logger.child().log("error", "nor this");
      }),
    );
    assert.deepEqual(none, []);
    assert.deepEqual(
      records.map(({ level, message, logger: name }) => [level, message, name]),
      [
        ["info", "told", "api"],
        ["error", "failed", "api"],
      ],
    );
    assert.equal(records[0]?.fields?.["id"], 3);
  });
});
