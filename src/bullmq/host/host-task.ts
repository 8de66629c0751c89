import { NotSerializableError } from "../../errors.js";
import { HeldReports } from "./held-reports.js";
import { MAX_REDIS_BYTES } from "../contract/large-values.js";
import { PoolTask } from "../../pool/queue/pool-task.js";
import { encodeFailure } from "../contract/messages.js";
import { encodeFrame } from "../contract/messages.js";
import { clearTimeout } from "../../system/timers.js";
import { sizeWithAttachments } from "../../values/binary/attachments.js";
import { setTimeout } from "../../system/timers.js";
import type { LiveMessage } from "../../wire/messages/protocol.js";
import type { ProcessTask } from "../../system/process/process-task.js";
import type { ReportMessage } from "../../wire/messages/protocol.js";
import type { TaskChannel } from "../../pool/queue/pool-task.js";
import type { TaskKind } from "../../pool/queue/pool-task.js";
import type { TaskOutcome } from "../../pool/queue/pool-task.js";

const LIMIT = `at most ${MAX_REDIS_BYTES} go to another machine`;

/** What a host does with the news of a task. */
export interface HostTaskEvents {
  onStarted(processTask: ProcessTask): void;
  /** Something that it has reported, for its producer. @returns Resolves when Redis has it. Never rejects. */
  onReport(frame: Uint8Array): Promise<void>;
  /** Whether reports are to wait. */
  isBusy(): boolean;
  /** The value of it, for those who look at the queue. */
  onProgress(value: Uint8Array): void;
  onLog(record: Uint8Array): void;
  onSettled(outcome: HostOutcome): void;
}

/** What a task came to, as bytes for its producer: nothing of it was decoded here. */
export interface HostOutcome {
  readonly isFailure: boolean;
  readonly frame: Buffer;
  /** In a few words, for those who look at the queue. */
  readonly what: string;
}

/** An error of the host's own as an outcome. */
export function failureOf(error: Error): HostOutcome {
  return { isFailure: true, frame: encodeFailure(error), what: error.message };
}

/** How long a task runs before its reports are asked for, although no producer listens, in milliseconds. */
const HEAR_AFTER_MS = 250;

/** A job of BullMQ as a task of the host's pool. */
export class HostTask extends PoolTask {
  readonly isStartWanted = true;
  readonly isIdle = false;
  readonly #events: HostTaskEvents;
  readonly #held = new HeldReports();
  #isHeard: boolean;
  /** Whether its producer listens. */
  #isSent: boolean;
  #timer: NodeJS.Timeout | undefined;
  #process: ProcessTask | undefined;

  /** @param isHeard - Whether its producer listens to what it reports. */
  constructor(kind: TaskKind, args: unknown, isHeard: boolean, events: HostTaskEvents) {
    super(kind, args);
    this.#isHeard = isHeard;
    this.#isSent = isHeard;
    this.#events = events;
  }

  get isHeard(): boolean {
    return this.#isHeard;
  }

  /** Its producer listens from now on. */
  hear(): void {
    this.#isSent = true;
    this.#sendReports();
    this.#hearHere();
  }

  #sendReports(): void {
    if (!this.#isSent || (this.#events.isBusy() && this.state !== "settled")) return;
    for (const report of this.#held.take()) {
      void this.#events.onReport(encodeFrame(report)).then(() => this.#sendReports());
    }
  }

  #hearHere(): void {
    if (this.#isHeard) return;
    this.#isHeard = true;
    this.holder?.hear(this);
  }

  /** Tells of its start, if it has begun: somebody has missed that. */
  tellStart(): void {
    if (this.state === "running" && this.#process !== undefined) this.#events.onStarted(this.#process);
  }

  /** It has logged something. */
  log(record: Uint8Array): void {
    this.#events.onLog(record);
  }

  /** Sends a signal to the process that runs it. */
  signal(signal: NodeJS.Signals | number): void {
    try {
      if (this.state === "running") this.#process?.sendSignal(signal);
    } catch {
      // There is no such signal here.
    }
  }

  protected onStarted(processTask: ProcessTask): void {
    this.#process = processTask;
    if (!this.#isHeard) this.#timer = setTimeout(() => this.#hearHere(), HEAR_AFTER_MS);
    this.#events.onStarted(processTask);
  }

  protected onReport(report: ReportMessage): void {
    this.#events.onProgress(report.value);
    const sizeBytes = sizeWithAttachments(report.value);
    if (sizeBytes > MAX_REDIS_BYTES) {
      this.holder?.end(this, new NotSerializableError("report", `it has ${sizeBytes} bytes, and ${LIMIT}`));
      return;
    }
    this.#held.add(report);
    this.#sendReports();
  }

  protected onLive(_message: LiveMessage, _channel: TaskChannel): void {
    this.holder?.end(this, new NotSerializableError("result", "a stream does not go to another machine"));
  }

  protected onSettled(outcome: TaskOutcome): void {
    clearTimeout(this.#timer);
    this.#sendReports();
    let described: HostOutcome;
    try {
      described = this.#describe(outcome);
    } catch (error) {
      // What a task that writes to the pipe by itself may give can be read, and not be written again.
      described = failureOf(error as Error);
    }
    this.#events.onSettled(described);
  }

  #describe(outcome: TaskOutcome): HostOutcome {
    if (outcome.kind === "ended") return failureOf(outcome.error);
    const head = { taskId: 1, durationUs: Math.round((this.fn.callUs ?? 0) * (this.callCount || 1)) };
    if (outcome.kind === "failure") {
      const frame = encodeFrame({ kind: "failure", ...head, error: outcome.error });
      return { isFailure: true, frame, what: `Task "${this.name}" has failed.` };
    }
    const { kind, value } = outcome;
    const frame = kind === "value" ? encodeFrame({ kind, ...head, value }) : encodeFrame({ kind, ...head, value });
    return { isFailure: false, frame, what: "" };
  }
}
