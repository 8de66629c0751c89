/** What an executor and its hosts tell each other. */

import { FrameDecoder } from "../../wire/messages/frame-decoder.js";
import { ProtocolError } from "../../errors.js";
import { decodeToParent } from "../../wire/messages/message-codec.js";
import { decodeToWorker } from "../../wire/messages/message-codec.js";
import { encodeToParent } from "../../wire/messages/message-codec.js";
import { encodeThrown } from "../../values/thrown.js";
import { encodeToWorker } from "../../wire/messages/message-codec.js";
import { isPlainList } from "../../values/compact/write.js";
import type { PackedValue } from "./large-values.js";
import type { TaskMessage } from "../../wire/messages/protocol.js";
import type { ToParentMessage } from "../../wire/messages/protocol.js";

/** A job as BullMQ keeps it, as JSON: everything that a host must know of a task. */
export interface JobData {
  /** The export of the task module. */
  readonly fn: string;
  /** The frame of a task message. */
  readonly task: PackedValue;
  /** Who waits for the outcome. */
  readonly producer: string;
  /** Of a chunk, how many calls it is; else 0. */
  readonly callCount: number;
  readonly timeoutMs?: number;
  /** Somebody listens to what it reports. */
  readonly isHeard?: true;
  /** What it logs goes to whoever waits for it; else the host prints it. */
  readonly isLogged?: true;
  /** The producer with which it is to end. */
  readonly endsWith?: string;
}

/** What a producer tells the hosts of its queue: the one that runs the job acts on it. */
export type HostCommand =
  | { readonly kind: "cancel"; readonly id: string; readonly reason: string }
  | { readonly kind: "hear"; readonly id: string }
  /** Whoever runs it tells of its start again. */
  | { readonly kind: "where"; readonly id: string }
  | { readonly kind: "signal"; readonly id: string; readonly signal: NodeJS.Signals | number };

/** Where a task runs. */
export interface RunningPlace {
  readonly host: string;
  readonly pid: number;
  readonly startTime?: number;
}

/** What a host tells the producer of a job. */
export type HostNews =
  | { readonly kind: "started"; readonly id: string; readonly place: RunningPlace }
  | { readonly kind: "report" | "outcome" | "log"; readonly id: string; readonly frame: Uint8Array }
  /** The outcome lies in a store: as JSON, unchecked. */
  | { readonly kind: "stored"; readonly id: string; readonly value: unknown };

const NEWS = ["started", "report", "outcome", "log", "stored"] as const;

const HEAD_BYTES = 3;

/** One message of a channel: kind (1 byte), length of the id (2, little-endian), the id, the rest. */
export function encodeNews(news: HostNews): Buffer {
  const id = Buffer.from(news.id);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(NEWS.indexOf(news.kind), 0);
  head.writeUInt16LE(id.length, 1);
  return Buffer.concat([head, id, restOf(news)]);
}

function restOf(news: HostNews): Uint8Array {
  if (news.kind === "started") return Buffer.from(JSON.stringify(news.place));
  return news.kind === "stored" ? Buffer.from(JSON.stringify(news.value)) : news.frame;
}

/** The outcome of a job as news, as far as it is known. */
export function outcomeNews(id: string, value: unknown, frame?: Uint8Array): HostNews {
  if (typeof value !== "string") return { kind: "stored", id, value };
  return { kind: "outcome", id, frame: frame ?? Buffer.from(value, "base64") };
}

/** Reads a message of a channel; `undefined` for what no host sends. */
export function decodeNews(bytes: Buffer): HostNews | undefined {
  const kind = bytes.length < HEAD_BYTES ? undefined : NEWS[bytes.readUInt8(0)];
  if (kind === undefined) return undefined;
  const end = HEAD_BYTES + bytes.readUInt16LE(1);
  const id = bytes.toString("utf8", HEAD_BYTES, end);
  const rest = bytes.subarray(end);
  if (kind === "stored") return { kind, id, value: parseObject(rest.toString()) };
  if (kind !== "started") return { kind, id, frame: rest };
  const place = parseObject<RunningPlace>(rest.toString());
  if (typeof place?.host !== "string" || !Number.isSafeInteger(place.pid)) return undefined;
  return { kind, id, place: place as RunningPlace };
}

/** Reads what a producer tells; `undefined` for anything else. */
export function decodeCommand(text: string): HostCommand | undefined {
  const command = parseObject<HostCommand>(text);
  return typeof command?.id === "string" && typeof command.kind === "string" ? (command as HostCommand) : undefined;
}

/** Whatever it has of what is expected. */
function parseObject<T>(json: string): Partial<T> | undefined {
  try {
    const parsed: unknown = JSON.parse(json);
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** A task as one frame. */
export function encodeTask(task: TaskMessage): Buffer {
  return Buffer.concat(encodeToWorker(task));
}

/** What a host or a worker says of a task as one frame. */
export function encodeFrame(message: ToParentMessage): Buffer {
  return Buffer.concat(encodeToParent(message));
}

/** @throws ProtocolError for bytes that are no task. */
export function decodeTask(bytes: Uint8Array): TaskMessage {
  let task: TaskMessage | undefined;
  const decoder = new FrameDecoder((frame) => {
    const message = decodeToWorker(frame);
    if (message.kind !== "task") return;
    const { args } = message;
    // Whatever else was decoded need not be what can be encoded again.
    task = args instanceof Uint8Array || isPlainList(args) ? message : { ...message, args: frame.payload };
  });
  decoder.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (task === undefined) throw new ProtocolError("A job holds no task.");
  return task;
}

/** @throws ProtocolError for bytes that are no message of a worker. */
export function decodeFrame(bytes: Uint8Array): ToParentMessage {
  let message: ToParentMessage | undefined;
  const decoder = new FrameDecoder((frame) => (message = decodeToParent(frame)));
  decoder.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (message === undefined) throw new ProtocolError("A host has sent something that is no message.");
  return message;
}

/** An error of this process's own as the outcome of a task. */
export function encodeFailure(error: Error): Buffer {
  return encodeFrame({ kind: "failure", taskId: 1, durationUs: 0, error: encodeThrown(error) });
}
