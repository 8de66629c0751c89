import assert from "node:assert/strict";
import { test } from "node:test";

import { FIRST_RESULT_CHANNEL } from "../../../src/wire/messages/protocol.js";
import { FrameDecoder } from "../../../src/wire/messages/frame-decoder.js";
import { FrameWriter } from "../../../src/wire/messages/frame.js";
import { LIVE_OP } from "../../../src/wire/messages/protocol.js";
import { MAX_BODY_BYTES } from "../../../src/wire/messages/frame.js";
import { ProtocolError } from "../../../src/errors.js";
import { decodeToParent } from "../../../src/wire/messages/message-codec.js";
import { decodeToWorker } from "../../../src/wire/messages/message-codec.js";
import { decodeFromWatchdog } from "../../../src/wire/lifeline.js";
import { decodeToWatchdog } from "../../../src/wire/lifeline.js";
import { encodeFromWatchdog } from "../../../src/wire/lifeline.js";
import { encodeToWatchdog } from "../../../src/wire/lifeline.js";
import { encodeFrame } from "../../../src/wire/messages/frame.js";
import { encodeToParent } from "../../../src/wire/messages/message-codec.js";
import { encodeToWorker } from "../../../src/wire/messages/message-codec.js";
import { encodeValue } from "../../../src/values/codec.js";
import { makeFrame } from "../../../src/wire/messages/frame.js";
import type { Frame } from "../../../src/wire/messages/frame.js";
import type { ToParentMessage } from "../../../src/wire/messages/protocol.js";
import type { ToWorkerMessage } from "../../../src/wire/messages/protocol.js";

function decodeAll(chunks: readonly Buffer[]): Frame[] {
  const frames: Frame[] = [];
  const decoder = new FrameDecoder((frame) => frames.push(frame));
  for (const chunk of chunks) decoder.push(chunk);
  assert.equal(decoder.isMidFrame, false);
  return frames;
}

function plain(frame: Frame): unknown {
  const { kind, flags, idA, idB, name, payload } = frame;
  return { kind, flags, idA, idB, name, payload: [...payload] };
}

const SAMPLES: readonly Frame[] = [
  makeFrame(1),
  makeFrame(255, { flags: 255, idA: 0xffff_ffff, idB: 1, name: "Größe ✓", payload: Uint8Array.of(1, 2, 3) }),
  makeFrame(4, { payload: new Uint8Array(70_000).fill(7), name: "long" }),
  makeFrame(5, { payload: Uint8Array.of(9) }),
];

test("frames come out as they went in, however the stream is cut", () => {
  const bytes = Buffer.concat(SAMPLES.flatMap(encodeFrame));
  for (const sizeBytes of [1, 2, 7, 15, 16, 17, 1000, 65_536, bytes.byteLength]) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.byteLength; at += sizeBytes) {
      chunks.push(Buffer.from(bytes.subarray(at, at + sizeBytes)));
    }
    assert.deepEqual(decodeAll(chunks).map(plain), SAMPLES.map(plain), `chunks of ${sizeBytes} bytes`);
  }
});

test("a long payload is written without a copy, a short one in one buffer with its header", () => {
  const long = new Uint8Array(1_000_000);
  assert.equal(encodeFrame(makeFrame(4, { payload: long })).at(-1), long);
  assert.equal(encodeFrame(makeFrame(4, { payload: new Uint8Array(10) })).length, 1);
});

test("a short payload of a frame without a name is written as any other, and a long one is left to that", () => {
  for (const sizeBytes of [0, 1, 15, 1000, 64 * 1024]) {
    const payload = new Uint8Array(sizeBytes).fill(9);
    const writer = new FrameWriter();
    const expected: Uint8Array[] = [];
    // More than fit into one slab, so that there is a second one.
    for (let idA = 1; idA <= 5; idA += 1) {
      assert.equal(writer.appendShort(4, 3, idA, 0xffff_fffe, payload), true);
      expected.push(...encodeFrame(makeFrame(4, { flags: 3, idA, idB: 0xffff_fffe, payload })));
    }
    assert.equal(Buffer.compare(Buffer.concat(writer.take()), Buffer.concat(expected)), 0, `${sizeBytes} bytes`);
  }
  const writer = new FrameWriter();
  assert.equal(writer.appendShort(4, 0, 1, 1, new Uint8Array(64 * 1024 + 1)), false);
  assert.equal(writer.appendShort(4, 0, 1, 1, encodeValue(new Uint8Array(1_000_000), "it")), false);
  assert.equal(writer.isEmpty, true);
});

test("a length over the limit is refused before anything is allocated for it", () => {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(MAX_BODY_BYTES + 1, 0);
  assert.throws(() => new FrameDecoder(() => {}).push(header), ProtocolError);
});

test("a false length makes the reader allocate no more than a bounded first piece", () => {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(MAX_BODY_BYTES, 0);
  const before = process.memoryUsage().arrayBuffers;
  const decoder = new FrameDecoder(() => {});
  decoder.push(Buffer.concat([header, Buffer.alloc(10)]));
  assert.ok(process.memoryUsage().arrayBuffers - before < 4 * 1024 * 1024);
  assert.equal(decoder.isMidFrame, true);
});

