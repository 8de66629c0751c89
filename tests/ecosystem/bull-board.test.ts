/** examples/bull-board: a queue in a dashboard for BullMQ. */

import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { symlinkSync } from "node:fs";
import { test } from "node:test";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../src/bullmq/index.js";
import { CHECKOUT } from "../testlibraries/program-folder.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { add } from "../fixtures/tasks.js";
import { installPackages } from "../testlibraries/install-packages.js";
import { reportUntil } from "../fixtures/log-tasks.js";
import { startProgram } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const EXAMPLE = path.join(CHECKOUT, "examples", "bull-board");
const TASKS = new URL("../fixtures/conformance-exports.js", import.meta.url);

interface Job {
  readonly id: string;
  readonly name: string;
  readonly progress: unknown;
}

/** The example with its packages, and asynccpu. */
function makeFolder(): ProgramFolder {
  installPackages(EXAMPLE);
  const folder = new ProgramFolder();
  folder.linkPackage();
  cpSync(path.join(EXAMPLE, "package.json"), folder.at("package.json"));
  cpSync(path.join(EXAMPLE, "board.js"), folder.at("board.js"));
  for (const name of readdirSync(path.join(EXAMPLE, "node_modules")).filter((each) => !each.startsWith("."))) {
    symlinkSync(path.join(EXAMPLE, "node_modules", name), folder.at("node_modules", name), "junction");
  }
  return folder;
}

test("bull-board shows the jobs of an executor by the names of their tasks, with progress and logs", async () => {
  await using redis = await RedisServer.forTests();
  using folder = makeFolder();
  const options = { connection: { url: redis.url }, queue: `board-${randomUUID()}`, tasks: TASKS };
  await using host = new BullMQTaskHost({ ...options, jobs: 1 });
  await host.start();
  await using executor = new BullMQTaskExecutor(options);
  assert.equal(await executor.submit(add, 1, 2), 3);
  const gate = folder.at("gate");
  const running = executor.with({ name: "the report of the month" }).submit(reportUntil, gate);

  await using board = startProgram(folder.at("board.js"), {
    args: [fileURLToPath(TASKS), options.queue],
    cwd: folder.path,
    env: { REDIS_URL: redis.url, PORT: "0" },
  });
  const [, name = "", url = ""] = await board.waitForLine(/^Shows (.+) on http:\/\/localhost(:\d+\/)$/);
  const get = async (page: string): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1${url}${page}`);
    assert.equal(response.status, 200, page);
    return response.json();
  };
  const jobsThatAre = async (status: string): Promise<readonly Job[]> => {
    const query = new URLSearchParams({ activeQueue: name, status, page: "1" });
    const { queues } = (await get(`api/queues?${query.toString()}`)) as { queues: { jobs: readonly Job[] }[] };
    return queues[0]?.jobs ?? [];
  };
  const report = await waitUntil(
    async () => (await jobsThatAre("active")).find(({ progress }) => typeof progress === "object"),
    { what: "the progress of a job" },
  );
  assert.equal(report?.name, "the report of the month");
  writeFileSync(gate, "");
  await running;
  const ended = await jobsThatAre("completed");
  assert.deepEqual(ended.map((job) => job.name).toSorted(), ["add", "the report of the month"]);
  const logs = await get(`api/queues/${encodeURIComponent(name)}/${encodeURIComponent(report.id)}/logs`);
  assert.match(String(logs), /begins/);
  board.kill("SIGTERM");
  assert.equal((await board.waitForEnd()).code, 0);
});
