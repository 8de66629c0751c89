import { writeSync } from "node:fs";

import { JOURNAL_FD } from "../wire/messages/protocol.js";
import { MAPPED_BYTES } from "../wire/journal/mapped-journal.js";
import { nativeMemory } from "../memory/native-memory.js";

/**
 * Lays the journal's file into memory. What it held is gone afterwards, so all must have been sent.
 *
 * @returns `undefined` where there is no koffi, or no memory left.
 */
export function mapJournal(): ArrayBuffer | undefined {
  try {
    const native = nativeMemory();
    if (native === undefined) return undefined;
    // Memory that is not there when a store needs it would be a SIGBUS.
    if (writeSync(JOURNAL_FD, Buffer.alloc(MAPPED_BYTES), 0, MAPPED_BYTES, 0) !== MAPPED_BYTES) return undefined;
    return native.map(JOURNAL_FD, MAPPED_BYTES);
  } catch {
    return undefined;
  }
}
