/** Redis as it is in production: with TLS, a user with few rights, a cluster, sentinels, and a client of one's own. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import path from "node:path";

import { Cluster } from "ioredis";
import { Redis } from "ioredis";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { LogQueue } from "../../src/index.js";
import { OutOfPaperError } from "../fixtures/conformance-tasks.js";
import { RedisSentinel } from "../testlibraries/redis-failovers.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { VersionMismatchError } from "../../src/bullmq/index.js";
import { add } from "../fixtures/tasks.js";
import { failWithCause } from "../fixtures/conformance-tasks.js";
import { logLines } from "../fixtures/log-tasks.js";
import { reportEach } from "../fixtures/conformance-tasks.js";
import { startClusterNode } from "../testlibraries/redis-failovers.js";
import { waitForAbort } from "../fixtures/conformance-tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { RedisConnection } from "../../src/bullmq/index.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-connections-"));

after(() => rmSync(folder, { recursive: true }));

/** Has an executor and a host do all that they do by a connection. */
async function useAll(connection: RedisConnection): Promise<void> {
  const queue = `connections-${randomUUID()}`;
  const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);
  const logQueue = new LogQueue();
  const options = { connection, queue, tasks };
  await using host = new BullMQTaskHost({ ...options, jobs: 2 });
  await host.start();
  await using executor = new BullMQTaskExecutor({ ...options, logQueue, onProducerEnd: "cancel" });
  assert.equal(await executor.submit(add, 1, 2), 3);
  assert.equal(await executor.with({ taskId: "named" }).submit(add, 2, 2), 4);
  assert.equal(await executor.find("named"), 4);
  await assert.rejects(executor.with({ taskId: "wrong" }).submit(failWithCause, 2), OutOfPaperError);
  await assert.rejects(executor.find("wrong"), { message: "Tray 2 is empty." });
  const sums: number[] = [];
  for await (const sum of executor.with({ chunkSize: 2 }).map(add, [1, 2, 3], [1, 1, 1])) sums.push(sum);
  assert.deepEqual(sums, [2, 3, 4]);
  const heard: unknown[] = [];
  await executor.with({ onProgress: (value) => heard.push(value) }).submit(reportEach, [1, 2]);
  assert.deepEqual(heard, [1, 2]);
  await executor.submit(logLines, 3);
  assert.equal(logQueue.size, 3);
  const cancelled = executor.submit(waitForAbort);
  await cancelled.started;
  cancelled.cancel("enough");
  await assert.rejects(cancelled, { code: "ASYNCCPU_CANCELLED" });
  await using other = new BullMQTaskExecutor({ ...options, version: "other", onVersionMismatch: "fail" });
  await assert.rejects(other.submit(add, 1, 2), VersionMismatchError);
}

test("a server with TLS, whose certificate is checked", async () => {
  const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
  const files = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert];
  const args = (port: number): string[] => [
    "--port",
    "0",
    "--tls-port",
    `${port}`,
    ...files,
    "--tls-auth-clients",
    "no",
  ];
  await using server = await RedisServer.start(false, args);
  const url = server.url.replace("redis:", "rediss:");
  const tls = { ca: readFileSync(cert) };
  await useAll({ url, tls });
  const strict = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  let refusal: Error | undefined;
  strict.on("error", (error: Error) => (refusal = error));
  await assert.rejects(strict.connect());
  assert.match(String(refusal), /self-signed certificate/);
});

/** As docs/api.md says, "Rights in Redis". */
function rightsOfDocs(): readonly string[] {
  const page = readFileSync(new URL("../../../docs/api.md", import.meta.url), "utf8");
  const rule = /^ACL SETUSER asynccpu on >PASSWORD\s([^]*?)$\n```/m.exec(page)?.[1];
  assert.ok(rule !== undefined, "the rule in docs/api.md");
  return rule.split(/\s+/).filter((word) => word !== "");
}

test("a user with the rights of docs/api.md and no others", async () => {
  await using server = await RedisServer.start();
  const admin = new Redis(server.url);
  try {
    await admin.call("ACL", "SETUSER", "asynccpu", "reset", "on", ">secret", ...rightsOfDocs());
    await useAll({ url: server.url.replace("redis://", "redis://asynccpu:secret@") });
    const refused = (await admin.call("ACL", "LOG")) as unknown[];
    assert.deepEqual(refused, []);
    const user = new Redis(server.url, { username: "asynccpu", password: "secret" });
    await assert.rejects(user.get("foreign"), /NOPERM/);
    await assert.rejects(user.flushall(), /NOPERM/);
    user.disconnect();
  } finally {
    admin.disconnect();
  }
});

test("a cluster, for a user with these rights: all keys of a queue are on one node", async () => {
  await using server = await startClusterNode();
  const admin = new Redis(server.url);
  await admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await waitUntil(async () => (await admin.cluster("INFO")).includes("cluster_state:ok"), { what: "a cluster" });
  const rights = [...rightsOfDocs(), "+cluster|slots", "+cluster|info"];
  await admin.call("ACL", "SETUSER", "asynccpu", "reset", "on", ">secret", ...rights);
  admin.disconnect();
  const redisOptions = { username: "asynccpu", password: "secret" };
  const cluster = new Cluster([{ host: "127.0.0.1", port: server.port }], { redisOptions });
  try {
    await useAll(cluster);
    assert.equal(cluster.status, "ready");
  } finally {
    cluster.disconnect();
  }
});

test("a server that sentinels name", async () => {
  await using server = await RedisServer.start();
  await using sentinel = await RedisSentinel.start(server);
  await sentinel.waitForEvent(/\+monitor master main/);
  await useAll({ sentinels: [sentinel.address], name: "main" });
});

test("a client of the program's own, which stays open", async () => {
  await using server = await RedisServer.start();
  const client = new Redis(server.url, { enableOfflineQueue: false, lazyConnect: true });
  await client.connect();
  try {
    await useAll(client);
    assert.equal(await client.ping(), "PONG");
    // Ours have ended with executor and host.
    const count = async (): Promise<number> =>
      String(await client.client("LIST"))
        .trim()
        .split("\n").length;
    await waitUntil(async () => (await count()) === 1, { what: "the end of all other connections" });
  } finally {
    client.disconnect();
  }
});

test("queueOptions, jobOptions and workerOptions go through to BullMQ", async () => {
  await using server = await RedisServer.start();
  const client = new Redis(server.url);
  try {
    const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);
    const options = { connection: client, queue: "passed", tasks, version: "1" };
    const limiter = { max: 1, duration: 500 };
    await using host = new BullMQTaskHost({ ...options, workerOptions: { limiter } });
    await host.start();
    await using executor = new BullMQTaskExecutor({
      ...options,
      queueOptions: { streams: { events: { maxLen: 77 } } },
      jobOptions: { delay: 300 },
    });
    const begunAt = performance.now();
    assert.deepEqual(await Promise.all([1, 2, 3].map((value) => executor.submit(add, value, 1))), [2, 3, 4]);
    // The delay, and twice the pause that the limiter makes.
    const elapsedMs = performance.now() - begunAt;
    assert.ok(elapsedMs > 1200, `${elapsedMs} ms`);
    assert.equal(await client.hget("{asynccpu-passed@1}:passed@1:meta", "opts.maxLenEvents"), "77");
  } finally {
    client.disconnect();
  }
});
