/** What a host sends of the reports of a task. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FrameDecoder } from "../../../src/wire/messages/frame-decoder.js";
import { HostTask } from "../../../src/bullmq/host/host-task.js";
import { PooledFunction } from "../../../src/pool/queue/function-table.js";
import { decodeToParent } from "../../../src/wire/messages/message-codec.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeValue } from "../../../src/values/codec.js";

/** The value of a report, and how many were left out before it. */
type Sent = readonly [value: unknown, skippedCount: number];

function readReport(frame: Uint8Array): Sent {
  let sent: Sent | undefined;
  const decoder = new FrameDecoder((each) => {
    const message = decodeToParent(each);
    if (message.kind === "report") sent = [decodeValue(message.value), message.skippedCount];
  });
  decoder.push(Buffer.from(frame));
  assert.ok(sent);
  return sent;
}

test("reports wait while Redis takes no more, the newest win, and none is left when the task has ended", async () => {
  const sent: Sent[] = [];
  let isBusy = true;
  const kind = { name: "task", fn: new PooledFunction(1, new Uint8Array()), callCount: 0, timeoutMs: undefined };
  const task = new HostTask(kind, [], true, {
    onStarted: () => {},
    isBusy: () => isBusy,
    onReport: async (frame) => void sent.push(readReport(frame)),
    onProgress: () => {},
    onLog: () => {},
    onSettled: () => {},
  });
  const report = (value: number): void => {
    const message = { kind: "report", taskId: 1, skippedCount: 0, isLast: false, value: encodeValue(value, "report") };
    task.receiveMessage(message as Parameters<HostTask["receiveMessage"]>[0], {} as never);
  };
  for (let value = 0; value < 150; value += 1) report(value);
  assert.deepEqual(sent, []);
  isBusy = false;
  report(150);
  assert.deepEqual([sent.length, sent[0], sent.at(-1)], [100, [51, 51], [150, 0]]);
  isBusy = true;
  report(151);
  assert.equal(sent.length, 100);
  task.settle({ kind: "ended", error: new Error("over") });
  assert.deepEqual(sent.slice(100), [[151, 0]]);
});