test("frames of all sizes are read into the decoder's own memory", () => {
  const payloads = [0, 1, 100, 70_000, 5, 3_000_000, 65_536, 200_000, 12].map((size, index) =>
    Buffer.alloc(size, index + 1),
  );
  const stream = Buffer.concat(payloads.flatMap((payload, idA) => encodeFrame(makeFrame(3, { idA, payload }))));
  for (const largestRead of [7, 1000, 65_536, 10_000_000]) {
    const frames: Frame[] = [];
    const decoder = new FrameDecoder((frame) => frames.push(frame));
    // Every other step by `push`, as nobody does, but it must not matter.
    for (let at = 0, step = 0; at < stream.byteLength; step += 1) {
      const space = decoder.space();
      assert.ok(space.byteLength > 0);
      const size = Math.min(largestRead, space.byteLength, stream.byteLength - at);
      if (step % 2 === 0) {
        stream.copy(space, 0, at, at + size);
        decoder.filled(size);
      } else decoder.push(Buffer.from(stream.subarray(at, at + size)));
      at += size;
    }
    assert.equal(decoder.isMidFrame, false);
    for (const [index, payload] of payloads.entries()) {
      assert.equal(Buffer.compare(frames[index]?.payload ?? Buffer.of(), payload), 0, `payload ${index}`);
    }
  }
});

test("a short frame is handed over whole with its header, wherever it was cut, and a long one only if it came so", () => {
  const short = [
    makeFrame(3, { idA: 1 }),
    makeFrame(3, { idA: 2, payload: Uint8Array.of(1, 2, 3) }),
    makeFrame(3, { idA: 3, name: "n", payload: new Uint8Array(1023).fill(7) }),
  ];
  const long = makeFrame(3, { idA: 4, payload: new Uint8Array(1025).fill(8) });
  const sent = [...short, long];
  const bytes = Buffer.concat(sent.flatMap(encodeFrame));
  const firstOfLong = bytes.length - 16 - 1025;
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const frames: Frame[] = [];
    const taken: number[] = [];
    const take = (source: Buffer, at: number, to: number): boolean => {
      const [frame, ...others] = decodeAll([Buffer.from(source.subarray(at, to))]);
      assert.ok(frame !== undefined && others.length === 0);
      taken.push(frame.idA);
      frames.push(frame);
      return true;
    };
    const decoder = new FrameDecoder((frame) => frames.push(frame), take);
    decoder.push(Buffer.from(bytes.subarray(0, cut)));
    decoder.push(Buffer.from(bytes.subarray(cut)));
    assert.equal(decoder.isMidFrame, false);
    assert.deepEqual(frames.map(plain), sent.map(plain), `cut at ${cut}`);
    assert.deepEqual(taken, cut > firstOfLong ? [1, 2, 3] : [1, 2, 3, 4], `cut at ${cut}`);
  }
});

test("a name longer than its frame is refused", () => {
  const [bytes] = encodeFrame(makeFrame(1, { payload: Uint8Array.of(1) }));
  assert.ok(bytes !== undefined);
  Buffer.from(bytes.buffer, bytes.byteOffset).writeUInt16LE(2, 6);
  assert.throws(() => new FrameDecoder(() => {}).push(Buffer.from(bytes)), ProtocolError);
});

test("a name that no frame can hold is refused by the sender", () => {
  assert.throws(() => encodeFrame(makeFrame(4, { name: "n".repeat(70_000) })), ProtocolError);
});

const TO_WORKER: readonly ToWorkerMessage[] = [
  { kind: "initialize", hasJournal: true, settings: Uint8Array.of(1) },
  { kind: "function", functionId: 7, pickle: Uint8Array.of(2) },
  { kind: "forget", functionId: 8 },
  {
    kind: "task",
    taskId: 9,
    functionId: 7,
    isChunk: true,
    goesOn: true,
    isAnnounced: true,
    isLong: false,
    taskName: "t",
    args: Uint8Array.of(3),
  },
  {
    kind: "task",
    taskId: 9,
    functionId: 7,
    isChunk: false,
    goesOn: false,
    isAnnounced: false,
    isLong: true,
    taskName: "",
    args: Uint8Array.of(),
  },
  { kind: "cancel", taskId: 9, reason: Uint8Array.of(4) },
  { kind: "release", taskId: 9 },
  { kind: "hear", taskId: 9 },
  { kind: "shutdown" },
];

const TO_PARENT: readonly ToParentMessage[] = [
  { kind: "ready", protocolVersion: 1 },
  { kind: "initializeFailed", isConfigurer: true, error: Uint8Array.of(1) },
  { kind: "started", taskId: 2 },
  { kind: "result", taskId: 2, durationUs: 12, value: Uint8Array.of(5) },
  { kind: "failure", taskId: 2, durationUs: 12, error: Uint8Array.of(6) },
  { kind: "result", taskId: 2, durationUs: 12, value: Uint8Array.of(5), isPinned: true },
  { kind: "failure", taskId: 2, durationUs: 12, error: Uint8Array.of(6), isPinned: true },
  { kind: "log", record: Uint8Array.of(7) },
  { kind: "report", taskId: 2, skippedCount: 0, isLast: true, value: Uint8Array.of(8) },
  { kind: "report", taskId: 2, skippedCount: 3, isLast: false, value: Uint8Array.of(9) },
  { kind: "retiring", firstUnbegun: 4 },
];

