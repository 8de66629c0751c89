import { TaskTimeoutError } from "../errors.js";
import { mapFrames } from "./map-frames.js";
import type { PooledFunction } from "./function-table.js";
import type { ProcessTask } from "../system/process-task.js";

/** How a task ended: with bytes from the worker, or with an error of the pool's own. */
export type TaskOutcome =
  | { readonly kind: "result"; readonly value: Uint8Array }
  | { readonly kind: "failure"; readonly error: Uint8Array }
  | { readonly kind: "ended"; readonly error: Error };

/** Who waits for a task. `onStarted` is called at most once, `onSettled` exactly once and last. */
export interface TaskEvents {
  /** A worker has been chosen; happens again when that worker dies before the task began. */
  onDispatched(): void;
  onStarted(processTask: ProcessTask): void;
  onSettled(outcome: TaskOutcome): void;
}

/** What a task is made of. */
export interface TaskOrder {
  readonly name: string;
  readonly fn: PooledFunction;
  /** Encoded arguments: one list, or a list of lists for a chunk. */
  readonly args: Uint8Array;
  readonly isChunk: boolean;
  /** How long it may run, in milliseconds; `undefined` for no limit. */
  readonly timeoutMs: number | undefined;
}

/**
 * One task on its way through the pool.
 *
 *     queued ──▶ dispatched ──▶ running ──▶ settled
 *        ▲           │             │
 *        └───────────┘             └── endReason set: is to end (cancelled, timed out)
 *     the worker died before the task began
 */
export class PoolTask {
  readonly id: number;
  readonly name: string;
  readonly isChunk: boolean;
  readonly timeoutMs: number | undefined;
  state: "queued" | "dispatched" | "running" | "settled" = "queued";
  /** Why the task is to end, once it is; its outcome then is this error, whatever the worker reports. */
  endReason: Error | undefined;
  /** How many workers died with this task before it began. */
  lostStarts = 0;
  #fn: PooledFunction | undefined;
  #args: Uint8Array | undefined;
  #events: TaskEvents | undefined;

  constructor(id: number, order: TaskOrder, events: TaskEvents) {
    this.id = id;
    this.name = order.name;
    this.isChunk = order.isChunk;
    this.timeoutMs = order.timeoutMs;
    this.#fn = order.fn;
    this.#args = order.args;
    this.#events = events;
  }

  /** The function; kept until the task begins, because until then it may have to go to another worker. */
  get fn(): PooledFunction {
    if (this.#fn === undefined) throw new Error(`Task ${this.id} has begun and can't be sent again.`);
    return this.#fn;
  }

  /** The encoded arguments; kept as long as `fn` is. */
  get args(): Uint8Array {
    if (this.#args === undefined) throw new Error(`Task ${this.id} has begun and can't be sent again.`);
    return this.#args;
  }

  /** Notes that the task is on its way to a worker. */
  dispatch(): void {
    this.state = "dispatched";
    this.#events?.onDispatched();
  }

  /** The error of a task that ran out of time; `frames` as its worker has told them. */
  timeoutError(timeoutMs: number, frames: string): Error {
    return new TaskTimeoutError(this.name, timeoutMs, mapFrames(frames));
  }

  /** Notes that user code begins: from here on the task never runs a second time. */
  begin(processTask: ProcessTask): void {
    this.state = "running";
    this.#release();
    this.#events?.onStarted(processTask);
  }

  settle(outcome: TaskOutcome): void {
    if (this.state === "settled") return;
    this.state = "settled";
    this.#release();
    const events = this.#events;
    this.#events = undefined;
    events?.onSettled(this.endReason === undefined ? outcome : { kind: "ended", error: this.endReason });
  }

  /** Arguments are not retained: 10 queued tasks of 100 MB must not hold 1 GB once they run. */
  #release(): void {
    this.#fn = undefined;
    this.#args = undefined;
  }
}
