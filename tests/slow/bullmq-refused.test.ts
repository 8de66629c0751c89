/** What Redis refuses, such as a wrong password: programs and hosts say so at once. And what it still takes. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { inspect } from "node:util";
import { mkdtempSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { Cluster } from "ioredis";
import { Redis } from "ioredis";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { CHECKOUT } from "../testlibraries/program-folder.js";
import { RedisRefusedError } from "../../src/bullmq/index.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { add } from "../fixtures/tasks.js";
import { startProgram } from "../testlibraries/process-family.js";
import { waitForFile } from "../fixtures/conformance-tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { RedisConnection } from "../../src/bullmq/index.js";

const PASSWORD = "a-right-one";
const WRONG = "a-wrong-one";

const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);
const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-refused-"));
const warnings: Error[] = [];
const onWarning = (warning: Error): number => warnings.push(warning);
let server: RedisServer;
let admin: Redis;

before(async () => {
  server = await RedisServer.start(false, () => ["--requirepass", PASSWORD]);
  admin = new Redis(server.url, { password: PASSWORD });
  await admin.call("ACL", "SETUSER", "deaf", "on", `>${PASSWORD}`, "~*", "+@all", "resetchannels");
  await admin.call("ACL", "SETUSER", "blind", "on", `>${PASSWORD}`, "~*", "&*", "+@all", "-evalsha", "-eval");
  process.on("warning", onWarning);
});

after(async () => {
  process.off("warning", onWarning);
  admin.disconnect();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** How many others are connected. */
async function countOthers(): Promise<number> {
  const list = (await admin.call("CLIENT", "LIST")) as string;
  return list.trim().split("\n").length - 1;
}

function isRefusal(error: unknown, reason: RegExp): asserts error is RedisRefusedError {
  assert.ok(error instanceof RedisRefusedError, String(error));
  assert.equal(error.code, "ASYNCCPU_REDIS_REFUSED");
  assert.match(error.message, reason);
  assert.match(error.message, /option connection/);
  assert.match((error.cause as Error).message, reason);
  // What ioredis tells of a command has its password.
  for (const secret of [PASSWORD, WRONG]) assert.ok(!inspect(error, { depth: 9 }).includes(secret));
}

const CASES: Readonly<Record<string, readonly [given: object, reason: RegExp]>> = {
  "a wrong password": [{ password: WRONG }, /WRONGPASS/],
  "no password": [{}, /NOAUTH/],
  "no such user": [{ username: "nobody", password: PASSWORD }, /WRONGPASS/],
  "no such database": [{ password: PASSWORD, db: 99 }, /DB index is out of range/],
  "a user who may not listen": [{ username: "deaf", password: PASSWORD }, /NOPERM/],
};

for (const [what, [given, reason]] of Object.entries(CASES)) {
  test(`${what}: tasks fail at once, hosts don't start, and nothing says that it is tried again`, async () => {
    const others = await countOthers();
    warnings.length = 0;
    const connection: RedisConnection = { url: server.url, ...given };
    await using executor = new BullMQTaskExecutor({ connection, tasks });
    for (const value of [1, 2]) isRefusal(await executor.submit(add, value, 2).exception(), reason);
    isRefusal(await executor.find("a").exception(), reason);
    await assert.rejects(executor.warmUp(), RedisRefusedError);
    await using host = new BullMQTaskHost({ connection, tasks });
    isRefusal(await host.start().catch((error: unknown) => error), reason);
    await waitUntil(async () => (await countOthers()) === others, { what: "the end of each connection" });
    assert.deepEqual(warnings, []);
  });
}

test("a wrong password of a cluster: the same", async () => {
  const { hostname: host, port } = new URL(server.url);
  const redisOptions = { password: WRONG };
  const connection = new Cluster([{ host, port: Number(port) }], { lazyConnect: true, redisOptions });
  await using executor = new BullMQTaskExecutor({ connection, tasks });
  isRefusal(await executor.submit(add, 1, 2).exception(), /WRONGPASS/);
  connection.disconnect();
});

