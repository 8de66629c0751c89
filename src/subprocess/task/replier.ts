import { encodeThrown } from "../../values/thrown.js";
import { releaseAttachments } from "../../values/binary/attachments.js";
import { performance } from "../../system/timers.js";
import type { HeldPins } from "../../memory/pins.js";
import type { Releasable } from "../../memory/pins.js";
import type { RunningTask } from "./running-task.js";
import type { ToParentMessage } from "../../wire/messages/protocol.js";

type Outcome = Extract<ToParentMessage, { kind: "result" | "failure" | "value" }>;

/** What is needed of the task. */
type TimedTask = Pick<RunningTask, "beganMs" | "id">;

/** What its field on the wire can hold; 71 minutes. */
const LONGEST_DURATION_US = 0xffff_ffff;

/**
 * Registers the running task with the parent while it is entered, and unregisters it whatever happens.
 *
 * The notice of the start leaves the process before the first line of user code runs: a parent that reads the pipe to
 * its end after a crash knows whether the task had begun.
 */
export class Replier {
  readonly #task: TimedTask;
  readonly #send: (message: ToParentMessage) => void;
  readonly #heldPins: HeldPins;
  #outcome: Outcome | undefined;

  /** @param heldPins - Keeps the shared memory that outcomes refer to, until the parent has it. */
  constructor(task: TimedTask, send: (message: ToParentMessage) => void, heldPins: HeldPins) {
    this.#task = task;
    this.#send = send;
    this.#heldPins = heldPins;
  }

  /** How long the task has taken so far, in microseconds. */
  #durationUs(): number {
    return Math.min(LONGEST_DURATION_US, Math.round((performance.now() - this.#task.beganMs) * 1000));
  }

  /** Registers: `future.started` of the parent resolves. */
  enter(): void {
    this.#send({ kind: "started", taskId: this.#task.id });
  }

  /** Keeps the outcome that `exit` is to report. */
  succeed(value: Uint8Array, pins?: Releasable): void {
    this.#keep({ kind: "result", taskId: this.#task.id, durationUs: this.#durationUs(), value }, pins);
  }

  /** Keeps a result that is a small plain value. */
  succeedPlainly(value: unknown): void {
    this.#outcome = { kind: "value", taskId: this.#task.id, durationUs: this.#durationUs(), value };
  }

  /** Keeps the outcome that `exit` is to report. */
  fail(error: Uint8Array, pins?: Releasable): void {
    this.#keep({ kind: "failure", taskId: this.#task.id, durationUs: this.#durationUs(), error }, pins);
  }

  #keep(outcome: Exclude<Outcome, { kind: "value" }>, pins: Releasable | undefined): void {
    this.#outcome = pins === undefined ? outcome : { ...outcome, isPinned: true };
    if (pins !== undefined) this.#heldPins.hold(this.#task.id, pins);
  }

  /** Unregisters: the parent takes the worker for free. */
  exit(): void {
    if (this.#outcome === undefined) return;
    try {
      this.#send(this.#outcome);
      // They have left the process: what is as long as an attachment doesn't wait.
      if (this.#outcome.kind === "result") releaseAttachments(this.#outcome.value);
    } catch (error) {
      // Too long for a message. Without an outcome the parent would wait for ever.
      this.#heldPins.release(this.#task.id);
      this.fail(encodeThrown(error));
      this.#send(this.#outcome);
    }
  }
}
