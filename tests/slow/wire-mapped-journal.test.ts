/** The journal in mapped memory: what a worker has kept there, and what its parent makes of it. */

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

import { FrameDecoder } from "../../src/wire/messages/frame-decoder.js";
import { MAPPED_BYTES } from "../../src/wire/journal/mapped-journal.js";
import { MappedOutbox } from "../../src/wire/journal/mapped-journal.js";
import { ProcessPoolExecutor } from "../../src/index.js";
import { WorkerCrashedError } from "../../src/index.js";
import { isMappedJournal } from "../../src/wire/journal/mapped-journal.js";
import { nativeMemory } from "../../src/memory/native-memory.js";
import { readMappedJournal } from "../../src/wire/journal/mapped-journal.js";
import { add } from "../fixtures/tasks.js";
import { addOrWriteNonsense } from "../fixtures/tasks.js";
import { noteRun } from "../fixtures/tasks.js";
import { hasMappedJournal } from "../fixtures/memory-tasks.js";

const canMap = process.platform === "linux" && nativeMemory() !== undefined;

function describeKept(memory: ArrayBuffer, isWhole = true): unknown[] {
  return readMappedJournal(Buffer.from(memory), isWhole).map((message) => [
    message.kind,
    (message as { taskId: number }).taskId,
  ]);
}

test("it holds what waits to be sent, and the number of the last task that has begun", () => {
  const memory = new ArrayBuffer(MAPPED_BYTES);
  assert.equal(isMappedJournal(Buffer.from(memory)), false);
  const outbox = new MappedOutbox(memory, 6);
  assert.equal(isMappedJournal(Buffer.from(memory)), true);
  assert.deepEqual(describeKept(memory), [["started", 6]]);
  outbox.begin(7);
  outbox.appendValue(7, 3, "seven");
  assert.deepEqual(describeKept(memory), [
    ["result", 7],
    ["started", 7],
  ]);
  outbox.begin(8);
  assert.equal(outbox.append({ kind: "failure", taskId: 8, durationUs: 1, error: Uint8Array.of(1, 2, 3) }), true);
  outbox.begin(9);
  const all = [
    ["result", 7],
    ["failure", 8],
    ["started", 9],
  ];
  assert.deepEqual(describeKept(memory), all);
  assert.equal(outbox.waiting.byteLength, outbox.waitingBytes);
  assert.deepEqual(describeKept(memory), all, "until it is cleared, it may not have been sent");
  outbox.clear();
  assert.deepEqual([outbox.waitingBytes, ...describeKept(memory)], [0, ...all], "nor does it harm when it was");
  assert.deepEqual(describeKept(memory, false), all, "it may not have been read");
  outbox.appendValue(9, 3, "nine");
  const last = [
    ["result", 9],
    ["started", 9],
  ];
  assert.deepEqual(describeKept(memory, false), last);
  assert.deepEqual(
    describeKept(memory),
    [...all.slice(0, 2), ...last],
    "what was sent stays: there may be nonsense before it",
  );
  outbox.clear();
  assert.equal(outbox.append({ kind: "failure", taskId: 10, durationUs: 1, error: Uint8Array.of(1) }), true);
  assert.equal(outbox.waitingBytes, outbox.waiting.byteLength);
  assert.deepEqual(describeKept(memory, false), [
    ["failure", 10],
    ["started", 9],
  ]);
});

test("it begins anew before its room is used up, and sends each message once", () => {
  const memory = new ArrayBuffer(MAPPED_BYTES);
  const outbox = new MappedOutbox(memory, 0);
  const sent: Buffer[] = [];
  let beganAnew = 0;
  let keptBefore = 0;
  for (let taskId = 1; taskId <= 20_000; taskId += 1) {
    outbox.begin(taskId);
    outbox.appendValue(taskId, 3, taskId);
    // Batches of 1, 2, ... 500 messages.
    if (outbox.waitingBytes < (taskId % 500) * 20) continue;
    sent.push(Buffer.from(outbox.waiting));
    outbox.clear();
    const kept = describeKept(memory);
    assert.deepEqual(kept.at(-2), ["result", taskId]);
    if (kept.length < keptBefore) beganAnew += 1;
    keptBefore = kept.length;
  }
  sent.push(Buffer.from(outbox.waiting));
  assert.ok(beganAnew > 5, `${beganAnew}`);
  const ids: number[] = [];
  const decoder = new FrameDecoder(({ idA }) => ids.push(idA));
  for (const bytes of sent) decoder.push(bytes);
  assert.deepEqual(
    ids,
    Array.from({ length: 20_000 }, (_, i) => i + 1),
  );
});

