/** Messages to frames and back: the only place that knows the numbers behind the kinds. */

import { COMPACT_TAG } from "../../values/compact/write.js";
import { FrameWriter } from "./frame.js";
import { LIVE_OP } from "./protocol.js";
import { ProtocolError } from "../../errors.js";
import { HEADER_BYTES } from "./frame.js";
import { ReceivedFrame } from "./frame-decoder.js";
import { decodeCompact } from "../../values/compact/read.js";
import { encodeFrame } from "./frame.js";
import { encodeValue } from "../../values/codec.js";
import { makeFrame } from "./frame.js";
import { readUint32 } from "./frame-decoder.js";
import { NO_BYTES } from "./frame.js";
import { writePlainFrame } from "./frame.js";
import type { Frame } from "./frame.js";
import type { LiveMessage } from "./protocol.js";
import type { LiveOp } from "./protocol.js";
import type { ReportMessage } from "./protocol.js";
import type { TaskMessage } from "./protocol.js";
import type { ToParentMessage } from "./protocol.js";
import type { ToWorkerMessage } from "./protocol.js";

const TO_WORKER = {
  initialize: 1,
  function: 2,
  forget: 3,
  task: 4,
  cancel: 5,
  shutdown: 6,
  live: 7,
  hear: 8,
  release: 32,
} as const;
const TO_PARENT = {
  ready: 65,
  initializeFailed: 66,
  started: 67,
  result: 68,
  // One on the wire, as what is read is the same.
  value: 68,
  failure: 69,
  log: 70,
  retiring: 71,
  mark: 72,
  live: 73,
  report: 74,
} as const;

/** Names longer than this, in UTF-16 code units, are cut: a frame has room for 65535 bytes of a name. */
const MAX_NAME_LENGTH = 1000;

/** Values up to this size, in bytes, are decoded without being cut out of what was read. */
const DECODED_BELOW_BYTES = 256;

const FLAG_CHUNK = 1;
const FLAG_ANNOUNCED = 2;
const FLAG_SAME_NAME = 4;
const FLAG_LONG = 8;
const FLAG_GOES_ON = 16;
const FLAG_CONFIGURER = 1;
const FLAG_JOURNAL = 1;
const FLAG_PINNED = 1;
const FLAG_LAST = 1;

function taskFlags({ isChunk, goesOn, isAnnounced, isLong }: TaskMessage, hasSameName: boolean): number {
  const startFlags = (isAnnounced ? FLAG_ANNOUNCED : 0) | (isLong ? FLAG_LONG : 0);
  const chunkFlags = (isChunk ? FLAG_CHUNK : 0) | (goesOn ? FLAG_GOES_ON : 0);
  return chunkFlags | startFlags | (hasSameName ? FLAG_SAME_NAME : 0);
}

/** A message to a worker as a frame; of a task with a plain list as arguments, the frame without them. */
function frameToWorker(message: ToWorkerMessage): Frame {
  const kind = TO_WORKER[message.kind];
  switch (message.kind) {
    case "initialize":
      return makeFrame(kind, { flags: message.hasJournal ? FLAG_JOURNAL : 0, payload: message.settings });
    case "function":
      return makeFrame(kind, { idA: message.functionId, payload: message.pickle });
    case "forget":
      return makeFrame(kind, { idA: message.functionId });
    case "task":
      return taskFrame(message, message.taskName);
    case "release":
    case "hear":
      return makeFrame(kind, { idA: message.taskId });
    case "cancel":
      return makeFrame(kind, { idA: message.taskId, payload: message.reason });
    case "live":
      return liveFrame(kind, message);
    case "shutdown":
      return makeFrame(kind);
  }
}

/** Of a task with a plain list as arguments, the frame without them. */
function taskFrame(task: TaskMessage, name: string | undefined): Frame {
  return {
    kind: TO_WORKER.task,
    flags: taskFlags(task, name === undefined),
    idA: task.taskId,
    idB: task.functionId,
    name: name?.slice(0, MAX_NAME_LENGTH) ?? "",
    payload: task.args instanceof Uint8Array ? task.args : NO_BYTES,
  };
}

function liveFrame(kind: number, { taskId, channel, op, payload }: LiveMessage): Frame {
  return { kind, flags: op, idA: taskId, idB: channel, name: "", payload };
}

/** @throws ProtocolError for an operation that there is not. */
function readLive({ flags, idA, idB, payload }: Frame): LiveMessage {
  if (flags > LIVE_OP.result) throw new ProtocolError(`Nothing on a live value has number ${flags}.`);
  return { kind: "live", taskId: idA, channel: idB, op: flags as LiveOp, payload };
}

