import { clearTimeout } from "../../system/timers.js";
import { encodeValue } from "../../values/codec.js";
import { performance } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";
import { sizeWithAttachments } from "../../values/binary/attachments.js";
import type { ReportMessage } from "../../wire/messages/protocol.js";
import type { TaskFlag } from "../guard/claim.js";

/** So many reports may wait; of more, the newest win. */
const MOST_WAITING = 100;

/** So many bytes may wait, beside one last report: they are to fit into the pipe, which is written blocking. */
const MOST_WAITING_BYTES = 64 * 1024;

const REPORT_EVERY_MS = 10;

/** Sends reports. */
export interface ReportChannel {
  /** Has a message wait for the next one that is sent. */
  post(message: ReportMessage): void;
  flush(): void;
  /** How often reports are sent, in milliseconds. Default: more often than anybody looks, and little work for both. */
  readonly reportEveryMs?: number;
}

/**
 * What one task reports, from the call until it is sent.
 *
 *     add ──▶ waiting ──▶ a batch on the pipe ──▶ the parent hands it over
 *                ▲                                   │
 *                └── hearFlag ◀── watchdog thread ◀──┘ hear
 *
 * The next batch leaves when the one before it was taken, so a task never waits for a parent that is busy. The answer
 * comes by way of the watchdog thread, so it reaches a synchronous loop, too.
 */
export class TaskReports {
  readonly #taskId: number;
  readonly #channel: ReportChannel;
  readonly #flag: TaskFlag;
  #isHeard: boolean;
  /** Whether a batch may be sent, without asking the flag. */
  #maySend: boolean;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** How many were left out before the first that waits. */
  #skippedCount = 0;
  #sentMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param flag - Raised when the parent has taken the last batch. */
  constructor(taskId: number, isHeard: boolean, flag: TaskFlag, channel: ReportChannel) {
    this.#taskId = taskId;
    this.#isHeard = isHeard;
    this.#maySend = isHeard;
    this.#flag = flag;
    this.#channel = channel;
  }

  /** @throws NotSerializableError */
  add(value: unknown): void {
    const encoded = encodeValue(value, "value");
    while (this.#waiting.length >= MOST_WAITING || this.#waitingBytes > MOST_WAITING_BYTES) {
      this.#waitingBytes -= sizeWithAttachments(this.#waiting.shift() as Uint8Array);
      this.#skippedCount += 1;
    }
    this.#waiting.push(encoded);
    this.#waitingBytes += sizeWithAttachments(encoded);
    this.#sendInTime();
  }

  /** Somebody listens from now on. */
  hear(): void {
    if (this.#isHeard) return;
    this.#isHeard = true;
    this.#maySend = true;
    this.#sendInTime();
  }

  #sendInTime(): void {
    if (this.#waiting.length === 0) return;
    const { reportEveryMs = REPORT_EVERY_MS } = this.#channel;
    if (this.#canSend() && performance.now() - this.#sentMs >= reportEveryMs) this.#send();
    else if (this.#isHeard) this.#timer ??= setTimeout(this.#onTimer, reportEveryMs).unref();
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#sendInTime();
  };

  #canSend(): boolean {
    if (this.#maySend) return true;
    if (!this.#flag.isRaisedFor(this.#taskId)) return false;
    this.#isHeard = true;
    return true;
  }

  #send(): void {
    this.#maySend = false;
    this.#flag.lower();
    this.#sentMs = performance.now();
    const batch = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const [index, value] of batch.entries()) {
      const skippedCount = this.#skippedCount;
      this.#skippedCount = 0;
      this.#channel.post({
        kind: "report",
        taskId: this.#taskId,
        skippedCount,
        isLast: index === batch.length - 1,
        value,
      });
    }
    this.#channel.flush();
  }

  /** The task is over: its outcome follows. */
  end(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.length > 0 && (this.#isHeard || this.#canSend())) this.#send();
  }
}