test("the highest priority and the lowest are taken, and come first and last", async () => {
  const options = { connection: { url: server.url, password: PASSWORD }, queue: "order", tasks };
  await using executor = new BullMQTaskExecutor(options);
  const order: number[] = [];
  const futures = [-1_000_000, 999_999, 0, 1_000_000].map(async (priority) => {
    order.push(await executor.with({ priority, taskId: `p${priority}` }).submit(add, priority, 0));
  });
  const areWaiting = async (): Promise<boolean> => {
    const [key = ""] = await admin.keys("*order@*:prioritized");
    return (await admin.zcard(key)) === 4;
  };
  await waitUntil(areWaiting, { what: "four jobs" });
  await using host = new BullMQTaskHost({ ...options, jobs: 1 });
  await host.start();
  await Promise.all(futures);
  assert.deepEqual(order, [1_000_000, 999_999, 0, -1_000_000]);
});

test("what a user may not do fails the task, and not with an error of a client of Redis", async () => {
  const connection = { url: server.url, username: "blind", password: PASSWORD };
  await using executor = new BullMQTaskExecutor({ connection, tasks });
  isRefusal(await executor.submit(add, 1, 2).exception(), /NOPERM/);
  isRefusal(await executor.with({ taskId: "blind" }).submit(add, 1, 2).exception(), /NOPERM/);
});

test("a Redis that is full: the task fails with what Redis says, and with no advice about users", async () => {
  await using executor = new BullMQTaskExecutor({ connection: { url: server.url, password: PASSWORD }, tasks });
  await executor.warmUp();
  await admin.config("SET", "maxmemory", "1");
  const error = await executor.submit(add, 1, 2).exception();
  await admin.config("SET", "maxmemory", "0");
  assert.ok(error instanceof RedisRefusedError, String(error));
  assert.match(error.message, /^Redis refuses what is asked of it: OOM /);
  assert.doesNotMatch(error.message, /option connection/);
});

test("asynccpu worker says so in one line, and ends with 1", async () => {
  const args = ["worker", tasks.href, "--redis", server.url.replace("redis://", `redis://:${WRONG}@`)];
  await using program = startProgram(path.join(CHECKOUT, "dist", "cli.cjs"), { args });
  const { code, stderr } = await program.waitForEnd();
  assert.equal(code, 1);
  assert.match(stderr, /^Redis refuses what is asked of it: WRONGPASS.*\n$/);
});

test("a password that becomes wrong: running tasks are waited for, new ones fail, and all goes on with the right one", async () => {
  const options = { connection: { url: server.url, password: PASSWORD }, queue: "rotated", tasks };
  await using executor = new BullMQTaskExecutor(options);
  await using host = new BullMQTaskHost({ ...options, jobs: 2 });
  await host.start();
  const gate = path.join(folder, "gate");
  const running = executor.submit(waitForFile, gate);
  await running.started;
  warnings.length = 0;
  await admin.config("SET", "requirepass", WRONG);
  // Who is connected may stay.
  assert.equal(await executor.submit(add, 1, 2), 3);
  for (const type of ["normal", "pubsub"]) await admin.call("CLIENT", "KILL", "TYPE", type, "SKIPME", "yes");
  await waitUntil(() => warnings.some(({ message }) => message.startsWith("Redis refuses")), { what: "a warning" });
  isRefusal(await executor.submit(add, 1, 2).exception(), /WRONGPASS/);
  assert.equal(host.isReady, false);
  assert.equal(running.done, false);
  await admin.config("SET", "requirepass", PASSWORD);
  await waitUntil(() => host.isReady, { what: "a host that takes tasks again" });
  writeFileSync(gate, "");
  assert.equal(await running, "waitForFile");
  assert.equal(await executor.submit(add, 1, 2), 3);
});
