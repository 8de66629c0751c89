import assert from "node:assert/strict";
import { closeSync } from "node:fs";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { writeSync } from "node:fs";

import { MAPPED_BYTES } from "../../../src/wire/journal/mapped-journal.js";
import { MappedOutbox } from "../../../src/wire/journal/mapped-journal.js";
import { WorkerJournal } from "../../../src/wire/journal/journal-file.js";
import { encodeToParent } from "../../../src/wire/messages/message-codec.js";
import { readJournal } from "../../../src/wire/journal/journal.js";
import type { ToParentMessage } from "../../../src/wire/messages/protocol.js";

function bytesOf(...messages: readonly ToParentMessage[]): Buffer {
  return Buffer.concat(messages.flatMap(encodeToParent));
}

const started = (taskId: number): ToParentMessage => ({ kind: "started", taskId });
const mark = (epoch: number, sizeBytes: number): ToParentMessage => ({ kind: "mark", epoch, sizeBytes });
const result = (taskId: number): ToParentMessage => ({
  kind: "result",
  taskId,
  durationUs: 3,
  value: Uint8Array.of(0xff, taskId),
});

test("a journal gives the messages of its records, in order", () => {
  const bytes = bytesOf(mark(7, 0), started(1), mark(7, 32), result(1), started(2), mark(8, 50));
  assert.deepEqual(
    readJournal(bytes).map((message) => [message.kind, (message as { taskId: number }).taskId]),
    [
      ["started", 1],
      ["result", 1],
      ["started", 2],
    ],
  );
  assert.deepEqual(readJournal(Buffer.alloc(0)), []);
});

test("a record that was cut short anywhere counts as not written, and those before it count", () => {
  const whole = bytesOf(mark(7, 0), started(1), mark(7, 32));
  const bytes = Buffer.concat([whole, bytesOf(result(1), started(2), mark(8, 50))]);
  for (let length = 0; length < bytes.byteLength; length += 1) {
    const expected = length >= whole.byteLength ? 1 : 0;
    assert.equal(readJournal(bytes.subarray(0, length)).length, expected, `cut to ${length} bytes`);
  }
});

test("what is left of an earlier round doesn't count, also where a new record was cut in the middle of it", () => {
  const earlier = bytesOf(mark(3, 0), started(1), mark(3, 32), result(1), started(2), mark(4, 50));
  const later = bytesOf(mark(5, 0), started(3), mark(5, 32), result(3), started(4), mark(6, 50));
  for (let length = 0; length <= later.byteLength; length += 1) {
    const bytes = Buffer.concat([later.subarray(0, length), earlier.subarray(length)]);
    const taskIds = readJournal(bytes).map((message) => (message as { taskId: number }).taskId);
    // The epoch of the first mark begins at its eighth byte.
    const isNew = length > 8;
    const newRecords = [98, 48].findIndex((end) => bytes.subarray(0, end).equals(later.subarray(0, end)));
    const expected = isNew ? ([[3, 3, 4], [3]][newRecords] ?? []) : [1, 1, 2];
    assert.deepEqual(taskIds, expected, `cut at ${length}`);
  }
});

test("the file has no name, and is gone when it is closed", { skip: process.platform !== "linux" }, () => {
  const journal = WorkerJournal.open();
  assert.ok(journal !== undefined);
  const bytes = bytesOf(mark(1, 0), started(9), mark(1, 32));
  writeSync(journal.fd, bytes, 0, bytes.byteLength, 0);
  assert.deepEqual(journal.read(), [started(9)]);
  assert.deepEqual(journal.readWhileWritten(), [started(9)]);
  assert.equal(journal.lastTask(), 9);
  const { fd } = journal;
  journal.close();
  journal.close();
  assert.equal(existsSync(`/proc/self/fd/${fd}`), false);
  assert.deepEqual(journal.read(), []);
  assert.deepEqual(journal.readWhileWritten(), []);
  assert.equal(journal.lastTask(), 0);
});

test("of a mapped one only what counts is read", { skip: process.platform !== "linux" }, () => {
  const journal = WorkerJournal.open();
  assert.ok(journal !== undefined);
  assert.deepEqual([journal.lastTask(), journal.readWhileWritten()], [0, []]);
  const memory = new ArrayBuffer(MAPPED_BYTES);
  const outbox = new MappedOutbox(memory, 3);
  const write = (): number => writeSync(journal.fd, new Uint8Array(memory), 0, MAPPED_BYTES, 0);
  write();
  assert.deepEqual([journal.lastTask(), journal.readWhileWritten()], [3, [started(3)]]);
  outbox.begin(4);
  outbox.append(result(4));
  outbox.begin(5);
  write();
  assert.equal(journal.lastTask(), 5);
  assert.deepEqual(
    journal.readWhileWritten().map((kept) => [kept.kind, "taskId" in kept ? kept.taskId : 0]),
    [
      ["result", 4],
      ["started", 5],
    ],
  );
  // As a task could write there, by mistake.
  new Uint32Array(memory)[1] = 0xffff_ffff;
  write();
  assert.equal(journal.readWhileWritten().at(-1)?.kind, "started");
  journal.close();
});

test("where no journal can be had there is none, and one whose descriptor is gone is empty", () => {
  assert.equal(WorkerJournal.open("darwin"), undefined);
  assert.equal(WorkerJournal.open("linux", "/nowhere/at/all"), undefined);
  const journal = WorkerJournal.open();
  if (journal === undefined) return;
  closeSync(journal.fd);
  assert.deepEqual(journal.read(), []);
});
