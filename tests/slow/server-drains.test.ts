/** `handleSignals: "drain"`: a server that is restarted answers what it has taken. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { existsSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";

import { startFixture } from "../testlibraries/process-family.js";
import { waitUntil } from "../testlibraries/wait-until.js";
import type { RunningProgram } from "../testlibraries/process-family.js";

const folder = mkdtempSync(join(tmpdir(), "asynccpu-drains-"));
let fileCount = 0;

after(() => rmSync(folder, { recursive: true }));

/** Longer than any test lasts. */
const FOR_EVER_MS = 100_000;

/** The same signal within this time is an echo of the first. */
const ECHO_MS = 200;

/** How long to wait for the answer to a request that may have to wait for others. */
const PROBE_MS = 2000;

interface Server {
  readonly program: RunningProgram;
  /** Gives status and text. */
  get(way: string): Promise<string>;
  readonly file: string;
  /** Waits until a request is refused. One that was taken before the signal arrived is done at once, or left alone. */
  untilItRefuses(): Promise<void>;
}

async function startServer(...args: readonly string[]): Promise<Server> {
  const program = startFixture("serves-requests", { args });
  const [, port] = await program.waitForLine(/^port (\d+)$/);
  fileCount += 1;
  const file = join(folder, `file-${fileCount}`);
  const ask = async (query: string, init?: RequestInit): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${port}/${query}`, init);
    return `${response.status} ${await response.text()}`;
  };
  const isRefused = async (): Promise<boolean> => {
    const answer = await ask(`wait?/dev/null`, { signal: AbortSignal.timeout(PROBE_MS) }).catch(String);
    return answer.startsWith("503 ExecutorShutdownError");
  };
  return {
    program,
    get: (way) => ask(`${way}?${file}`),
    file,
    untilItRefuses: async () => void (await waitUntil(isRefused, { what: "a refusal" })),
  };
}

function countLines({ program }: Server, line: string): number {
  return program.stdout.split("\n").filter((each) => each === line).length;
}

function textOf({ file }: Server): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** Sends two requests that run and one that waits for a worker. */
async function takeThree(server: Server): Promise<Promise<string>[]> {
  const answers = [server.get("wait"), server.get("wait"), server.get("wait")];
  for (const answer of answers) answer.catch(() => {});
  const isTaken = (): boolean => countLines(server, "took /wait") === 3 && countLines(server, "began /wait") === 2;
  await waitUntil(isTaken, { what: "three requests, two of which run" });
  return answers;
}

const ANSWERS = Array.from({ length: 3 }, () => "200 aborted: false");

describe("a server that drains", { skip: process.platform === "win32" }, () => {
  test("answers what it has taken, takes no more, and ends by the signal", async () => {
    const server = await startServer(`drain-ms=${FOR_EVER_MS}`);
    await using program = server.program;
    const answers = await takeThree(server);
    program.kill("SIGTERM");
    await server.untilItRefuses();
    writeFileSync(server.file, "");
    assert.deepEqual(await Promise.all(answers), ANSWERS);
    const end = await program.waitForEnd();
    assert.deepEqual([end.code, end.signal], [null, "SIGTERM"]);
    await program.waitForNobody();
  });

  test("with a handler of its own ends itself, when all is answered", async () => {
    const server = await startServer(`drain-ms=${FOR_EVER_MS}`, "listens");
    await using program = server.program;
    const answers = await takeThree(server);
    program.kill("SIGTERM");
    await program.waitForLine(/^closing$/);
    await assert.rejects(server.get("wait"), "no more connections");
    writeFileSync(server.file, "");
    assert.deepEqual(await Promise.all(answers), ANSWERS);
    const end = await program.waitForEnd();
    assert.deepEqual([end.code, end.signal], [0, null]);
    await program.waitForNobody();
  });

  test("cancels what still runs when drainMs is over", async () => {
    const server = await startServer("drain-ms=100");
    await using program = server.program;
    const answer = server.get("polite");
    await waitUntil(() => textOf(server) === "begun\n", { what: "the task" });
    program.kill("SIGTERM");
    assert.equal(await answer, "503 CancelledError SIGTERM");
    assert.equal((await program.waitForEnd()).signal, "SIGTERM");
    assert.equal(textOf(server), "begun\nfinally\n");
    await program.waitForNobody();
  });

  test("Ctrl-C once lets tasks go on, twice ends them in order", async () => {
    const server = await startServer(`drain-ms=${FOR_EVER_MS}`);
    await using program = server.program;
    const answer = server.get("polite");
    await waitUntil(() => textOf(server) === "begun\n", { what: "the task" });
    program.kill("SIGINT");
    const sentMs = performance.now();
    await server.untilItRefuses();
    await waitUntil(() => performance.now() - sentMs > 2 * ECHO_MS, { what: "the time of an echo to be over" });
    assert.equal(textOf(server), "begun\n", "the task has heard of nothing");
    program.kill("SIGINT");
    assert.equal(await answer, "503 CancelledError SIGINT");
    assert.equal((await program.waitForEnd()).signal, "SIGINT");
    assert.equal(textOf(server), "begun\nfinally\n");
    await program.waitForNobody();
  });
});
