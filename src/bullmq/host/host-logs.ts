import { createConsoleHandler } from "../../logging/console-handler.js";
import type { LogRecord } from "../../logging/log-record.js";

/** So many bytes of records may wait for Redis (16 MiB). */
const MOST_UNSENT_BYTES = 16 * 1024 * 1024;

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
    this.#unsentBytes += sizeBytes;
    await send();
    this.#unsentBytes -= sizeBytes;
  }

  /** For those whose program does not take them. */
  print(record: LogRecord): void {
    void this.#printer.handle(record);
  }
}
