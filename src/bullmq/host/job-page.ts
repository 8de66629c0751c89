/** What those who look at a queue see of a job: its log and its progress. */

import { inspect } from "node:util";

import type { Job } from "bullmq";

import { clearTimeout } from "../../system/timers.js";
import { decodeValue } from "../../values/codec.js";
import { formatLogRecord } from "../../logging/console-handler.js";
import { setTimeout } from "../../system/timers.js";
import { sizeWithAttachments } from "../../values/binary/attachments.js";
import type { LogRecord } from "../../logging/log-record.js";

/** How often its progress is written, in milliseconds. */
const PROGRESS_EVERY_MS = 250;

/** So many characters of a line, or of a progress as JSON. */
const MOST_CHARACTERS = 2000;

/** How many lines may be on their way to Redis. */
const MOST_ON_THEIR_WAY = 100;

type JobProgress = Job["progress"];

function shorten(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text;
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // A bigint, or a circle.
    return undefined;
  }
}

/** What a task has reported, as BullMQ keeps it. */
function describeProgress(encoded: Uint8Array): JobProgress {
  if (sizeWithAttachments(encoded) > 8 * MOST_CHARACTERS) return `${sizeWithAttachments(encoded)} bytes`;
  const value: unknown = decodeValue(encoded);
  const json = jsonOf(value);
  if (json === undefined || json.length > MOST_CHARACTERS) return shorten(inspect(value));
  return JSON.parse(json) as JobProgress;
}

/** Writes both into the job, no faster than Redis takes them. */
export class JobPage {
  readonly #job: Pick<Job, "log" | "updateProgress">;
  #onTheirWay = 0;
  #leftOut = 0;
  /** The newest report, if it is not written yet. */
  #report: Uint8Array | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(job: Pick<Job, "log" | "updateProgress">) {
    this.#job = job;
  }

  log(record: LogRecord): void {
    if (this.#onTheirWay >= MOST_ON_THEIR_WAY) {
      this.#leftOut += 1;
      return;
    }
    const gap = this.#leftOut === 0 ? "" : `(${this.#leftOut} lines are left out here)\n`;
    this.#leftOut = 0;
    this.#onTheirWay += 1;
    void this.#write(() => this.#job.log(gap + shorten(formatLogRecord(record)))).then(() => {
      this.#onTheirWay -= 1;
    });
  }

  report(encoded: Uint8Array): void {
    this.#report = encoded;
    if (this.#timer !== undefined) return;
    this.#writeReport();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#report !== undefined) this.report(this.#report);
    }, PROGRESS_EVERY_MS);
  }

  /** Writes what has not been written: the task is over. */
  close(): void {
    clearTimeout(this.#timer);
    this.#writeReport();
  }

  #writeReport(): void {
    const report = this.#report;
    this.#report = undefined;
    if (report !== undefined) void this.#write(() => this.#job.updateProgress(describeProgress(report)));
  }

  /** Never rejects: nobody's task fails because of it. */
  async #write(send: () => Promise<unknown>): Promise<void> {
    try {
      await send();
    } catch {
      // A value that can't be shown, or a job that is gone.
    }
  }
}
