/** Takes live values out of a message that is being encoded, and keeps what is needed to serve them. */

import process from "node:process";
import type { Duplex } from "node:stream";
import type { Readable } from "node:stream";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";

import { GoalEnd } from "./writing.js";
import { LIVE_OP } from "../wire/messages/protocol.js";
import { MAX_LIVE_VALUES } from "./session.js";
import { Refusal } from "../values/classes/value-writer.js";
import { SendingEnd } from "./reading.js";
import { encodeThrown } from "../values/thrown.js";
import { nodeGoal } from "./adapters.js";
import { nodeSource } from "./adapters.js";
import { onAbort } from "./abort-subscriptions.js";
import { webGoal } from "./adapters.js";
import { unexpected } from "./session.js";
import { webSource } from "./adapters.js";
import type { LiveEnd } from "./session.js";
import type { LiveOp } from "../wire/messages/protocol.js";
import type { LivePort } from "./session.js";
import type { LiveSession } from "./session.js";

/** What goes in place of a live value: its kind, its channels, and what else the other side has to know. */
export const LIVE_KIND = {
  webReadable: 0,
  webWritable: 1,
  nodeReadable: 2,
  nodeWritable: 3,
  nodeDuplex: 4,
  signal: 5,
  abortedSignal: 6,
  blobStream: 7,
  blob: 8,
} as const;

const TOO_MANY = `it is one of more than ${MAX_LIVE_VALUES} live values`;

/** A live value that was offered, and what begins when the other side wants it. */
interface Plan {
  readonly channel: number;
  start(port: LivePort): LiveEnd;
  /** Gives the value back, untouched: it is not sent after all. */
  release(): void;
}

/** The signal itself, aborted here. */
class SignalEnd implements LiveEnd {
  readonly isAwaited = false;
  readonly #stop: () => void;

  constructor(signal: AbortSignal, port: LivePort) {
    const tell = (): void => {
      port.send(LIVE_OP.abort, encodeThrown(signal.reason));
      port.done();
    };
    this.#stop = signal.aborted ? () => {} : onAbort(signal, tell);
    if (signal.aborted) tell();
  }

  /** The other side asks to be told, which it is. */
  receive(op: LiveOp): void {
    if (op !== LIVE_OP.credit) throw unexpected(op);
  }

  close(): void {
    this.#stop();
  }
}

function isInstance(object: object, className: "Readable" | "Writable" | "Duplex"): boolean {
  return object instanceof process.getBuiltinModule("node:stream")[className];
}

/**
 * The way that a socket goes, if it is but one: a pipe's, such as `process.stdin` has one. That of a terminal goes one
 * way, too, though its class says otherwise.
 */
function onlyWay(socket: Socket): "Readable" | "Writable" | undefined {
  const { ReadStream, WriteStream } = process.getBuiltinModule("node:tty");
  if (socket instanceof WriteStream) return "Writable";
  if (socket instanceof ReadStream) return "Readable";
  if (socket.readable === socket.writable) return undefined;
  return socket.readable ? "Readable" : "Writable";
}

function fileParts(blob: Blob): readonly unknown[] {
  // Naming the class would load more than it is worth.
  return "lastModified" in blob && "name" in blob ? [blob.type, blob.name, blob.lastModified] : [blob.type];
}

/** The live values of one message, as their sender has them. */
export class LiveOffers {
  readonly #firstChannel: number;
  readonly #isResult: boolean;
  readonly #plans: Plan[] = [];
  /** Signals among the values, with their channels. */
  #signals: (readonly [channel: number, signal: AbortSignal])[] = [];
  /** Of a result: Blobs whose contents are not known yet. */
  readonly missing: Blob[] = [];
  readonly #contents = new Map<Blob, ArrayBuffer>();

  /**
   * @param isResult - Whether it is for results: the contents of their Blobs can be read only beforehand.
   */
  constructor(firstChannel: number, isResult = false) {
    this.#firstChannel = firstChannel;
    this.#isResult = isResult;
  }

  get isEmpty(): boolean {
    return this.#plans.length === 0;
  }

  /** Whether signals are among them that may be aborted yet. */
  get hasSignals(): boolean {
    return this.#signals.length > 0;
  }

  /** How many live values were taken. */
  get count(): number {
    return this.#plans.length;
  }

