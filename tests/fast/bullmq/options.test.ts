/** What goes through to BullMQ, and what the library keeps for itself. No Redis is asked. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Redis } from "ioredis";

import { BullMQTaskExecutor } from "../../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../../src/bullmq/index.js";
import { findQueue } from "../../../src/bullmq/index.js";
import { InvalidOptionError } from "../../../src/index.js";

const SHARED = { connection: { url: "redis://127.0.0.1:1" }, tasks: "tasks.js" };

/** The message of the error for the option of this name. */
function refusal(option: string, make: () => unknown): string {
  try {
    make();
  } catch (error) {
    assert.ok(error instanceof InvalidOptionError, String(error));
    assert.equal(error.option, option);
    return error.message;
  }
  return assert.fail(`${option} was not refused`);
}

function executor(options: object): () => BullMQTaskExecutor {
  return () => new BullMQTaskExecutor({ ...SHARED, ...options });
}

function host(options: object): () => BullMQTaskHost {
  return () => new BullMQTaskHost({ ...SHARED, ...options });
}

type Owned = Readonly<Record<string, readonly [value: unknown, advice: string]>>;

const OF_QUEUE: Owned = {
  connection: [{}, "option connection"],
  prefix: ["p", "option queue"],
  defaultJobOptions: [{}, "option jobOptions"],
};

const OF_JOB: Owned = {
  jobId: ["a", "taskId"],
  priority: [1, "priority"],
  lifo: [true, "priority"],
  attempts: [2, "retries"],
  backoff: [5, "backoffMs"],
  removeOnComplete: [true, "resultTtlSeconds"],
  removeOnFail: [true, "resultTtlSeconds"],
  deduplication: [{ id: "a" }, "taskId"],
  repeat: [{}, "each time"],
  parent: [{}, "await"],
};

const OF_WORKER: Owned = {
  connection: [{}, "option connection"],
  prefix: ["p", "option queue"],
  concurrency: [2, "option jobs"],
  autorun: [false, "start()"],
  lockDuration: [1000, "lockDurationMs"],
  lockRenewTime: [1000, "lockDurationMs"],
  stalledInterval: [1000, "stalledIntervalMs"],
  skipStalledCheck: [true, "stalledIntervalMs"],
  maxStalledCount: [1, "retries"],
  removeOnComplete: [{ count: 1 }, "resultTtlSeconds"],
  removeOnFail: [{ count: 1 }, "resultTtlSeconds"],
};

for (const [option, owned, make] of [
  ["queueOptions", OF_QUEUE, executor],
  ["jobOptions", OF_JOB, executor],
  ["workerOptions", OF_WORKER, host],
] as const) {
  test(`${option} refuses what the library sets, and says what to use`, () => {
    for (const [name, [value, advice]] of Object.entries(owned)) {
      const message = refusal(`${option}.${name}`, make({ [option]: { [name]: value } }));
      assert.ok(message.includes(advice), message);
    }
    refusal(option, make({ [option]: 5 }));
    make({ [option]: {} })();
  });
}

test("a keyPrefix of ioredis, which BullMQ can't have, is refused in options and in a client", () => {
  refusal("connection.keyPrefix", executor({ connection: { keyPrefix: "p:" } }));
  const client = new Redis({ lazyConnect: true, keyPrefix: "p:" });
  refusal("connection.keyPrefix", host({ connection: client }));
  executor({ connection: new Redis({ lazyConnect: true }) })();
});

test("a URL of something else is refused, and not shown", () => {
  const message = refusal("connection.url", executor({ connection: { url: "http://:secret@localhost:6379" } }));
  assert.match(message, /redis:\/\/ or rediss:\/\/, but is "http:\/\/"/);
  for (const url of ["rediss://localhost", "localhost:6379", "/run/redis.sock"]) host({ connection: { url } })();
});

test("choices are checked", () => {
  for (const option of ["onLost", "onVersionMismatch", "onProducerEnd"]) {
    assert.match(refusal(option, executor({ [option]: "never" })), /must be "\w+" or "\w+"/);
  }
  refusal("logQueue", executor({ logQueue: {} }));
  refusal("initargs", host({ initargs: 5 }));
});

test("names that would mean another queue, and ids that are no ids, are refused", async () => {
  for (const queue of ["a@b", "a:b", "{a}", "", 5]) {
    assert.match(refusal("queue", executor({ queue })), /not empty, without colons, braces and @, but is/);
  }
  for (const version of ["a:b", "{a}", ""]) {
    assert.match(refusal("version", host({ version })), /not empty, without colons and braces, but is/);
  }
  host({ version: "a@b" })();
  await using made = new BullMQTaskExecutor(SHARED);
  for (const taskId of ["", "12", "-5", "007", "NaN", "a:b", "lone \ud800", "x".repeat(501)]) {
    assert.throws(() => made.with({ taskId }), InvalidOptionError, taskId);
    assert.throws(() => made.find(taskId), InvalidOptionError, taskId);
  }
  for (const taskId of ["5-", "--5", "1.5", "nan", "😀"]) made.with({ taskId });
  const { tasks } = SHARED;
  for (const place of [{ queue: "a:b" }, { queue: "a@b" }, { queue: "" }, { version: "{1}" }]) {
    await assert.rejects(findQueue({ tasks, version: "1", ...place }), InvalidOptionError);
  }
});

test("priorities that BullMQ could not tell apart are refused at the call", async () => {
  await using made = new BullMQTaskExecutor(SHARED);
  for (const priority of [1_000_001, -1_000_001, 2 ** 40]) {
    const message = refusal("priority", () => made.with({ priority }));
    assert.match(message, /from -1000000 to 1000000/);
  }
  for (const priority of [1_000_000, -1_000_000]) made.with({ priority });
});

test("a host that was closed does not start", async () => {
  const made = host({})();
  await made.close();
  await assert.rejects(made.start(), { code: "ASYNCCPU_EXECUTOR_SHUT_DOWN", message: /^The host has been closed/ });
});
