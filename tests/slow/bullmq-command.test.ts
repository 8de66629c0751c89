/** The command `asynccpu worker`, as it is in the package. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { describe } from "node:test";
import { createServer } from "node:net";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { AddressInfo } from "node:net";

import { Redis } from "ioredis";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { CHECKOUT } from "../testlibraries/program-folder.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { add } from "../fixtures/tasks.js";
import { startProgram } from "../testlibraries/process-family.js";
import { waitForFile } from "../fixtures/conformance-tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { RunningProgram } from "../testlibraries/process-family.js";

const COMMAND = path.join(CHECKOUT, "dist", "cli.cjs");
const TASKS = new URL("../fixtures/conformance-exports.js", import.meta.url);
const folder = new ProgramFolder();
let redis: RedisServer;

before(async () => {
  redis = await RedisServer.forTests();
});

after(async () => {
  await redis[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Host {
  readonly program: RunningProgram;
  readonly executor: BullMQTaskExecutor;
  ask(page: string): Promise<{ readonly status: number; readonly text: string }>;
}

/** A host with its health port, and an executor for it. */
async function startHost({ url }: RedisServer, ...more: readonly string[]): Promise<Host> {
  const queue = `command-${randomUUID()}`;
  const executor = new BullMQTaskExecutor({ connection: { url }, queue, tasks: TASKS });
  const args = ["worker", TASKS.href, "--redis", url, "--queue", queue, "--jobs", "2", "--health", "0", ...more];
  const program = startProgram(COMMAND, { args });
  const [line] = await program.waitForLine(/^Serves .* on queue .*$/);
  assert.match(line, new RegExp(`add, .*on queue ${queue}, version [0-9a-f]{12}, 2 at a time\\.$`));
  const [, port] = await program.waitForLine(/^Health and metrics: port (\d+)\.$/);
  const ask: Host["ask"] = async (page) => {
    const response = await fetch(`http://127.0.0.1:${port}${page}`);
    return { status: response.status, text: await response.text() };
  };
  return { program, executor, ask };
}

