import { createConsoleHandler } from "../../logging/console-handler.js";
import type { LogRecord } from "../../logging/log-record.js";

/** So many bytes may be taken by records that wait for Redis (16 MiB). */
const MOST_UNSENT_BYTES = 16 * 1024 * 1024;

/** What a record takes beside its bytes while it waits. */
const BYTES_A_RECORD = 4096;

/** Where what the tasks of a host log goes. */
export class HostLogs {
  readonly #printer = createConsoleHandler();
  #unsentBytes = 0;

  /** @param send - Resolves when Redis has it. Never rejects. */
  async send(record: LogRecord, sizeBytes: number, send: () => Promise<void>): Promise<void> {
    if (this.#unsentBytes > MOST_UNSENT_BYTES) {
      this.print(record);
      return;
    }
    this.#unsentBytes += sizeBytes + BYTES_A_RECORD;
    await send();
    this.#unsentBytes -= sizeBytes + BYTES_A_RECORD;
  }

  /** For those whose program does not take them. */
  print(record: LogRecord): void {
    void this.#printer.handle(record);
  }
}