/** Appends a message to a worker. */
export function appendToWorker(writer: FrameWriter, message: ToWorkerMessage): void {
  const frame = frameToWorker(message);
  if (message.kind === "task" && !(message.args instanceof Uint8Array)) writer.appendList(frame, message.args);
  else writer.append(frame);
}

/** Appends the message `task` for a task whose name is that of the task before. */
export function appendNamelessTask(writer: FrameWriter, task: TaskMessage): void {
  const { args, taskId, functionId } = task;
  const flags = taskFlags(task, true);
  if (!(args instanceof Uint8Array)) writer.appendPlain(TO_WORKER.task, flags, taskId, functionId, args);
  else if (!writer.appendShort(TO_WORKER.task, flags, taskId, functionId, args)) {
    writer.append(taskFrame(task, undefined));
  }
}

/** Encodes a message to a worker as the buffers to write, in order. */
export function encodeToWorker(message: ToWorkerMessage): readonly Uint8Array[] {
  const writer = new FrameWriter();
  appendToWorker(writer, message);
  return writer.take();
}

/** @throws ProtocolError for a kind that no parent sends. */
export function decodeToWorker(frame: Frame): ToWorkerMessage {
  switch (frame.kind) {
    case TO_WORKER.initialize:
      return { kind: "initialize", hasJournal: (frame.flags & FLAG_JOURNAL) !== 0, settings: frame.payload };
    case TO_WORKER.function:
      return { kind: "function", functionId: frame.idA, pickle: frame.payload };
    case TO_WORKER.forget:
      return { kind: "forget", functionId: frame.idA };
    case TO_WORKER.task:
      return {
        kind: "task",
        taskId: frame.idA,
        functionId: frame.idB,
        isChunk: (frame.flags & FLAG_CHUNK) !== 0,
        goesOn: (frame.flags & FLAG_GOES_ON) !== 0,
        isAnnounced: (frame.flags & FLAG_ANNOUNCED) !== 0,
        isLong: (frame.flags & FLAG_LONG) !== 0,
        taskName: (frame.flags & FLAG_SAME_NAME) === 0 ? frame.name : undefined,
        args: argumentsOf(frame),
      };
    case TO_WORKER.release:
      return { kind: "release", taskId: frame.idA };
    case TO_WORKER.hear:
      return { kind: "hear", taskId: frame.idA };
    case TO_WORKER.cancel:
      return { kind: "cancel", taskId: frame.idA, reason: frame.payload };
    case TO_WORKER.live:
      return readLive(frame);
    case TO_WORKER.shutdown:
      return { kind: "shutdown" };
    default:
      throw new ProtocolError(`No message to a worker has kind ${frame.kind}.`);
  }
}

/** Whether frames of this kind bring a task's outcome. */
export function isOutcomeKind(kind: number): boolean {
  return kind === TO_PARENT.result || kind === TO_PARENT.failure;
}

/** A message to the parent as a frame. */
export function frameToParent(message: ToParentMessage): Frame {
  const kind = TO_PARENT[message.kind];
  switch (message.kind) {
    case "ready":
      return makeFrame(kind, { idA: message.protocolVersion });
    case "initializeFailed":
      return makeFrame(kind, { flags: message.isConfigurer ? FLAG_CONFIGURER : 0, payload: message.error });
    case "started":
      return makeFrame(kind, { idA: message.taskId });
    case "result":
      return outcomeFrame(kind, message, message.value);
    case "value":
      return outcomeFrame(kind, message, encodeValue(message.value, "result"));
    case "failure":
      return outcomeFrame(kind, message, message.error);
    case "log":
      return makeFrame(kind, { payload: message.record });
    case "report":
      return reportFrame(kind, message);
    case "retiring":
      return makeFrame(kind, { idA: message.firstUnbegun });
    case "live":
      return liveFrame(kind, message);
    case "mark":
      return makeFrame(kind, { idA: message.epoch, idB: message.sizeBytes });
  }
}

/**
 * Writes the message `value` as its frame.
 *
 * @param target - Has room for MAX_PLAIN_FRAME_BYTES from `at` on.
 * @returns The position behind it.
 */
export function writeSmallResult(
  target: Buffer,
  at: number,
  taskId: number,
  durationUs: number,
  value: unknown,
): number {
  return writePlainFrame(target, at, TO_PARENT.value, taskId, durationUs, value);
}

