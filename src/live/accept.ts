/** Makes, of what stands for live values in a message that arrived, their counterparts. */

import process from "node:process";

import { damaged } from "../values/classes/damaged.js";
import { LIVE_KIND } from "./offers.js";
import { LIVE_OP } from "../wire/messages/protocol.js";
import { ReceivingEnd } from "./reading.js";
import { WritingEnd } from "./writing.js";
import { creditOf } from "./session.js";
import { decodeThrown } from "../values/thrown.js";
import { nodeDuplex } from "./adapters.js";
import { nodeReadable } from "./adapters.js";
import { nodeWritable } from "./adapters.js";
import { unexpected } from "./session.js";
import { webReadable } from "./adapters.js";
import { webWritable } from "./adapters.js";
import type { LiveEnd } from "./session.js";
import type { LiveOp } from "../wire/messages/protocol.js";
import type { LivePort } from "./session.js";
import type { LiveSession } from "./session.js";

/** A signal that is aborted when that of the other process is. */
class SignalCopy implements LiveEnd {
  readonly isAwaited = false;
  readonly #controller = new AbortController();
  readonly #port: LivePort;

  constructor(port: LivePort) {
    this.#port = port;
    // Asks to be told.
    port.send(LIVE_OP.credit, creditOf(0));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  receive(op: LiveOp, payload: Uint8Array): void {
    if (op !== LIVE_OP.abort) throw unexpected(op);
    this.#port.done();
    this.#controller.abort(decodeThrown(payload));
  }

  /** It is never aborted any more. */
  close(): void {}
}

function unknownKind(): Error {
  return damaged("a live value is of an unknown kind");
}

function makeBlob(parts: readonly Uint8Array<ArrayBuffer>[], about: readonly unknown[]): Blob {
  const [type, name, lastModified] = about;
  if (typeof type !== "string") throw unknownKind();
  if (name === undefined) return new Blob([...parts], { type });
  if (typeof name !== "string" || typeof lastModified !== "number") throw unknownKind();
  const { File } = process.getBuiltinModule("node:buffer");
  return new File([...parts], name, { type, lastModified });
}

async function collectBlob(end: ReceivingEnd, about: readonly unknown[]): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    // One after the other, as they come.
    const { done, value } = await end.read();
    if (done === true) return makeBlob(parts, about);
    if (!(value instanceof Uint8Array)) throw unknownKind();
    parts.push(value as Uint8Array<ArrayBuffer>);
  }
}

function channelOf(value: unknown, firstChannel: number): number {
  if (
    Number.isSafeInteger(value) &&
    (value as number) >= firstChannel &&
    (value as number) < firstChannel + 0x10_0000
  ) {
    return value as number;
  }
  throw unknownKind();
}

/**
 * Makes the counterpart of what was offered; of a Blob whose contents are still to come, the promise of it.
 *
 * @param session - Absent where nothing goes on beside the message: then streams are none that were offered.
 * @param firstChannel - Channels below it belong to other messages.
 * @throws Error for what was never offered.
 */
export function acceptLive(plain: unknown, session: LiveSession | undefined, firstChannel: number): unknown {
  if (!Array.isArray(plain)) throw unknownKind();
  const [kind, first, second, ...more] = plain as readonly unknown[];
  const open = <T extends LiveEnd>(channel: unknown, make: (port: LivePort) => T): T => {
    if (session === undefined) throw unknownKind();
    return session.open(channelOf(channel, firstChannel), make);
  };
  const receiving = (channel: unknown): ReceivingEnd => open(channel, (port) => new ReceivingEnd(port));
  const writing = (channel: unknown): WritingEnd => open(channel, (port) => new WritingEnd(port));
  switch (kind) {
    case LIVE_KIND.webReadable:
      return webReadable(receiving(first));
    case LIVE_KIND.webWritable:
      return webWritable(writing(first));
    case LIVE_KIND.nodeReadable:
      return nodeReadable(receiving(first), second === true);
    case LIVE_KIND.nodeWritable:
      return nodeWritable(writing(first), second === true);
    case LIVE_KIND.nodeDuplex: {
      const [readableObjectMode, writableObjectMode] = more.map((mode) => mode === true);
      return nodeDuplex(receiving(first), writing(second), {
        readableObjectMode: readableObjectMode === true,
        writableObjectMode: writableObjectMode === true,
      });
    }
    case LIVE_KIND.signal:
      return open(first, (port) => new SignalCopy(port)).signal;
    case LIVE_KIND.abortedSignal:
      if (!(first instanceof Uint8Array)) throw unknownKind();
      return AbortSignal.abort(decodeThrown(first));
    case LIVE_KIND.blobStream:
      return collectBlob(receiving(first), [second, ...more]);
    case LIVE_KIND.blob:
      if (!(first instanceof ArrayBuffer)) throw unknownKind();
      return makeBlob([new Uint8Array(first)], [second, ...more]);
    case undefined:
    default:
      throw unknownKind();
  }
}
