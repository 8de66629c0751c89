/** The parent's end of a worker's pipes, reading in both ways: straight into the decoder's memory, and in chunks. */

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe } from "node:test";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { test } from "node:test";
import type { Readable } from "node:stream";
import type { Writable } from "node:stream";

import { ParentChannel } from "../../../src/wire/parent-channel.js";
import { encodeToParent } from "../../../src/wire/messages/message-codec.js";
import { encodeValue } from "../../../src/values/codec.js";
import { readDirectly } from "../../../src/wire/direct-socket.js";
import { waitUntil } from "../../testlibraries/wait-until.js";
import type { ToParentMessage } from "../../../src/wire/messages/protocol.js";

const LARGE_BYTES = 3_000_000;

/** The number of a task that whoever takes the messages doesn't know. */
const REFUSED_ID = 99;

interface Results {
  readonly into: Writable;
  readonly results: Readable;
  end(): Promise<void>;
}

/** A process that gives back what it is given: its output is a socket of Node's. */
function makeSocket(): Results {
  const child = spawn(process.execPath, ["-e", "process.stdin.pipe(process.stdout)"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  return {
    into: child.stdin,
    results: child.stdout,
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

function makeStream(): Results {
  const stream = new PassThrough();
  return {
    into: stream,
    results: stream,
    end: () => {
      stream.end();
      return Promise.resolve();
    },
  };
}

/** What a channel tells, in words. */
function listen(results: Readable): { readonly log: string[]; readonly channel: ParentChannel } {
  const log: string[] = [];
  const describeMessage = (message: ToParentMessage): string =>
    message.kind === "result" ? `result of ${message.value.byteLength} bytes` : message.kind;
  const channel = new ParentChannel({ tasks: new PassThrough(), results, lifeline: new PassThrough() });
  const receive = (message: ToParentMessage): void => {
    log.push(describeMessage(message));
    if ("taskId" in message && message.taskId === REFUSED_ID) throw new Error("refused");
  };
  channel.listen(
    {
      receive,
      receiveValue: (_taskId, _durationUs, value) => log.push(`value ${String(value)}`),
      onPause: () => log.at(-1) !== "pause" && log.push("pause"),
    },
    {
      receive,
      onWatchdogMessage: () => {},
      onNonsense: (error) => log.push(`nonsense: ${String(error)}`),
      onEnd: () => log.push("end"),
      onOtherEnd: () => {},
    },
  );
  return { log, channel };
}

function write(into: Writable, ...messages: readonly ToParentMessage[]): void {
  for (const buffer of messages.flatMap(encodeToParent)) into.write(buffer);
}

for (const [what, make] of [
  ["a socket", makeSocket],
  ["another stream", makeStream],
] as const) {
  describe(`the results that come by ${what}`, () => {
    test("are handed over as they come, a pause after those that came together, and the end last", async () => {
      const { into, results, end } = make();
      const { log, channel } = listen(results);
      write(into, { kind: "value", taskId: 1, durationUs: 2, value: "one" });
      await waitUntil(() => log.includes("pause"), { what: "the first result" });
      assert.deepEqual(log, ["value one", "pause"]);
      log.length = 0;
      const value = encodeValue("x".repeat(LARGE_BYTES), "result");
      write(into, { kind: "result", taskId: 2, durationUs: 2, value }, { kind: "started", taskId: 3 });
      await waitUntil(() => log.includes("started"), { what: "the notice behind a large result" });
      await end();
      await waitUntil(() => log.at(-1) === "end", { what: "the end" });
      assert.deepEqual(
        log.filter((each) => each !== "pause"),
        [`result of ${value.byteLength} bytes`, "started", "end"],
      );
      channel.destroy();
    });

    test("are nonsense as well when who takes them says so, and the marks of the journal are nothing", async () => {
      const { into, results, end } = make();
      const { log, channel } = listen(results);
      const mark = { kind: "mark", epoch: 1, sizeBytes: 0 } as const;
      write(into, mark, { kind: "started", taskId: REFUSED_ID }, { kind: "started", taskId: 1 });
      await end();
      await waitUntil(() => log.at(-1) === "end", { what: "the end" });
      channel.distrust(new Error("once more"));
      assert.deepEqual(
        log.filter((each) => each !== "pause"),
        ["started", "nonsense: Error: refused", "end"],
      );
      channel.destroy();
    });

    test("are nonsense once, and nothing behind that is taken", async () => {
      const { into, results, end } = make();
      const { log, channel } = listen(results);
      into.write(Buffer.alloc(64, 0xff));
      await waitUntil(() => log.length > 0, { what: "the nonsense" });
      write(into, { kind: "started", taskId: 1 });
      await end();
      await waitUntil(() => log.at(-1) === "end", { what: "the end" });
      assert.match(log[0] ?? "", /^nonsense: ProtocolError/);
      assert.deepEqual(
        log.slice(1).filter((each) => each !== "pause"),
        ["end"],
      );
      channel.destroy();
    });
  });
}

test("tasks and messages leave together when the code that sends comes to a pause, and not at once", async (t) => {
  const tasks = new PassThrough();
  const write = t.mock.method(tasks, "write");
  const channel = new ParentChannel({ tasks, results: new PassThrough(), lifeline: new PassThrough() });
  const sendTask = (taskId: number): void =>
    channel.sendTask({
      kind: "task",
      taskId,
      functionId: 1,
      isChunk: false,
      goesOn: false,
      taskName: "task",
      isAnnounced: false,
      isLong: false,
      args: [],
    });
  const countWrites = (): number => write.mock.callCount();
  sendTask(1);
  channel.send({ kind: "forget", functionId: 2 });
  sendTask(2);
  assert.equal(countWrites(), 0);
  await Promise.resolve();
  assert.equal(countWrites(), 1);
  channel.send({ kind: "forget", functionId: 3 });
  sendTask(3);
  channel.flush();
  assert.equal(countWrites(), 2);
  await Promise.resolve();
  assert.equal(countWrites(), 2);
});

test("only a socket is read directly; where Node has no such handle, nothing happens to it", async () => {
  const onread = { buffer: () => Buffer.alloc(10), callback: () => true };
  assert.equal(readDirectly(new PassThrough(), onread), undefined);
  const { into, results, end } = makeSocket();
  const withoutHandle = Object.create(results, { _handle: { value: {} } }) as Readable;
  assert.equal(readDirectly(withoutHandle, onread), undefined);
  assert.equal(results.destroyed, false);
  const socket = readDirectly(results, onread);
  assert.ok(socket !== undefined);
  assert.equal(results.destroyed, true);
  into.write("five!");
  socket.ref().resume();
  await Promise.all([once(socket, "close"), end()]);
  assert.equal(socket.bytesRead, 5);
});

test("a message that there is no memory for is nonsense, also where it is read to directly, and the rest is ignored", async (t) => {
  const { into, results, end } = makeSocket();
  const { log, channel } = listen(results);
  const allocate = Buffer.allocUnsafeSlow.bind(Buffer);
  t.mock.method(Buffer, "allocUnsafeSlow", (sizeBytes: number) => {
    if (sizeBytes > 1024 * 1024) throw new RangeError("Array buffer allocation failed");
    return allocate(sizeBytes);
  });
  const value = encodeValue("x".repeat(LARGE_BYTES), "result");
  write(into, { kind: "result", taskId: 2, durationUs: 2, value }, { kind: "started", taskId: 3 });
  await waitUntil(() => log.some((each) => each !== "pause"), { what: "the nonsense" });
  await end();
  await waitUntil(() => log.at(-1) === "end", { what: "the end" });
  const told = log.filter((each) => each !== "pause");
  assert.match(told[0] ?? "", /^nonsense: RangeError: There is no memory for a message of 30000\d\d bytes/);
  assert.deepEqual(told.slice(1), ["end"]);
  channel.destroy();
});
