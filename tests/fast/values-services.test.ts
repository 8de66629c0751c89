/**
 * What a service holds in `this` beside its data, and objects of Node's: the same in captured variables as in
 * arguments.
 */

import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { createSecretKey } from "node:crypto";
import { generateKeyPairSync } from "node:crypto";
import { BlockList } from "node:net";
import { SocketAddress } from "node:net";
import { Socket } from "node:net";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";
import { MIMEType } from "node:util";

import { pino } from "pino";

import { FunctionNotPicklableError } from "../../src/index.js";
import { LogQueue } from "../../src/index.js";
import { NotSerializableError } from "../../src/index.js";
import { ProcessPoolExecutor } from "../../src/index.js";
import { ProcessTaskPoolExecutor } from "../../src/index.js";
import { QueueListener } from "../../src/index.js";
import type { LogRecord } from "../../src/index.js";

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
      const { ProcessPoolExecutor: Inner } = await import("../../src/index.js");
      const inner = new Inner({ maxWorkers: 1 });
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

describe("an object of Node's", () => {
  const { publicKey } = generateKeyPairSync("ed25519");
  const kinds: readonly [name: string, value: unknown, show: (value: never) => unknown][] = [
    ["URL", new URL("http://a/b?c=1"), (url: URL) => [url.href, url instanceof URL]],
    ["URLSearchParams", new URLSearchParams("a=1&a=2"), (params: URLSearchParams) => params.getAll("a")],
    ["Headers", new Headers({ "x-a": "1" }), (headers: Headers) => [...headers]],
    ["TextEncoder", new TextEncoder(), (encoder: InstanceType<typeof TextEncoder>) => [...encoder.encode("ä")]],
    [
      "TextDecoder",
      new TextDecoder("latin1"),
      (decoder: InstanceType<typeof TextDecoder>) => decoder.decode(Uint8Array.of(0xe4)),
    ],
    [
      "Intl.NumberFormat",
      new Intl.NumberFormat("de", { style: "currency", currency: "EUR" }),
      (each: Intl.NumberFormat) => each.format(1234.5),
    ],
    [
      "a compact Intl.NumberFormat",
      new Intl.NumberFormat("en", { notation: "compact" }),
      (each: Intl.NumberFormat) => each.format(123456),
    ],
    [
      "Intl.DateTimeFormat",
      new Intl.DateTimeFormat("de", { dateStyle: "full", timeStyle: "short", timeZone: "Asia/Tokyo" }),
      (each: Intl.DateTimeFormat) => each.format(0),
    ],
    ["Intl.Collator", new Intl.Collator("de", { numeric: true }), (each: Intl.Collator) => each.compare("a10", "a9")],
    ["Intl.PluralRules", new Intl.PluralRules("en", { type: "ordinal" }), (each: Intl.PluralRules) => each.select(2)],
    [
      "Intl.RelativeTimeFormat",
      new Intl.RelativeTimeFormat("en", { numeric: "auto" }),
      (each: Intl.RelativeTimeFormat) => each.format(-1, "day"),
    ],
    [
      "Intl.ListFormat",
      new Intl.ListFormat("en", { type: "disjunction" }),
      (each: Intl.ListFormat) => each.format(["a", "b"]),
    ],
    ["Intl.DisplayNames", new Intl.DisplayNames("en", { type: "region" }), (each: Intl.DisplayNames) => each.of("DE")],
    [
      "Intl.Segmenter",
      new Intl.Segmenter("en", { granularity: "word" }),
      (each: Intl.Segmenter) => [...each.segment("a b")].length,
    ],
    ["Intl.Locale", new Intl.Locale("de-AT"), (each: Intl.Locale) => each.region],
    ["MIMEType", new MIMEType("text/plain;charset=utf-8"), (each: MIMEType) => each.params.get("charset")],
    [
      "a secret KeyObject",
      createSecretKey(Buffer.from("abc")),
      (key: { export(): Buffer }) => key.export().toString(),
    ],
    [
      "a public KeyObject",
      createPublicKey(publicKey.export({ format: "pem", type: "spki" })),
      (key: { readonly asymmetricKeyType: string }) => key.asymmetricKeyType,
    ],
    [
      "SocketAddress",
      new SocketAddress({ address: "1.2.3.4", port: 5 }),
      (address: SocketAddress) => [address.address, address.port],
    ],
    [
      "BlockList",
      ((): BlockList => {
        const list = new BlockList();
        list.addAddress("1.2.3.4");
        return list;
      })(),
      (list: BlockList) => list.check("1.2.3.4"),
    ],
  ];
  for (const [name, value, show] of kinds) {
    test(`arrives as what it is, captured or as an argument: ${name}`, async () => {
      const here = (show as (value: unknown) => unknown)(value);
      const captured = executor.submit((...args: readonly unknown[]) =>
        (show as (...all: unknown[]) => unknown)(value, ...args),
      );
      const passed = executor.submit(show as (value: unknown) => unknown, value);
      assert.deepEqual([await captured, await passed], [here, here]);
    });
  }

  test("of a class of the program that extends one of Node's keeps its class when it is captured", async () => {
    class Link extends URL {
      label = "x";
      get text(): string {
        return `${this.label} ${this.host}`;
      }
    }
    const link = new Link("http://a/");
    assert.equal(await executor.submit(() => link.text), "x a");
  });

  test("that can't be copied is refused with the same advice", async () => {
    const bytes = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    // Reason: the types of Node have no WebAssembly.
    const { WebAssembly } = globalThis as unknown as {
      WebAssembly: { Module: new (bytes: Uint8Array) => object };
    };
    const module = new WebAssembly.Module(bytes);
    await assert.rejects(
      executor.submit(() => module),
      (error: unknown) => {
        return error instanceof FunctionNotPicklableError && /pass its bytes/i.test(error.message);
      },
    );
    await assert.rejects(
      executor.submit((given: object) => given, module),
      (error: unknown) => {
        return error instanceof NotSerializableError && /pass its bytes/i.test(error.message);
      },
    );
  });
});
