/** `npm run demo -- --redis`: the demo on two worker hosts. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { ProgramFolder } from "../testlibraries/program-folder.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { isAlive } from "../testlibraries/process-family.js";
import { startProgram } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const DEMO = fileURLToPath(new URL("../../examples/brotli-folder.js", import.meta.url));
const FILES = 12;
const folder = new ProgramFolder();
const text = Array.from({ length: 4000 }, (_, index) => (index * index * 7919).toString(36)).join(" ");
folder.write(Object.fromEntries(Array.from({ length: FILES }, (_, index) => [`${index}.txt`, `${index} ${text}`])));

after(() => folder[Symbol.dispose]());

for (const [name, hasOwn] of [
  ["a Redis of its own", true],
  ["that of REDIS_URL", false],
] as const) {
  test(`it runs on two hosts with ${name}, and leaves nothing behind`, async () => {
    await using redis = hasOwn ? undefined : await RedisServer.start();
    const env = { REDIS_URL: redis?.url };
    await using program = startProgram(DEMO, { args: ["--redis", folder.path], env });
    const { code, stdout, stderr } = await program.waitForEnd();
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^total +${FILES} `, "m"));
    const [, ...counts] =
      /^Worker hosts: +(\d+) files by host \d+, (\d+) files by host \d+$/m.exec(stdout) ?? assert.fail(stdout);
    assert.equal(Number(counts[0]) + Number(counts[1]), FILES);
    await program.waitForNobody();
  });
}

test("SIGINT in the middle ends all of it", { skip: process.platform !== "linux" }, async () => {
  await using program = startProgram(DEMO, { args: ["--redis"], env: { REDIS_URL: undefined } });
  // The program, Redis, two hosts, a worker.
  await waitUntil(() => program.survivors().length > 4, { what: "a worker" });
  const pids = program.survivors();
  program.kill("SIGINT");
  const { code, stderr } = await program.waitForEnd();
  assert.equal(code, 130);
  assert.match(stderr, /Interrupted\.\n/);
  await waitUntil(() => !pids.some(isAlive), { deadlineMs: 5000, what: "the end of all its processes" });
});
