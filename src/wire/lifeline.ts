/**
 * What the lifeline carries: four bytes a notice, the id of the task to abort, unsigned little-endian.
 *
 * It is apart from the pipe of the tasks so that the watchdog thread can read it while the main thread is busy.
 */

const NOTICE_BYTES = 4;

/** Encodes the notice that a task is to be aborted. */
export function encodeAbortNotice(taskId: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(NOTICE_BYTES);
  bytes.writeUInt32LE(taskId, 0);
  return bytes;
}

/** Cuts the lifeline's bytes into notices. */
export class AbortNoticeDecoder {
  readonly #onAbort: (taskId: number) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onAbort: (taskId: number) => void) {
    this.#onAbort = onAbort;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest.byteLength === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (; at + NOTICE_BYTES <= bytes.byteLength; at += NOTICE_BYTES) this.#onAbort(bytes.readUInt32LE(at));
    this.#rest = Buffer.from(bytes.subarray(at));
  }
}
