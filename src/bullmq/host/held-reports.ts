import { sizeWithAttachments } from "../../values/binary/attachments.js";
import type { ReportMessage } from "../../wire/messages/protocol.js";

/** So many reports may wait; of more, the newest win. As in a worker. */
const MOST_WAITING = 100;

/** So many bytes may wait, beside one last report. */
const MOST_WAITING_BYTES = 64 * 1024;

/** What a task has reported that can't be sent yet: its producer does not listen, or Redis is away. */
export class HeldReports {
  #reports: ReportMessage[] = [];
  #bytes = 0;
  /** How many were left out before the first that waits. */
  #skippedCount = 0;

  add(report: ReportMessage): void {
    while (this.#reports.length >= MOST_WAITING || this.#bytes > MOST_WAITING_BYTES) {
      const { skippedCount, value } = this.#reports.shift() as ReportMessage;
      this.#skippedCount += skippedCount + 1;
      this.#bytes -= sizeWithAttachments(value);
    }
    this.#reports.push(report);
    this.#bytes += sizeWithAttachments(report.value);
  }

  /** Gives away what waits. */
  take(): readonly ReportMessage[] {
    const [first, ...others] = this.#reports;
    const skippedCount = this.#skippedCount;
    this.#reports = [];
    this.#bytes = 0;
    this.#skippedCount = 0;
    return first === undefined ? [] : [{ ...first, skippedCount: first.skippedCount + skippedCount }, ...others];
  }
}
