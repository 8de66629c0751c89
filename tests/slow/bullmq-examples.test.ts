/** The examples for several machines: the commands of their pages, as they are written there. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { cpSync } from "node:fs";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import path from "node:path";

import { CHECKOUT } from "../testlibraries/program-folder.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { startProgram } from "../testlibraries/process-family.js";
import type { RunningProgram } from "../testlibraries/process-family.js";

const EXAMPLE = path.join(CHECKOUT, "examples", "two-machines");
let redis: RedisServer;

before(async () => {
  redis = await RedisServer.forTests();
});

after(() => redis[Symbol.asyncDispose]());

/** The one command below a heading of a page. */
function commandBelow(page: string, heading: string): string {
  const [, text = ""] = page.split(`\n## ${heading}`);
  const [, command] = /```sh\n(.*)\n```/.exec(text) ?? [];
  assert.ok(command, heading);
  return command;
}

/** Runs a command of a page as a shell does, with the Redis of these tests. */
function runCommand(command: string, folder: ProgramFolder): RunningProgram {
  const args = ["-c", command.replace("redis://localhost:6379", redis.url)];
  return startProgram("", { command: "sh", args, cwd: folder.path, env: { REDIS_URL: redis.url } });
}

test("two terminals: a host and a program, as examples/two-machines says", async () => {
  using folder = new ProgramFolder();
  cpSync(EXAMPLE, folder.path, { recursive: true });
  folder.linkPackage();
  const page = readFileSync(path.join(EXAMPLE, "README.md"), "utf8");
  await using host = runCommand(commandBelow(page, "The first terminal"), folder);
  await host.waitForLine(/^Serves countPrimes on queue primes, version [0-9a-f]{12}, \d+ at a time\.$/);
  await using program = runCommand(commandBelow(page, "The second terminal"), folder);
  const { code, stdout, stderr } = await program.waitForEnd();
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(
    stdout,
    /^countPrimes runs on \S+, in process \d+\.\nPrimes below 100000: 9592\nPrimes below 2000000: 148933\n$/,
  );
});
