import { Unsent } from "./unsent.js";
import { createConsoleHandler } from "../../logging/console-handler.js";
import type { LogRecord } from "../../logging/log-record.js";

/** Where what the tasks of a host log goes. */
export class HostLogs {
  readonly #printer = createConsoleHandler();
  readonly #unsent = new Unsent();

  /** @param send - Resolves when Redis has it. Never rejects. */
  async send(record: LogRecord, sizeBytes: number, send: () => Promise<void>): Promise<void> {
    if (this.#unsent.isFull) this.print(record);
    else await this.#unsent.send(sizeBytes, send);
  }

  /** For those whose program does not take them. */
  print(record: LogRecord): void {
    void this.#printer.handle(record);
  }
}