  /** Gives back, untouched, what was taken after the first so many: what it was in is not sent after all. */
  takeBack(count: number): void {
    for (const { release } of this.#plans.splice(count)) release();
    this.#signals = this.#signals.filter(([channel]) => channel < this.#firstChannel + count);
    this.missing.length = 0;
  }

  /** Learns the contents of Blobs that were missing. */
  addContents(contents: ReadonlyMap<Blob, ArrayBuffer>): void {
    for (const [blob, content] of contents) this.#contents.set(blob, content);
  }

  /** Takes a live value; gives plain data that stands for it, or why it can't be sent. */
  offer(object: object): unknown {
    if (this.#plans.length >= MAX_LIVE_VALUES) return new Refusal(TOO_MANY);
    if (object instanceof AbortSignal) return this.#offerSignal(object);
    if (object instanceof Blob) return this.#offerBlob(object);
    if (object instanceof ReadableStream) return this.#offerWebReadable(object);
    if (object instanceof WritableStream) return this.#offerWebWritable(object);
    return this.#offerNodeStream(object);
  }

  #add(start: (port: LivePort) => LiveEnd, release: () => void = () => {}): number {
    const channel = this.#firstChannel + this.#plans.length;
    this.#plans.push({ channel, start, release });
    return channel;
  }

  #offerSignal(signal: AbortSignal): unknown {
    if (signal.aborted) return [LIVE_KIND.abortedSignal, encodeThrown(signal.reason, { isNested: true })];
    if (this.#isResult) return new Refusal("it is an AbortSignal, which lives only while its task runs");
    const channel = this.#add((port) => new SignalEnd(signal, port));
    this.#signals.push([channel, signal]);
    return [LIVE_KIND.signal, channel];
  }

  #offerBlob(blob: Blob): unknown {
    if (!this.#isResult) {
      const channel = this.#add((port) => new SendingEnd(webSource(blob.stream().getReader()), port));
      return [LIVE_KIND.blobStream, channel, ...fileParts(blob)];
    }
    const content = this.#contents.get(blob);
    if (content === undefined) this.missing.push(blob);
    return [LIVE_KIND.blob, content, ...fileParts(blob)];
  }

  #offerWebReadable(stream: ReadableStream<unknown>): unknown {
    if (stream.locked) return new Refusal("it is a ReadableStream that is locked: somebody else reads it");
    const reader = stream.getReader();
    const start = (port: LivePort): LiveEnd => new SendingEnd(webSource(reader), port);
    return [LIVE_KIND.webReadable, this.#add(start, () => reader.releaseLock())];
  }

  #offerWebWritable(stream: WritableStream<unknown>): unknown {
    if (stream.locked) return new Refusal("it is a WritableStream that is locked: somebody else writes to it");
    const writer = stream.getWriter();
    const start = (port: LivePort): LiveEnd => new GoalEnd(webGoal(writer), port);
    return [LIVE_KIND.webWritable, this.#add(start, () => writer.releaseLock())];
  }

  #offerNodeStream(object: object): unknown {
    if ((object as Readable | Writable).destroyed) return new Refusal("it is a stream that is destroyed or has ended");
    const isSocket = object instanceof process.getBuiltinModule("node:net").Socket;
    const way = isSocket ? onlyWay(object) : undefined;
    if (isSocket && way === undefined) {
      return new Refusal("it is a socket: pass what is read from it, such as Readable.from(socket)");
    }
    if (way === undefined && isInstance(object, "Duplex")) {
      const duplex = object as Duplex;
      const reading = this.#add((port) => new SendingEnd(nodeSource(duplex), port));
      const writing = this.#add((port) => new GoalEnd(nodeGoal(duplex), port));
      return [LIVE_KIND.nodeDuplex, reading, writing, duplex.readableObjectMode, duplex.writableObjectMode];
    }
    if (way !== "Writable" && isInstance(object, "Readable")) {
      const readable = object as Readable;
      const channel = this.#add((port) => new SendingEnd(nodeSource(readable), port));
      return [LIVE_KIND.nodeReadable, channel, readable.readableObjectMode];
    }
    if (!isInstance(object, "Writable")) return new Refusal("it is a stream of an unknown kind");
    const writable = object as Writable;
    const channel = this.#add((port) => new GoalEnd(nodeGoal(writable), port));
    return [LIVE_KIND.nodeWritable, channel, writable.writableObjectMode];
  }

  /** Tells of signals that were aborted after the message was made, which its receiver is about to take. */
  tellAborted(send: (channel: number, op: LiveOp, payload: Uint8Array) => void): void {
    for (const [channel, signal] of this.#signals) {
      if (signal.aborted) send(channel, LIVE_OP.abort, encodeThrown(signal.reason));
    }
  }

  /** Begins to serve all, in a session with the process that has the message. */
  start(session: LiveSession): void {
    for (const { channel, start } of this.#plans) session.open(channel, start);
    this.#plans.length = 0;
  }

  /** Gives all back, untouched. */
  release(): void {
    for (const { release } of this.#plans) release();
    this.#plans.length = 0;
  }
}
