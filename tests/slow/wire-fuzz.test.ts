import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";

import { FrameDecoder } from "../../src/wire/messages/frame-decoder.js";
import { LIVE_OP } from "../../src/wire/messages/protocol.js";
import { decodeThrown } from "../../src/values/thrown.js";
import { decodeToParent } from "../../src/wire/messages/message-codec.js";
import { decodeToWorker } from "../../src/wire/messages/message-codec.js";
import { decodeValue } from "../../src/values/codec.js";
import { encodeFrame } from "../../src/wire/messages/frame.js";
import { encodeThrown } from "../../src/values/thrown.js";
import { encodeToParent } from "../../src/wire/messages/message-codec.js";
import { encodeToWorker } from "../../src/wire/messages/message-codec.js";
import { encodeValue } from "../../src/values/codec.js";
import { readJournal } from "../../src/wire/journal/journal.js";
import { makeFrame } from "../../src/wire/messages/frame.js";
import type { Frame } from "../../src/wire/messages/frame.js";

const FRAMES = 500_000;

/** Longest body that the fuzz makes, in bytes; a length beyond it is a lie that the decoder waits for. */
const MAX_BODY_BYTES = 256;

/** A small generator of repeatable random numbers (mulberry32). */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const seed = Number(process.env["ASYNCCPU_TEST_SEED"] ?? randomInt(2 ** 31));

const VALUES: readonly Uint8Array[] = [
  encodeValue(42, "v"),
  encodeValue({ a: [1, "x", null], b: new Map([[1, new Set([2])]]) }, "v"),
  encodeValue([new Error("e", { cause: new TypeError("c") })], "v"),
  encodeValue(Buffer.from("bytes"), "v"),
  encodeThrown(new RangeError("r")),
  encodeThrown(0),
  encodeValue([Symbol.iterator, new URL("http://a/b"), new Headers({ a: "b" }), { s: Symbol.for("x") }], "v"),
];

const TO_PARENT: readonly Uint8Array[] = VALUES.flatMap((bytes) =>
  [
    encodeToParent({ kind: "result", taskId: 1, durationUs: 12, value: bytes }),
    encodeToParent({ kind: "failure", taskId: 1, durationUs: 12, error: bytes }),
    encodeToParent({ kind: "log", record: bytes }),
    encodeToParent({ kind: "live", taskId: 1, channel: 2, op: LIVE_OP.chunk, payload: bytes }),
    encodeToParent({ kind: "started", taskId: 1 }),
    encodeToParent({ kind: "report", taskId: 1, skippedCount: 2, isLast: true, value: Uint8Array.of(2) }),
    encodeToParent({ kind: "ready", protocolVersion: 1 }),
  ].flat(),
);

const TO_WORKER: readonly Uint8Array[] = VALUES.flatMap((bytes) =>
  [
    encodeToWorker({
      kind: "task",
      taskId: 1,
      functionId: 1,
      isChunk: false,
      goesOn: false,
      isAnnounced: true,
      isLong: true,
      taskName: "t",
      args: bytes,
    }),
    encodeToWorker({ kind: "cancel", taskId: 1, reason: bytes }),
    encodeToWorker({ kind: "live", taskId: 1, channel: 2, op: LIVE_OP.error, payload: bytes }),
    encodeToWorker({ kind: "initialize", hasJournal: true, settings: bytes }),
    encodeToWorker({ kind: "shutdown" }),
  ].flat(),
);

/** One hostile piece: noise, a damaged frame, a cut one, or a frame of any kind around noise. */
function makePiece(random: (below: number) => number, samples: readonly Uint8Array[]): Buffer {
  const noise = (sizeBytes: number): Buffer => Buffer.from(Array.from({ length: sizeBytes }, () => random(256)));
  const sample = Buffer.from(samples[random(samples.length)] ?? []);
  switch (random(4)) {
    case 0:
      return noise(random(64));
    case 1:
      for (let i = random(4); i >= 0; i -= 1) sample[random(sample.byteLength)] = random(256);
      return sample;
    case 2:
      return sample.subarray(0, random(sample.byteLength));
    default:
      return Buffer.concat(
        encodeFrame(
          makeFrame(random(256), {
            flags: random(256),
            idA: random(2 ** 31),
            payload: noise(random(MAX_BODY_BYTES)),
          }),
        ),
      );
  }
}

/** Everything that may come out: a message whose payload is looked at as its receiver would, or an Error. */
function attack(
  samples: readonly Uint8Array[],
  interpret: (frame: Frame) => void,
): { frames: number; errors: number } {
  const random = makeRandom(seed);
  const counts = { frames: 0, errors: 0 };
  const makeDecoder = (): FrameDecoder =>
    new FrameDecoder((frame) => {
      counts.frames += 1;
      interpret(frame);
    });
  let decoder = makeDecoder();
  for (let i = 0; i < FRAMES; i += 1) {
    try {
      decoder.push(makePiece(random, samples));
      // A frame that claims to be long would swallow all that follows.
      if (random(4) === 0) decoder = makeDecoder();
    } catch (error) {
      assert.ok(error instanceof Error, `seed ${seed}, piece ${i}: ${String(error)}`);
      counts.errors += 1;
      decoder = makeDecoder();
    }
  }
  return counts;
}

function assertBounded(body: () => { frames: number; errors: number }): void {
  const before = process.memoryUsage.rss();
  const { frames, errors } = body();
  const grownMiB = (process.memoryUsage.rss() - before) / 2 ** 20;
  // The fuzz must have reached both: frames that parse, and frames that don't.
  assert.ok(frames > FRAMES / 10 && errors > FRAMES / 10, `seed ${seed}: ${frames} frames, ${errors} errors`);
  assert.ok(grownMiB < 300, `seed ${seed}: memory grew by ${grownMiB.toFixed()} MiB`);
}

test(`500,000 hostile pieces to the parent give messages or errors, nothing else (seed ${seed})`, () => {
  assertBounded(() =>
    attack(TO_PARENT, (frame) => {
      const message = decodeToParent(frame);
      if (message.kind === "result" && message.value instanceof Uint8Array) decodeValue(message.value);
      if (message.kind === "log") decodeValue(message.record);
      if (message.kind === "live") decodeValue(message.payload);
      if (message.kind === "failure" || message.kind === "initializeFailed") decodeThrown(message.error);
    }),
  );
});

test(`500,000 hostile pieces to a worker give messages or errors, nothing else (seed ${seed})`, () => {
  assertBounded(() =>
    attack(TO_WORKER, (frame) => {
      const message = decodeToWorker(frame);
      if (message.kind === "task") decodeValue(message.args as Uint8Array);
      if (message.kind === "initialize") decodeValue(message.settings);
      if (message.kind === "cancel") decodeThrown(message.reason);
      if (message.kind === "live") decodeThrown(message.payload);
    }),
  );
});

test(`200,000 hostile journals give messages, whole records only, and no error (seed ${seed})`, () => {
  const random = makeRandom(seed);
  let messages = 0;
  for (let i = 0; i < 200_000; i += 1) {
    const pieces = Array.from({ length: random(4) }, () => makePiece(random, TO_PARENT));
    messages += readJournal(Buffer.concat(pieces)).length;
  }
  assert.equal(messages, 0, `seed ${seed}: no record had both its marks`);
});
