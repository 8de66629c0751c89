/** Writing to a pipe by a system call, and what the stream takes over. */

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe } from "node:test";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { test } from "node:test";
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";

import { DirectWriter } from "../../../src/wire/direct-writer.js";

/** Reads nothing before it is told to, by a signal; then it says what it has read. */
const READER = `
const hash = require("node:crypto").createHash("sha256");
process.on("SIGUSR2", () => process.stdin.on("data", (chunk) => hash.update(chunk)));
process.stdin.on("end", () => process.stdout.write(hash.digest("hex")));
const timer = setInterval(() => {}, 1000);
process.stdin.on("end", () => clearInterval(timer));
process.stdout.write("ready ");
`;

type Reader = ChildProcessByStdio<Writable, Readable, null>;

async function startReader(): Promise<Reader> {
  const child = spawn(process.execPath, ["-e", READER], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

/** What the reader has got. */
async function finish(reader: Reader): Promise<string> {
  reader.kill("SIGUSR2");
  reader.stdin.end();
  const [said] = (await once(reader.stdout, "data")) as [Buffer];
  await once(reader, "exit");
  return said.toString();
}

describe("what is written directly", () => {
  test("has left when the call returns, and is no matter of the stream", async () => {
    const reader = await startReader();
    const writer = new DirectWriter(reader.stdin);
    writer.write([Buffer.from("one")]);
    writer.write([]);
    writer.write([Buffer.from("two")]);
    writer.write([Buffer.from("three"), Buffer.alloc(0), Buffer.from("four")]);
    assert.equal((reader.stdin as Socket).bytesWritten, 0);
    assert.equal(reader.stdin.writableLength, 0);
    assert.equal(await finish(reader), createHash("sha256").update("onetwothreefour").digest("hex"));
  });

  test("keeps its order when the pipe is full, and several at once do", async () => {
    const reader = await startReader();
    const writer = new DirectWriter(reader.stdin);
    const hash = createHash("sha256");
    for (let number = 0; number < 300; number += 1) {
      const buffers = Array.from({ length: number % 7 === 3 ? 3 : 1 }, () => Buffer.alloc(9000, `${number},`));
      for (const buffer of buffers) hash.update(buffer);
      writer.write(buffers);
    }
    assert.ok(reader.stdin.writableLength > 0, "the pipe has room for all: the test shows nothing");
    assert.equal(await finish(reader), hash.digest("hex"));
  });

  test("is lost without an error when the stream was destroyed, and with the stream's when nobody reads", async () => {
    const reader = await startReader();
    const errors: unknown[] = [];
    reader.stdin.on("error", (error: NodeJS.ErrnoException) => errors.push(error.code));
    const writer = new DirectWriter(reader.stdin);
    reader.kill("SIGKILL");
    await once(reader, "exit");
    writer.write([Buffer.from("nobody reads it")]);
    await once(reader.stdin, "close");
    writer.write([Buffer.from("nobody can")]);
    assert.deepEqual(
      errors.filter((code) => code !== "EPIPE" && code !== "ECONNRESET"),
      [],
    );
  });

  test("goes through a stream that has no descriptor", async () => {
    const stream = new PassThrough();
    const writer = new DirectWriter(stream);
    writer.write([Buffer.from("one")]);
    writer.write([Buffer.from("two"), Buffer.from("three")]);
    stream.end();
    assert.equal(Buffer.concat(await stream.toArray()).toString(), "onetwothree");
  });
});
