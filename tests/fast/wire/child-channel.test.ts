/** A worker's end of the pipes; the test is the parent. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { test } from "node:test";
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import type { Writable } from "node:stream";

import { FrameDecoder } from "../../../src/wire/messages/frame-decoder.js";
import { RESULTS_FD } from "../../../src/wire/messages/protocol.js";
import { TASKS_FD } from "../../../src/wire/messages/protocol.js";
import { decodeToParent } from "../../../src/wire/messages/message-codec.js";
import { encodeToWorker } from "../../../src/wire/messages/message-codec.js";
import { fixturePath } from "../../testlibraries/process-family.js";
import { waitUntil } from "../../testlibraries/wait-until.js";
import type { ToParentMessage } from "../../../src/wire/messages/protocol.js";

/** How long the program may take to exit when its pipes are closed, in milliseconds. */
const EXIT_LIMIT_MS = 5000;

class Host implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly tasks: Writable;
  readonly results: Readable;
  #output = "";

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [fixturePath("hosts-child-channel"), ...args], {
      stdio: ["ignore", "pipe", "inherit", "pipe", "pipe"],
    });
    this.#ended = once(this.#child, "exit");
    this.tasks = this.#child.stdio[TASKS_FD] as Writable;
    this.results = this.#child.stdio[RESULTS_FD] as Readable;
    this.tasks.on("error", () => {});
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      this.#output += chunk.toString();
    });
  }

  get lines(): string[] {
    return this.#output.split("\n").slice(0, -1);
  }

  async waitForLine(line: string): Promise<void> {
    await waitUntil(() => this.lines.includes(line), { what: `the line "${line}"` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.tasks.destroy();
    this.results.destroy();
    // It exits by itself, and then its coverage counts.
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), EXIT_LIMIT_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}

function send(host: Host, ...buffers: Uint8Array[]): void {
  for (const buffer of buffers) host.tasks.write(buffer);
}

/** Reads results slowly until one message is complete. */
async function readMessage(host: Host): Promise<ToParentMessage> {
  const messages: ToParentMessage[] = [];
  const decoder = new FrameDecoder((frame) => messages.push(decodeToParent(frame)));
  for await (const chunk of host.results as AsyncIterable<Buffer>) {
    decoder.push(chunk);
    const [message] = messages;
    if (message !== undefined) return message;
    await new Promise(setImmediate);
  }
  throw new Error("The results ended in the middle of a message.");
}

test("messages arrive in order, and the parent's end is told once", async () => {
  await using host = new Host(["report"]);
  send(host, ...encodeToWorker({ kind: "forget", functionId: 1 }), ...encodeToWorker({ kind: "shutdown" }));
  await host.waitForLine("message shutdown");
  host.tasks.destroy();
  await host.waitForLine("end");
  assert.deepEqual(host.lines, ["message forget", "message shutdown", "end"]);
});

test("bytes that are no message end the channel, and nothing after them is taken", async () => {
  await using host = new Host(["report"]);
  const [message = Buffer.alloc(0)] = encodeToWorker({ kind: "shutdown" });
  const nonsense = Buffer.from(message);
  nonsense[4] = 99;
  send(host, Buffer.concat([message, nonsense, message]));
  await host.waitForLine("end");
  assert.deepEqual(host.lines, ["message shutdown", "end"]);
});

for (const mode of ["send", "unblocked"]) {
  const pipe = mode === "send" ? "a pipe" : "a pipe that somebody has made non-blocking";
  test(`a result larger than ${pipe} has left the process when it is sent`, async () => {
    const sizeBytes = 3_000_000;
    await using host = new Host([mode, String(sizeBytes)]);
    const message = await readMessage(host);
    await host.waitForLine("sent");
    assert.equal(message.kind, "result");
    assert.equal(Buffer.compare((message as { value: Uint8Array }).value, Buffer.alloc(sizeBytes, "x")), 0);
  });
}

test("a parent that has gone makes sending end the channel, once, and does no other harm", async () => {
  await using host = new Host(["until-end"]);
  host.results.destroy();
  await host.waitForLine("survived");
  assert.deepEqual(host.lines, ["end", "survived"]);
});
