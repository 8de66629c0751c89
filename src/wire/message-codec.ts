/** Messages to frames and back: the only place that knows the numbers behind the kinds. */

import { ProtocolError } from "../errors.js";
import { encodeFrame } from "./frame.js";
import { makeFrame } from "./frame.js";
import type { Frame } from "./frame.js";
import type { ToParentMessage } from "./protocol.js";
import type { ToWorkerMessage } from "./protocol.js";

const TO_WORKER = { initialize: 1, function: 2, forget: 3, task: 4, cancel: 5, shutdown: 6 } as const;
const TO_PARENT = {
  ready: 65,
  initializeFailed: 66,
  started: 67,
  result: 68,
  failure: 69,
  log: 70,
  retiring: 71,
} as const;

/** Names longer than this, in UTF-16 code units, are cut: a frame has room for 65535 bytes of a name. */
const MAX_NAME_LENGTH = 1000;

const FLAG_CHUNK = 1;
const FLAG_CONFIGURER = 1;

/** A message to a worker as a frame. */
export function frameToWorker(message: ToWorkerMessage): Frame {
  const kind = TO_WORKER[message.kind];
  switch (message.kind) {
    case "initialize":
      return makeFrame(kind, { payload: message.settings });
    case "function":
      return makeFrame(kind, { idA: message.functionId, payload: message.pickle });
    case "forget":
      return makeFrame(kind, { idA: message.functionId });
    case "task":
      return {
        kind,
        flags: message.isChunk ? FLAG_CHUNK : 0,
        idA: message.taskId,
        idB: message.functionId,
        name: message.taskName.slice(0, MAX_NAME_LENGTH),
        payload: message.args,
      };
    case "cancel":
      return makeFrame(kind, { idA: message.taskId, payload: message.reason });
    case "shutdown":
      return makeFrame(kind);
  }
}

/** Encodes a message to a worker as the buffers to write, in order. */
export function encodeToWorker(message: ToWorkerMessage): Uint8Array[] {
  return encodeFrame(frameToWorker(message));
}

/** @throws ProtocolError for a kind that no parent sends. */
export function decodeToWorker(frame: Frame): ToWorkerMessage {
  switch (frame.kind) {
    case TO_WORKER.initialize:
      return { kind: "initialize", settings: frame.payload };
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
        taskName: frame.name,
        args: frame.payload,
      };
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
      return outcomeFrame(kind, message.taskId, message.durationUs, message.value);
    case "failure":
      return outcomeFrame(kind, message.taskId, message.durationUs, message.error);
    case "log":
      return makeFrame(kind, { payload: message.record });
    case "retiring":
      return makeFrame(kind, { idA: message.firstUnbegun });
  }
}

function outcomeFrame(kind: number, idA: number, idB: number, payload: Uint8Array): Frame {
  return { kind, flags: 0, idA, idB, name: "", payload };
}

/** Encodes a message to the parent as the buffers to write, in order. */
export function encodeToParent(message: ToParentMessage): Uint8Array[] {
  return encodeFrame(frameToParent(message));
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
      return { kind: "result", taskId: frame.idA, durationUs: frame.idB, value: frame.payload };
    case TO_PARENT.failure:
      return { kind: "failure", taskId: frame.idA, durationUs: frame.idB, error: frame.payload };
    case TO_PARENT.log:
      return { kind: "log", record: frame.payload };
    case TO_PARENT.retiring:
      return { kind: "retiring", firstUnbegun: frame.idA };
    default:
      throw new ProtocolError(`No message to a parent has kind ${frame.kind}.`);
  }
}
