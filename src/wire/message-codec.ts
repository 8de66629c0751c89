/** Messages to frames and back: the only place that knows the numbers behind the kinds. */

import { COMPACT_TAG } from "./codec-compact.js";
import { DecodedValue } from "./protocol.js";
import { FrameWriter } from "./frame.js";
import { ProtocolError } from "../errors.js";
import { ReceivedFrame } from "./frame-decoder.js";
import { decodeCompact } from "./codec-compact-reader.js";
import { encodeFrame } from "./frame.js";
import { encodeValue } from "./codec.js";
import { makeFrame } from "./frame.js";
import type { Frame } from "./frame.js";
import type { ToParentMessage } from "./protocol.js";
import type { ToWorkerMessage } from "./protocol.js";

const TO_WORKER = { initialize: 1, function: 2, forget: 3, task: 4, cancel: 5, shutdown: 6, release: 32 } as const;
const TO_PARENT = {
  ready: 65,
  initializeFailed: 66,
  started: 67,
  result: 68,
  failure: 69,
  log: 70,
  retiring: 71,
  mark: 72,
} as const;

/** Names longer than this, in UTF-16 code units, are cut: a frame has room for 65535 bytes of a name. */
const MAX_NAME_LENGTH = 1000;

/** Results up to this size are decoded without being cut out of what was read. */
const DECODED_BELOW_BYTES = 256;

const NO_BYTES = new Uint8Array(0);

const FLAG_CHUNK = 1;
const FLAG_ANNOUNCED = 2;
const FLAG_CONFIGURER = 1;
const FLAG_JOURNAL = 1;
const FLAG_PINNED = 1;

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
      return {
        kind,
        flags: (message.isChunk ? FLAG_CHUNK : 0) | (message.isAnnounced ? FLAG_ANNOUNCED : 0),
        idA: message.taskId,
        idB: message.functionId,
        name: message.taskName.slice(0, MAX_NAME_LENGTH),
        payload: message.args instanceof Uint8Array ? message.args : NO_BYTES,
      };
    case "release":
      return makeFrame(kind, { idA: message.taskId });
    case "cancel":
      return makeFrame(kind, { idA: message.taskId, payload: message.reason });
    case "shutdown":
      return makeFrame(kind);
  }
}

/** Appends a message to a worker. */
export function appendToWorker(writer: FrameWriter, message: ToWorkerMessage): void {
  const frame = frameToWorker(message);
  if (message.kind === "task" && !(message.args instanceof Uint8Array)) writer.appendList(frame, message.args);
  else writer.append(frame);
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
        isAnnounced: (frame.flags & FLAG_ANNOUNCED) !== 0,
        taskName: frame.name,
        args: frame.payload,
      };
    case TO_WORKER.release:
      return { kind: "release", taskId: frame.idA };
    case TO_WORKER.cancel:
      return { kind: "cancel", taskId: frame.idA, reason: frame.payload };
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
      return outcomeFrame(kind, message, bytesOf(message.value));
    case "failure":
      return outcomeFrame(kind, message, message.error);
    case "log":
      return makeFrame(kind, { payload: message.record });
    case "retiring":
      return makeFrame(kind, { idA: message.firstUnbegun });
    case "mark":
      return makeFrame(kind, { idA: message.epoch, idB: message.sizeBytes });
  }
}

/** Only a parent has decoded values, and it sends none. */
function bytesOf(value: Uint8Array | DecodedValue): Uint8Array {
  return value instanceof Uint8Array ? value : encodeValue(value.value, "result");
}

type Outcome = Extract<ToParentMessage, { kind: "result" | "failure" }>;

function outcomeFrame(kind: number, message: Outcome, payload: Uint8Array): Frame {
  const flags = message.isPinned === true ? FLAG_PINNED : 0;
  return { kind, flags, idA: message.taskId, idB: message.durationUs, name: "", payload };
}

function withPins(message: Outcome, frame: Frame): Outcome {
  return (frame.flags & FLAG_PINNED) === 0 ? message : { ...message, isPinned: true };
}

/** Encodes a message to the parent as the buffers to write, in order. */
export function encodeToParent(message: ToParentMessage): Uint8Array[] {
  return encodeFrame(frameToParent(message));
}

/** The value of a result, at once if it is small. */
function valueOf(frame: Frame): Uint8Array | DecodedValue {
  if (!(frame instanceof ReceivedFrame)) return frame.payload;
  const { source, from, to } = frame;
  if (source[from] !== COMPACT_TAG || to - from > DECODED_BELOW_BYTES) return frame.payload;
  try {
    return new DecodedValue(decodeCompact(source, from, to));
  } catch {
    // Damaged: who waits for it is to hear of it, when he decodes it himself.
    return frame.payload;
  }
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
      return withPins({ kind: "result", taskId: frame.idA, durationUs: frame.idB, value: valueOf(frame) }, frame);
    case TO_PARENT.failure:
      return withPins({ kind: "failure", taskId: frame.idA, durationUs: frame.idB, error: frame.payload }, frame);
    case TO_PARENT.log:
      return { kind: "log", record: frame.payload };
    case TO_PARENT.retiring:
      return { kind: "retiring", firstUnbegun: frame.idA };
    case TO_PARENT.mark:
      return { kind: "mark", epoch: frame.idA, sizeBytes: frame.idB };
    default:
      throw new ProtocolError(`No message to a parent has kind ${frame.kind}.`);
  }
}