/** Appends the message `value`. */
export function appendSmallResult(writer: FrameWriter, taskId: number, durationUs: number, value: unknown): void {
  writer.appendPlainValue(TO_PARENT.value, taskId, durationUs, value);
}

function reportFrame(kind: number, { isLast, skippedCount, taskId, value }: ReportMessage): Frame {
  return makeFrame(kind, { flags: isLast ? FLAG_LAST : 0, idA: taskId, idB: skippedCount, payload: value });
}

function readReport({ flags, idA, idB, payload }: Frame): ReportMessage {
  return { kind: "report", taskId: idA, skippedCount: idB, isLast: (flags & FLAG_LAST) !== 0, value: payload };
}

type Outcome = Extract<ToParentMessage, { kind: "result" | "failure" }>;
type PlainOutcome = Extract<ToParentMessage, { kind: "value" }>;

function outcomeFrame(kind: number, message: Outcome | PlainOutcome, payload: Uint8Array): Frame {
  const flags = message.kind !== "value" && message.isPinned === true ? FLAG_PINNED : 0;
  return { kind, flags, idA: message.taskId, idB: message.durationUs, name: "", payload };
}

function withPins(message: Outcome, frame: Frame): Outcome {
  return (frame.flags & FLAG_PINNED) === 0 ? message : { ...message, isPinned: true };
}

/** Encodes a message to the parent as the buffers to write, in order. */
export function encodeToParent(message: ToParentMessage): Uint8Array[] {
  return encodeFrame(frameToParent(message));
}

/** The arguments of a task, at once decoded if they are short. */
function argumentsOf(frame: Frame): Uint8Array | readonly unknown[] {
  if (!(frame instanceof ReceivedFrame)) return frame.payload;
  const { source, from, to } = frame;
  if (source[from] !== COMPACT_TAG || to - from > DECODED_BELOW_BYTES) return frame.payload;
  try {
    const list = decodeCompact(source, from, to);
    return Array.isArray(list) ? list : frame.payload;
  } catch {
    // Damaged: the task is to hear of it, when it decodes them itself.
    return frame.payload;
  }
}

/** Takes results. */
interface ValueReceiver {
  receiveValue(taskId: number, durationUs: number, value: unknown): void;
}

/**
 * Hands over the result that a frame brings, if it is a small plain value: what most frames are, so that none of them
 * needs an object of its own.
 *
 * @param at - Where the frame begins in `bytes`; it ends at `to`.
 * @returns Whether it was handed over.
 */
export function takeSmallResult(bytes: Buffer, at: number, to: number, receiver: ValueReceiver): boolean {
  const from = at + HEADER_BYTES;
  if (bytes[at + 4] !== TO_PARENT.result || bytes[from] !== COMPACT_TAG) return false;
  if (to - from > DECODED_BELOW_BYTES) return false;
  // Flags, and the length of a name.
  if (((bytes[at + 5] as number) | (bytes[at + 6] as number) | (bytes[at + 7] as number)) !== 0) return false;
  let value: unknown;
  try {
    value = decodeCompact(bytes, from, to);
  } catch {
    // Damaged: who waits for it is to hear of it, when he decodes it himself.
    return false;
  }
  receiver.receiveValue(readUint32(bytes, at + 8), readUint32(bytes, at + 12), value);
  return true;
}

/** @throws ProtocolError for a kind that no worker sends. */
export function decodeToParent(frame: Frame): ToParentMessage {
  switch (frame.kind) {
    case TO_PARENT.ready:
      return { kind: "ready", protocolVersion: frame.idA };
    case TO_PARENT.initializeFailed:
      return {
        kind: "initializeFailed",
        isConfigurer: (frame.flags & FLAG_CONFIGURER) !== 0,
        error: frame.payload,
      };
    case TO_PARENT.started:
      return { kind: "started", taskId: frame.idA };
    case TO_PARENT.result:
      return withPins({ kind: "result", taskId: frame.idA, durationUs: frame.idB, value: frame.payload }, frame);
    case TO_PARENT.failure:
      return withPins({ kind: "failure", taskId: frame.idA, durationUs: frame.idB, error: frame.payload }, frame);
    case TO_PARENT.log:
      return { kind: "log", record: frame.payload };
    case TO_PARENT.report:
      return readReport(frame);
    case TO_PARENT.retiring:
      return { kind: "retiring", firstUnbegun: frame.idA };
    case TO_PARENT.live:
      return readLive(frame);
    case TO_PARENT.mark:
      return { kind: "mark", epoch: frame.idA, sizeBytes: frame.idB };
    default:
      throw new ProtocolError(`No message to a parent has kind ${frame.kind}.`);
  }
}