test("it refuses what is too long for it, and is as it was", () => {
  const memory = new ArrayBuffer(MAPPED_BYTES);
  const outbox = new MappedOutbox(memory, 0);
  assert.deepEqual(describeKept(memory), []);
  const long = { kind: "result", taskId: 1, durationUs: 1, value: Buffer.alloc(MAPPED_BYTES, 0xff) } as const;
  assert.equal(outbox.append(long), false);
  const half = { ...long, value: Buffer.alloc(30 * 1024, 0xff) };
  let count = 0;
  while (outbox.append(half)) count += 1;
  assert.equal(count, 4);
  assert.equal(describeKept(memory).length, 4);
});

test("whatever was written over it, reading it gives messages or nothing", () => {
  const memory = new ArrayBuffer(MAPPED_BYTES);
  const outbox = new MappedOutbox(memory, 3);
  outbox.appendValue(3, 3, 1);
  const bytes = Buffer.from(memory);
  for (const committed of [0xffff_ffff, MAPPED_BYTES, 17, 1]) {
    bytes.writeUInt32LE(committed, 4);
    assert.ok(Array.isArray(readMappedJournal(bytes)));
  }
  bytes.fill(0xff);
  assert.deepEqual(readMappedJournal(bytes), [{ kind: "started", taskId: 0xffff_ffff }]);
  assert.equal(isMappedJournal(Buffer.alloc(0)), false);
});

test(
  "a worker with many short tasks maps its journal; a crash then harms one task, and none runs twice",
  { skip: !canMap },
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-journal-"));
    try {
      await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
      // As many as it takes; so many are never needed.
      for (let round = 0; round < 50 && !(await executor.submit(hasMappedJournal)); round += 1) {
        await Promise.all(Array.from({ length: 1000 }, (_, i) => executor.submit(add, i, 1)));
      }
      assert.equal(await executor.submit(hasMappedJournal), true);
      const file = path.join(folder, "runs");
      await Promise.all(Array.from({ length: 20 }, (_, i) => executor.submit(noteRun, file, -1 - i, false)));
      const tasks = Array.from({ length: 400 }, (_, i) => executor.submit(noteRun, file, i, i === 200));
      const outcomes = await Promise.allSettled(tasks);
      const failed = outcomes.flatMap((outcome, i) => (outcome.status === "rejected" ? [i] : []));
      assert.deepEqual(failed, [200]);
      assert.ok((await tasks[200]?.exception()) instanceof WorkerCrashedError);
      assert.ok(outcomes.every((outcome, i) => i === 200 || (outcome as { value: unknown }).value === i));
      const runs = readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .map(Number)
        .filter((i) => i >= 0);
      assert.deepEqual(
        runs.toSorted((a, b) => a - b),
        Array.from({ length: 400 }, (_, i) => i),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

for (const ends of [false, true]) {
  const what = ends ? ", even when more is sent after it" : "";
  const name = `a task that writes nonsense to the private pipe harms none whose outcomes still waited for it${what}`;
  test(name, { skip: !canMap }, async () => {
    await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    for (let round = 0; round < 50 && !(await executor.submit(hasMappedJournal)); round += 1) {
      await Promise.all(Array.from({ length: 1000 }, (_, i) => executor.submit(add, i, 1)));
    }
    // Tasks that have run before, so that they are expected to be short and their outcomes leave together.
    await Promise.all(Array.from({ length: 20 }, (_, i) => executor.submit(addOrWriteNonsense, i, false, false)));
    const tasks = Array.from({ length: 60 }, (_, i) => executor.submit(addOrWriteNonsense, i, i === 30, ends));
    const outcomes = await Promise.allSettled(tasks);
    const values = outcomes.map((outcome) => (outcome.status === "rejected" ? "failed" : outcome.value));
    // If it ends, that may have been told or not.
    if (ends) values[30] = "failed";
    assert.deepEqual(
      values,
      Array.from({ length: 60 }, (_, i) => (i === 30 ? "failed" : i)),
    );
  });
}
