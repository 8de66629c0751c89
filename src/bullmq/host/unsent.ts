/** So many bytes may wait for Redis (16 MiB). */
const MOST_BYTES = 16 * 1024 * 1024;

/** What each message takes beside its bytes while it waits. */
const BYTES_BESIDE = 4096;

/** Counts what waits for Redis. */
export class Unsent {
  #bytes = 0;

  /** Whether no more is to wait. */
  get isFull(): boolean {
    return this.#bytes > MOST_BYTES;
  }

  /** @param send - Resolves when Redis has it. Never rejects. */
  async send(sizeBytes: number, send: () => Promise<void>): Promise<void> {
    this.#bytes += sizeBytes + BYTES_BESIDE;
    await send();
    this.#bytes -= sizeBytes + BYTES_BESIDE;
  }
}
