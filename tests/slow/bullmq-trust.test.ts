/** What somebody can do who writes to a queue by hand: run the exports of the task module, and nothing else. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { existsSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import path from "node:path";

import { Queue } from "bullmq";
import { QueueEvents } from "bullmq";

import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { encodeArguments } from "../../src/values/codec.js";
import { encodeTask } from "../../src/bullmq/contract/messages.js";
import { findQueue } from "../../src/bullmq/index.js";
import { pickleFunction } from "../../src/pickle/pickle-function.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-bullmq-trust-"));
let redis: RedisServer;

before(async () => {
  redis = await RedisServer.forTests();
});

after(async () => {
  await redis[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Writes jobs as an executor does, and whatever else it is told to. */
class Stranger implements AsyncDisposable {
  readonly #queue: Queue;
  readonly #events: QueueEvents;
  readonly #host: BullMQTaskHost;

  private constructor(queue: Queue, events: QueueEvents, host: BullMQTaskHost) {
    this.#queue = queue;
    this.#events = events;
    this.#host = host;
  }

  static async meet(): Promise<Stranger> {
    const place = {
      queue: `trust-${randomUUID()}`,
      tasks: new URL("../fixtures/conformance-exports.js", import.meta.url),
    };
    const connection = { url: redis.url };
    const host = new BullMQTaskHost({ ...place, connection, jobs: 1 });
    await host.start();
    const { name, prefix } = await findQueue(place);
    return new Stranger(new Queue(name, { prefix, connection }), new QueueEvents(name, { prefix, connection }), host);
  }

  /** The error of a job, or what it gave. */
  async send(data: unknown): Promise<unknown> {
    await this.#events.waitUntilReady();
    const job = await this.#queue.add("by hand", data);
    try {
      return await job.waitUntilFinished(this.#events);
    } catch (error) {
      return error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#events.close();
    await this.#queue.close();
    await this.#host.close();
  }
}

function jobOf(fn: string, args: readonly unknown[] | Uint8Array): Record<string, unknown> {
  const task = encodeTask({
    kind: "task",
    taskId: 1,
    functionId: 1,
    isChunk: false,
    goesOn: false,
    isAnnounced: false,
    isLong: false,
    taskName: fn,
    args,
  });
  return { fn, task: task.toString("base64"), producer: "nobody", callCount: 0 };
}

test("code in the arguments of a job is not run, whoever has written it", async () => {
  await using stranger = await Stranger.meet();
  const mark = path.join(folder, "code");
  const write = (): void => process.getBuiltinModule("node:fs").writeFileSync(mark, "");
  const writer = { writeFunction: (fn: (...args: never[]) => unknown) => pickleFunction(fn).payload };
  const outcome = await stranger.send(jobOf("applyTo", encodeArguments([write, 1], { writer })));
  assert.match(String(outcome), /applyTo|by hand/);
  assert.equal(existsSync(mark), false);
  const builtIn = encodeArguments([Math.sqrt, 4], { writer });
  assert.ok((await stranger.send(jobOf("applyTo", builtIn))) instanceof Error);
});

test("only what the module exports is run", async () => {
  await using stranger = await Stranger.meet();
  for (const fn of ["constructor", "toString", "__proto__", "hasOwnProperty", "", "default", "then"]) {
    const outcome = await stranger.send(jobOf(fn, [1]));
    assert.match(String(outcome), /has no/, fn);
  }
  assert.equal(typeof (await stranger.send(jobOf("add", [1, 2]))), "string");
});

/** A job with arguments in the compact encoding, as bytes. */
function compactJobOf(...bytes: readonly number[]): Record<string, unknown> {
  const payload = Buffer.from(bytes);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(payload.length, 0);
  // A task with the numbers 1 and 1.
  header[4] = 4;
  header.writeUInt32LE(1, 8);
  header.writeUInt32LE(1, 12);
  return { ...jobOf("add", []), task: Buffer.concat([header, payload]).toString("base64") };
}

test("arguments that no program writes do no harm", async () => {
  await using stranger = await Stranger.meet();
  const right = jobOf("add", [1, 2]);
  const list = (length: number): number[] => [9, length];
  for (const bytes of [
    [1, ...list(1), 11, 3, 0, 0, 0], // an array of no bytes
    [1, ...list(60), ...Array.from({ length: 60 }, () => list(0)).flat()], // more lists than are written
    [1, ...Array.from({ length: 20 }, () => list(1)).flat(), ...list(0)], // deeper ones than are written
  ]) {
    await stranger.send(compactJobOf(...bytes));
    assert.equal(typeof (await stranger.send(right)), "string", String(bytes));
  }
});

test("jobs that are no tasks fail, and the host goes on", async () => {
  await using stranger = await Stranger.meet();
  const right = jobOf("add", [1, 2]);
  for (const data of [
    null,
    7,
    "x",
    {},
    { ...right, task: undefined },
    { ...right, task: "AAAA" },
    { ...right, task: [] },
    { ...right, callCount: "many" },
    { ...right, callCount: -1 },
    { ...right, timeoutMs: "soon" },
    { ...right, producer: 7 },
  ]) {
    await stranger.send(data);
    assert.equal(typeof (await stranger.send(right)), "string", JSON.stringify(data));
  }
});
