/**
 * The journal of a worker: a file without a name, in memory, that keeps what has not been sent yet.
 *
 * Before a task begins, the notice of its start and the outcome of the one before it must have left the process, or a
 * crash would leave in doubt who was hit. A write to the pipe for each task wakes the parent each time; a write to the
 * journal costs a third of that, wakes nobody, and many tasks then share one write to the pipe. The parent reads the
 * journal when the worker has died, or has been silent for a while.
 *
 * It holds the same frames as the pipe, from the first one that was not sent, in records:
 *
 *     mark (epoch e)  frames  mark (epoch e)  frames  mark (epoch e + 1)  frames  mark (epoch e + 2) ...
 *
 * After each write to the pipe it begins anew at its first byte, and the epoch goes on. A record counts when the mark
 * at its end has the epoch that is due: then all of it was written, and nothing of it is left from an earlier round.
 */

import { FrameDecoder } from "../messages/frame-decoder.js";
import { decodeToParent } from "../messages/message-codec.js";
import type { ToParentMessage } from "../messages/protocol.js";

/** Longest journal that is read, in bytes; a worker sends what waits long before. */
export const MAX_JOURNAL_BYTES: number = 256 * 1024;

/** The messages of all complete records. Never throws: what can't be read ends the journal. */
export function readJournal(bytes: Buffer): ToParentMessage[] {
  const messages: ToParentMessage[] = [];
  let record: ToParentMessage[] = [];
  let dueEpoch: number | undefined;
  let isOver = false;
  const decoder = new FrameDecoder((frame) => {
    if (isOver) return;
    const message = decodeToParent(frame);
    if (message.kind !== "mark") {
      record.push(message);
      return;
    }
    if (dueEpoch === undefined) {
      dueEpoch = message.epoch;
      isOver = record.length > 0;
      return;
    }
    isOver = message.epoch !== dueEpoch;
    if (isOver) return;
    dueEpoch += 1;
    messages.push(...record);
    record = [];
  });
  try {
    decoder.push(bytes);
  } catch {
    // The rest of an earlier round, cut in the middle.
  }
  return messages;
}
