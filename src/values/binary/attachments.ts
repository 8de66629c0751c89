/**
 * Large binary data travels beside the bytes of the value that it belongs to, in frames of its own: so it is copied
 * once by the sender (the snapshot), and not at all by the receiver, where the body of the frame becomes the array's
 * memory.
 *
 * To all code between the codec and the frames, an encoded value is its bytes, and this file knows what belongs to
 * them. So they must be handed on as the same object: a copy of them can't be decoded, and says so. Their first byte
 * tells:
 *
 *     0x03, number of attachments (4 bytes), then the encoding as it is without attachments
 */

import { giveBackSnapshot } from "./snapshot-memory.js";
import { takeSnapshot } from "./snapshot-memory.js";

/** First byte of encodings with attachments. */
export const ATTACHED_TAG = 0x03;

/** Length of what stands before the encoding proper, in bytes. */
export const ATTACHED_HEAD_BYTES = 5;

/** Data of at least this size, in bytes, is worth a frame of its own. */
export const ATTACHED_BYTES: number = 128 * 1024;

/** Most attachments of one value; further data is part of its bytes. */
export const MAX_ATTACHMENTS = 1024;

const byPayload = new WeakMap<Uint8Array, readonly Uint8Array[]>();

/** What belongs to encoded bytes, in order. */
export function attachmentsOf(payload: Uint8Array): readonly Uint8Array[] {
  return payload[0] === ATTACHED_TAG ? (byPayload.get(payload) ?? []) : [];
}

/** Notes what belongs to encoded bytes. */
export function attach(payload: Uint8Array, attachments: readonly Uint8Array[]): void {
  byPayload.set(payload, attachments);
}

/** The size of encoded bytes with all that belongs to them, in bytes. */
export function sizeWithAttachments(payload: Uint8Array): number {
  let sum = payload.length;
  for (const { length } of attachmentsOf(payload)) sum += length;
  return sum;
}

/** Takes the memory of copies back; to be called when the bytes will not be sent (again). */
export function releaseAttachments(payload: Uint8Array): void {
  const attachments = attachmentsOf(payload);
  if (attachments.length === 0) return;
  byPayload.delete(payload);
  for (const attachment of attachments) giveBackSnapshot(attachment);
}

/** The first bytes of an encoding with attachments. */
export function attachedHead(count: number): Buffer {
  const head = Buffer.alloc(ATTACHED_HEAD_BYTES, ATTACHED_TAG);
  head.writeUInt32LE(count, 1);
  return head;
}

/**
 * The attachments of encoded bytes, each as a buffer that nothing else is in.
 *
 * @throws Error when they are not all there.
 */
export function takeAttachments(payload: Uint8Array): ArrayBuffer[] {
  const attachments = attachmentsOf(payload);
  const head = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (head.byteLength < ATTACHED_HEAD_BYTES || head.readUInt32LE(1) !== attachments.length) {
    throw new Error("The attachments of the encoded value are missing.");
  }
  return attachments.map(({ buffer, byteOffset, byteLength }) =>
    byteLength === buffer.byteLength ? (buffer as ArrayBuffer) : buffer.slice(byteOffset, byteOffset + byteLength),
  ) as ArrayBuffer[];
}

/** Collects what becomes attachments while a value is encoded. */
export class AttachmentCollector {
  readonly #attachments: Uint8Array[] = [];
  readonly #isSnapshot: boolean;
  readonly #transferred: ReadonlySet<ArrayBuffer>;
  readonly #limit: number;

  /**
   * @param isSnapshot - Whether data is copied, so that what becomes of it later makes no difference.
   * @param transferred - Not copied in any case: nobody else will have these.
   * @param othersCount - How many attachments the same message has already.
   */
  constructor(isSnapshot: boolean, transferred: ReadonlySet<ArrayBuffer>, othersCount: number) {
    this.#isSnapshot = isSnapshot;
    this.#transferred = transferred;
    this.#limit = MAX_ATTACHMENTS - othersCount;
  }

  get attachments(): Uint8Array[] {
    return this.#attachments;
  }

  /** Whether data of this size goes beside the value. */
  takes(sizeBytes: number): boolean {
    return sizeBytes >= ATTACHED_BYTES && this.#attachments.length < this.#limit;
  }

  /** Takes data; gives its number. */
  add(bytes: Uint8Array): number {
    const mustCopy = this.#isSnapshot && !this.#transferred.has(bytes.buffer as ArrayBuffer);
    return this.#attachments.push(mustCopy ? takeSnapshot(bytes) : bytes) - 1;
  }
}