function bytesToArrays(message: ToParentMessage | ToWorkerMessage): unknown {
  const entries = Object.entries<unknown>({ ...message }).map(([key, value]) => [
    key,
    value instanceof Uint8Array ? [...value] : value,
  ]);
  return Object.fromEntries(entries);
}

test("every message to a worker survives its frame", () => {
  const frames = decodeAll(TO_WORKER.flatMap(encodeToWorker).map((bytes) => Buffer.from(bytes)));
  assert.deepEqual(frames.map(decodeToWorker).map(bytesToArrays), TO_WORKER.map(bytesToArrays));
});

test("every message to the parent survives its frame", () => {
  const frames = decodeAll(TO_PARENT.flatMap(encodeToParent).map((bytes) => Buffer.from(bytes)));
  assert.deepEqual(frames.map(decodeToParent).map(bytesToArrays), TO_PARENT.map(bytesToArrays));
});

test("a message of the other direction, or of no kind at all, is refused", () => {
  for (const kind of [0, 9, 64, 65, 255]) assert.throws(() => decodeToWorker(makeFrame(kind)), ProtocolError);
  for (const kind of [0, 1, 64, 75, 255]) assert.throws(() => decodeToParent(makeFrame(kind)), ProtocolError);
});

test("what happens on live values goes both ways; an operation that there is not is refused", () => {
  for (const op of Object.values(LIVE_OP)) {
    const message = {
      kind: "live",
      taskId: 3,
      channel: FIRST_RESULT_CHANNEL + 2,
      op,
      payload: Buffer.from("p"),
    } as const;
    const seen: unknown[] = [];
    const toParent = new FrameDecoder((frame) => seen.push(decodeToParent(frame)));
    const toWorker = new FrameDecoder((frame) => seen.push(decodeToWorker(frame)));
    for (const bytes of encodeToParent(message)) toParent.push(Buffer.from(bytes));
    for (const bytes of encodeToWorker(message)) toWorker.push(Buffer.from(bytes));
    assert.deepEqual(seen, [message, message]);
  }
  for (const flags of [8, 255]) {
    assert.throws(() => decodeToWorker(makeFrame(7, { flags })), ProtocolError);
    assert.throws(() => decodeToParent(makeFrame(73, { flags })), ProtocolError);
  }
});

test("messages on the lifeline survive being cut anywhere, and others are refused", () => {
  const seen: unknown[] = [];
  const decoder = new FrameDecoder((frame) => seen.push(decodeToWatchdog(frame)));
  const messages = [
    { kind: "abort", taskId: 1 },
    { kind: "askStack", taskId: 0xffff_ffff },
    { kind: "abort", taskId: 70_000 },
    { kind: "takeBack", taskId: 5, question: 77 },
    { kind: "hear", taskId: 6 },
  ] as const;
  const bytes = Buffer.concat(messages.map(encodeToWatchdog));
  for (const byte of bytes) decoder.push(Buffer.of(byte));
  decoder.push(bytes);
  assert.deepEqual(seen, [...messages, ...messages]);

  const answers: unknown[] = [];
  const told = [
    { kind: "stack", taskId: 7, frames: "    at spin (file:///tmp/ä.js:1:2)" },
    { kind: "takenBack", taskId: 8, question: 77 },
  ] as const;
  const answerDecoder = new FrameDecoder((frame) => answers.push(decodeFromWatchdog(frame)));
  for (const answer of told) answerDecoder.push(Buffer.from(encodeFromWatchdog(answer)));
  assert.deepEqual(answers, told);
  for (const kind of [0, 1, 65, 128, 133, 193]) assert.throws(() => decodeToWatchdog(makeFrame(kind)), ProtocolError);
  for (const kind of [0, 1, 65, 129, 192, 195]) {
    assert.throws(() => decodeFromWatchdog(makeFrame(kind)), ProtocolError);
  }
});

test("of a stack that is longer than a watchdog sends, the beginning is taken", () => {
  const stackOf = (text: string): string => {
    const message = { kind: "stack", taskId: 1, frames: "" } as const;
    const head = Buffer.from(encodeFromWatchdog(message));
    const body = Buffer.from(text);
    head.writeUInt32LE(body.byteLength);
    const frames: string[] = [];
    const decoder = new FrameDecoder((frame) => {
      const decoded = decodeFromWatchdog(frame);
      if (decoded.kind === "stack") frames.push(decoded.frames);
    });
    decoder.push(Buffer.concat([head, body]));
    return frames.join("");
  };
  assert.equal(stackOf("    at f"), "    at f");
  for (const unit of ["a", "é", "€"]) assert.equal(stackOf(unit.repeat(100_000)), unit.repeat(16 * 1024));
  assert.equal(stackOf("😀".repeat(100_000)), "😀".repeat(8 * 1024));
});
