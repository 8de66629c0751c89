/** Hosts and programs whose way to Redis is cut, and healed. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { existsSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { NetworkNamespace } from "../testlibraries/network-namespace.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { TcpLink } from "../testlibraries/tcp-link.js";
import { WorkerCrashedError } from "../../src/index.js";
import { add } from "../fixtures/tasks.js";
import { clingWithChild } from "../fixtures/network-tasks.js";
import { isAlive } from "../testlibraries/process-inspection.js";
import { markAndWait } from "../fixtures/network-tasks.js";
import { startHost } from "../testlibraries/bullmq-hosts.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { LinkCut } from "../testlibraries/tcp-link.js";
import type { RunningProgram } from "../testlibraries/process-family.js";

const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-network-"));
let redis: RedisServer;

before(async () => {
  redis = await RedisServer.forTests();
});

after(async () => {
  await redis[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function makeExecutor(url: string): { readonly executor: BullMQTaskExecutor; readonly queue: string } {
  const queue = `network-${randomUUID()}`;
  const tasks = new URL("../fixtures/conformance-exports.js", import.meta.url);
  return { executor: new BullMQTaskExecutor({ connection: { url }, queue, tasks }), queue };
}

/** A host, and the way on which it reaches Redis. */
interface FarHost {
  readonly host: RunningProgram;
  cut(): void;
  heal(): void;
}

/** What has to hold of a host that is cut off for longer than its locks last (2 s), beside one that is not. */
async function cutOff(
  far: FarHost,
  executor: BullMQTaskExecutor,
  startNear: () => Promise<RunningProgram>,
): Promise<void> {
  const [child, marks, gate] = ["child", "marks", "gate"].map((name) => path.join(folder, `${name}-${randomUUID()}`));
  assert.ok(child !== undefined && marks !== undefined && gate !== undefined);
  const once = executor.submit(clingWithChild, child);
  const again = executor.with({ retries: { limit: 3, on: "crash" } }).submit(markAndWait, marks, gate);
  const results: string[] = [];
  void again.then((result) => results.push(result));
  const { id } = await once.started;
  await again.started;
  const childPid = Number(
    await waitUntil(() => existsSync(child) && readFileSync(child, "utf8"), { what: "a child" }),
  );
  assert.deepEqual([isAlive(id), isAlive(childPid)], [true, true]);
  await using near = await startNear();
  far.cut();
  await assert.rejects(once, WorkerCrashedError);
  await waitUntil(() => !isAlive(id) && !isAlive(childPid), { what: "the end of the task where nobody hears of it" });
  await waitUntil(() => readFileSync(marks, "utf8").length === 2, { what: "a second run" });
  far.heal();
  writeFileSync(gate, "");
  assert.equal(await again, "done");
  assert.equal(readFileSync(marks, "utf8"), "..");
  process.kill(near.pid, "SIGTERM");
  await near.waitForEnd();
  // Only the host that was cut off is left.
  assert.equal(await executor.submit(add, 1, 2), 3);
  assert.deepEqual(results, ["done"]);
}

for (const kind of ["silent", "reset"] satisfies LinkCut[]) {
  test(`a host whose way to Redis is cut (${kind}) for long ends its tasks, and takes others after the heal`, async () => {
    await using link = await TcpLink.to(redis.url);
    const { executor, queue } = makeExecutor(redis.url);
    await using _executor = executor;
    await using host = await startHost(link.url, queue);
    const far = { host, cut: () => link.cut(kind), heal: () => link.heal() };
    await cutOff(far, executor, () => startHost(redis.url, queue));
  });

  test(`a program whose way to Redis is cut (${kind}) has its outcomes after the heal`, async () => {
    await using link = await TcpLink.to(redis.url);
    const { executor, queue } = makeExecutor(link.url);
    await using _executor = executor;
    await using _host = await startHost(redis.url, queue);
    const gate = path.join(folder, `${kind}-gate`);
    const [marks, lateMarks] = [path.join(folder, `${kind}-marks`), path.join(folder, `${kind}-late-marks`)];
    const running = executor.submit(markAndWait, marks, gate);
    await running.started;
    link.cut(kind);
    writeFileSync(gate, "");
    const late = executor.submit(markAndWait, lateMarks, gate);
    const cancelled = executor.submit(add, 1, 2);
    cancelled.cancel();
    await waitUntil(() => existsSync(`${marks}-end`), { what: "the end of a task" });
    link.heal();
    assert.deepEqual(await Promise.all([running, late]), ["done", "done"]);
    await assert.rejects(cancelled, { name: "CancelledError" });
    assert.deepEqual(
      [marks, lateMarks].map((file) => readFileSync(file, "utf8")),
      [".", "."],
    );
    assert.equal(await executor.submit(add, 1, 2), 3);
  });

  test(`a short cut (${kind}) of a host's way to Redis harms no task`, async () => {
    await using link = await TcpLink.to(redis.url);
    const { executor, queue } = makeExecutor(redis.url);
    await using _executor = executor;
    await using _host = await startHost(link.url, queue);
    const [gate, marks] = [path.join(folder, `${kind}-short-gate`), path.join(folder, `${kind}-short-marks`)];
    const running = executor.submit(markAndWait, marks, gate);
    await running.started;
    link.cut(kind);
    writeFileSync(gate, "");
    await waitUntil(() => existsSync(`${marks}-end`), { what: "the end of a task" });
    link.heal();
    assert.equal(await running, "done");
    assert.equal(readFileSync(marks, "utf8"), ".");
  });
}

const missing = NetworkNamespace.whatIsMissing();

test("a host in a network of its own whose cable is pulled", { skip: missing ?? false }, async () => {
  await using network = NetworkNamespace.create();
  await using server = await RedisServer.start(false, () => {
    return ["--bind", "127.0.0.1", network.outerAddress, "--protected-mode", "no"];
  });
  const { executor, queue } = makeExecutor(server.url);
  await using _executor = executor;
  await using host = await startHost(server.urlAt(network.outerAddress), queue, network.commandPrefix);
  const far = { host, cut: () => network.setLink("down"), heal: () => network.setLink("up") };
  await cutOff(far, executor, () => startHost(server.url, queue));
});
