/**
 * What the lifeline carries, in the frames of frame.ts.
 *
 * It is apart from the pipe of the tasks so that the watchdog thread can read it, and answer, while the main thread is
 * busy.
 */

import { ProtocolError } from "../errors.js";
import { encodeFrame } from "./messages/frame.js";
import { makeFrame } from "./messages/frame.js";
import type { Frame } from "./messages/frame.js";
import type { FromWatchdogMessage } from "./messages/protocol.js";
import type { ToWatchdogMessage } from "./messages/protocol.js";

const TO_WATCHDOG = { abort: 129, askStack: 130, takeBack: 131, hear: 132 } as const;
const FROM_WATCHDOG = { stack: 193, takenBack: 194 } as const;

/** The longest stack that is sent, in UTF-16 code units. */
const MAX_STACK_LENGTH = 16 * 1024;

/** What a UTF-16 code unit takes at most in UTF-8. */
const MAX_UNIT_BYTES = 3;

/** Encodes a message to a watchdog thread. */
export function encodeToWatchdog(message: ToWatchdogMessage): Uint8Array {
  const idB = message.kind === "takeBack" ? message.question : 0;
  return Buffer.concat(encodeFrame(makeFrame(TO_WATCHDOG[message.kind], { idA: message.taskId, idB })));
}

/** @throws ProtocolError for a kind that no parent sends. */
export function decodeToWatchdog(frame: Frame): ToWatchdogMessage {
  switch (frame.kind) {
    case TO_WATCHDOG.abort:
      return { kind: "abort", taskId: frame.idA };
    case TO_WATCHDOG.hear:
      return { kind: "hear", taskId: frame.idA };
    case TO_WATCHDOG.askStack:
      return { kind: "askStack", taskId: frame.idA };
    case TO_WATCHDOG.takeBack:
      return { kind: "takeBack", taskId: frame.idA, question: frame.idB };
    default:
      throw new ProtocolError(`No message to a watchdog has kind ${frame.kind}.`);
  }
}

/** Encodes an answer of a watchdog thread. */
export function encodeFromWatchdog(message: FromWatchdogMessage): Uint8Array {
  const text = message.kind === "stack" ? message.frames.slice(0, MAX_STACK_LENGTH) : "";
  const idB = message.kind === "takenBack" ? message.question : 0;
  const payload = Buffer.from(text, "utf8");
  return Buffer.concat(encodeFrame(makeFrame(FROM_WATCHDOG[message.kind], { idA: message.taskId, idB, payload })));
}

/** No more than a watchdog sends, whatever comes. */
function readStack(payload: Uint8Array): string {
  const text = Buffer.from(payload.subarray(0, MAX_STACK_LENGTH * MAX_UNIT_BYTES)).toString("utf8");
  return text.slice(0, MAX_STACK_LENGTH);
}

/** @throws ProtocolError for a kind that no watchdog sends. */
export function decodeFromWatchdog(frame: Frame): FromWatchdogMessage {
  switch (frame.kind) {
    case FROM_WATCHDOG.stack:
      return { kind: "stack", taskId: frame.idA, frames: readStack(frame.payload) };
    case FROM_WATCHDOG.takenBack:
      return { kind: "takenBack", taskId: frame.idA, question: frame.idB };
    default:
      throw new ProtocolError(`No message of a watchdog has kind ${frame.kind}.`);
  }
}