/** The values of a page for Prometheus, by name and labels; each line has to be of its form. */
function parseMetrics(text: string): Record<string, number> {
  const values: Record<string, number> = {};
  const typed = new Set<string>();
  for (const line of text.trimEnd().split("\n")) {
    const [, name] = /^# TYPE (\w+) (?:counter|gauge)$/.exec(line) ?? [];
    if (name !== undefined) typed.add(name);
    if (line.startsWith("# ")) continue;
    const [, metric = "", labels = "", value = ""] =
      /^([a-z_]+)\{((?:\w+="(?:[^"\\]|\\.)*",?)+)\} (\d+)$/.exec(line) ?? assert.fail(line);
    assert.ok(typed.has(metric), metric);
    const [, what = ""] = /(?:outcome|state)="(\w+)"/.exec(labels) ?? [];
    values[what === "" ? metric : `${metric} ${what}`] = Number(value);
  }
  return values;
}

describe("asynccpu worker, written wrongly", () => {
  const url = "redis://127.0.0.1:9";
  for (const [name, args, message] of [
    ["without a command", [], /^There is no command ""\.\n/],
    ["with another command", ["serve", "./tasks.js"], /^There is no command "serve"\.\n/],
    ["without a module", ["worker", "--redis", url], /^It takes one module\.\n/],
    ["with two modules", ["worker", "a.js", "b.js", "--redis", url], /^It takes one module\.\n/],
    ["without a Redis", ["worker", "./tasks.js"], /^--redis is missing/],
    ["with a word for a number", ["worker", "./tasks.js", "--redis", url, "--jobs", "two"], /^--jobs takes .*"two"/],
    ["with an unknown option", ["worker", "./tasks.js", "--redus", url], /^Unknown option '--redus'/],
    ["with an option without its value", ["worker", "./tasks.js", "--redis"], /^Option '--redis <value>'/],
    ["with no jobs", ["worker", "./tasks.js", "--redis", url, "--jobs", "0"], /maxWorkers|jobs/],
    [
      "with a URL of something else",
      ["worker", "./tasks.js", "--redis", "http://:secret@localhost"],
      /redis:\/\/ or rediss:\/\/, but is "http:\/\/"\.$/m,
    ],
    ["with no port", ["worker", "./tasks.js", "--redis", url, "--health", "70000"], /^--health takes a port: /],
    [
      "with no lock",
      ["worker", "./tasks.js", "--redis", url, "--lock", "0"],
      /"lockDurationMs" must be an integer from 1000/,
    ],
    ["with a colon in the queue", ["worker", "./tasks.js", "--redis", url, "--queue", "a:b"], /queue/],
  ] as const) {
    test(`${name}, says so in a line, and ends with 2`, () => {
      const { status, stdout, stderr } = folder.run([COMMAND, ...args], { env: { REDIS_URL: undefined } });
      assert.deepEqual([status, stdout], [2, ""], stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /^ +at /m);
    });
  }

  test("with a module that exports no function, says what to do, and ends with 2", () => {
    folder.write({ "nothing.mjs": "export const size = 1;" });
    const { status, stdout, stderr } = folder.run([COMMAND, "worker", "./nothing.mjs", "--redis", url]);
    assert.deepEqual([status, stdout], [2, ""], stderr);
    assert.match(
      stderr,
      /^The task module file:.*nothing\.mjs exports no function \(it has size\).* Export each task/,
    );
  });

  test("with --help, shows every option, and ends with 0", () => {
    const { status, stdout, stderr } = folder.run([COMMAND, "--help"]);
    assert.deepEqual([status, stderr], [0, ""]);
    for (const option of ["redis", "queue", "jobs", "version", "health", "drain", "lock"]) {
      assert.match(stdout, new RegExp(`^ +--${option} `, "m"));
    }
  });

  test("with a health port that is taken, says so in a line, and ends with 1", async () => {
    const other = createServer().listen(0);
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const args = ["worker", TASKS.href, "--redis", redis.url, "--health", String(port)];
    const { code, stderr } = await startProgram(COMMAND, { args }).waitForEnd();
    other.close();
    assert.equal(code, 1);
    assert.match(stderr, /^--health has no port: listen EADDRINUSE.*\n$/);
  });

  test("with a module that is not there, ends with 1, although it serves its health", () => {
    const args = ["worker", "./nowhere.js", "--redis", redis.url, "--health", "0"];
    const { status, stdout, stderr } = folder.run([COMMAND, ...args]);
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^The task module file:.*nowhere\.js can't be loaded: .*; a relative path is taken from /);
  });
});

test("a host serves its health and its metrics, drains on SIGTERM, and ends with 0", async () => {
  const { program, executor, ask } = await startHost(redis, "--drain", "60");
  await using _ends = program;
  await using _shuts = executor;
  assert.equal(await executor.submit(add, 1, 2), 3);
  await assert.rejects(executor.submit(add, 1, undefined as never).then(() => assert.fail("no failure")));
  assert.deepEqual(await ask("/health"), { status: 200, text: "ok\n" });
  assert.deepEqual(await ask("/live"), { status: 200, text: "ok\n" });
  assert.equal((await ask("/elsewhere")).status, 404);
  const gates = ["a", "b", "c"].map((name) => folder.at(name));
  const futures = gates.map((gate) => executor.submit(waitForFile, gate));
  await Promise.all(futures.slice(0, 2).map(({ started }) => started));
  const metrics = parseMetrics((await ask("/metrics")).text);
  assert.deepEqual(
    ["asynccpu_tasks running", "asynccpu_queue_jobs waiting", "asynccpu_queue_jobs active", "asynccpu_jobs"].map(
      (name) => metrics[name],
    ),
    [2, 1, 2, 2],
  );
  assert.equal(metrics["asynccpu_tasks_total completed"], 2);
  assert.equal(metrics["asynccpu_crashed_workers_total"], 0);

  program.kill("SIGTERM");
  await program.waitForLine(/^SIGTERM: takes no more tasks; those that run have 60 s\.$/);
  await waitUntil(async () => (await ask("/health")).status === 503, { what: "a host that is not ready" });
  assert.equal((await ask("/live")).status, 200);
  for (const gate of gates.slice(0, 2)) writeFileSync(gate, "");
  assert.deepEqual(await Promise.all(futures.slice(0, 2)), ["waitForFile", "waitForFile"]);
  assert.equal((await program.waitForEnd()).code, 0);
  await program.waitForNobody();
  assert.equal(futures[2]?.done, false);
  futures[2]?.cancel();
  await assert.rejects(futures[2] ?? Promise.resolve());
});

test("a host whose Redis is away says so in its health, and ends within its limit when it is told to", async () => {
  await using server = await RedisServer.start();
  const { program, executor, ask } = await startHost(server, "--drain", "0");
  await using _ends = program;
  const future = executor.submit(waitForFile, folder.at("never"));
  future.catch(() => {});
  await future.started;
  await server.kill();
  await waitUntil(async () => (await ask("/health")).status === 503, { what: "a host that is not ready" });
  const { status, text } = await ask("/metrics");
  assert.equal(status, 200);
  assert.equal(parseMetrics(text)["asynccpu_queue_jobs waiting"], undefined);
  program.kill("SIGTERM");
  assert.equal((await program.waitForEnd()).code, 0);
  await program.waitForNobody();
  await server.resume();
  future.cancel();
  await executor.shutdown();
});

test("a host that finds no Redis says that it waits, and ends when it is told to", async () => {
  await using server = await RedisServer.start();
  await server.kill();
  await using program = startProgram(COMMAND, { args: ["worker", TASKS.href, "--redis", server.url, "--drain", "0"] });
  await waitUntil(() => program.stderr.includes("ASYNCCPU_REDIS_AWAY"), { what: "a word on Redis" });
  program.kill("SIGTERM");
  assert.equal((await program.waitForEnd()).code, 0);
});

test("a host whose user may not listen says so, and ends", async () => {
  await using server = await RedisServer.start();
  const admin = new Redis(server.url);
  await admin.call("ACL", "SETUSER", "deaf", "on", ">secret", "~*", "+@all", "resetchannels");
  admin.disconnect();
  const url = server.url.replace("redis://", "redis://deaf:secret@");
  await using program = startProgram(COMMAND, { args: ["worker", TASKS.href, "--redis", url, "--health", "0"] });
  const { code, stderr } = await program.waitForEnd();
  assert.equal(code, 1);
  assert.match(stderr, /NOPERM/);
});
