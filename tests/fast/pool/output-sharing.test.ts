/** Workers that share one slow destination for their output. */

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { Writable } from "node:stream";
import { test } from "node:test";

import { OutputForwarder } from "../../../src/pool/worker/output-forwarder.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

test("many workers wait for one slow destination with one listener, and all go on when it has drained", async () => {
  let finish = (): void => {};
  const seen: string[] = [];
  const destination = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      seen.push(chunk.toString());
      finish = done;
    },
  });
  const sources = Array.from({ length: 12 }, () => new PassThrough());
  const forwarders = sources.map((source) => new OutputForwarder(source, () => destination));
  for (const [i, source] of sources.entries()) source.write(`line ${i}\n`);
  await waitUntil(() => sources.every((source) => source.isPaused()), { what: "all sources to wait" });
  assert.equal(destination.listenerCount("drain"), 1);
  for (const source of sources) source.end("last\n");
  // One write at a time: each needs a word from the destination.
  const isOver = Promise.all(forwarders.map(({ ended }) => ended));
  await waitUntil(
    () => {
      finish();
      return seen.length === 24;
    },
    { what: "all lines" },
  );
  finish();
  await isOver;
  assert.equal(new Set(seen.slice(0, 12)).size, 12);
  assert.equal(seen.filter((line) => line === "last\n").length, 12);
  assert.equal(destination.listenerCount("drain"), 0);
});

test("lines stay whole however much of them comes at once, and only one that is too long is passed on in parts", async () => {
  const seen: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      seen.push(chunk.toString());
      done();
    },
  });
  const source = new PassThrough({ highWaterMark: 1024 * 1024 });
  const forwarder = new OutputForwarder(source, () => destination);
  const line = `${"a".repeat(10_000)}\n`;
  const passed = (): number => seen.join("").length;
  // 100,000 characters, of which the last 10,000 are no whole line yet.
  source.write(line.repeat(9) + "b".repeat(10_000));
  await waitUntil(() => passed() === 9 * line.length, { what: "the whole lines" });
  source.write("\n");
  await waitUntil(() => passed() === 10 * line.length, { what: "the last line" });
  assert.ok(
    seen.every((part) => part.endsWith("\n")),
    "no part of a line goes out",
  );
  source.write("c".repeat(70_000));
  await waitUntil(() => seen.at(-1) === "c".repeat(70_000), { what: "the part of a line that is too long" });
  source.end();
  await forwarder.ended;
});
