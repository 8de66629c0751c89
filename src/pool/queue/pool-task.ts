import { TaskTimeoutError } from "../../errors.js";
import { mapFrames } from "./map-frames.js";
import { releaseAttachments } from "../../values/binary/attachments.js";
import type { LiveMessage } from "../../wire/messages/protocol.js";
import type { LiveOffers } from "../../live/offers.js";
import type { ParentChannel } from "../../wire/parent-channel.js";
import type { PooledFunction } from "./function-table.js";
import type { ReportMessage } from "../../wire/messages/protocol.js";
import type { ProcessTask } from "../../system/process/process-task.js";

/**
 * How a task ended: with bytes from the worker, with a small value that was decoded on its way, or with an error of
 * the pool's own.
 */
export type TaskOutcome =
  | { readonly kind: "result"; readonly value: Uint8Array; readonly isPinned?: true }
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "failure"; readonly error: Uint8Array; readonly isPinned?: true }
  | { readonly kind: "ended"; readonly error: Error };

/** Tells the process of a task something. */
export type TaskChannel = Pick<ParentChannel, "send" | "sendToWatchdog">;

/** Has tasks, and can end them. */
export interface TaskHolder {
  end(task: PoolTask, reason: Error): void;
  /**
   * Looks whether a task has begun, by default its first one, if the notice of that need not come.
   *
   * @returns Whether it has; false also when that was known already. It is known from now on, unless another one is
   * still before it.
   */
  lookForStart(task?: PoolTask): boolean;
  /** Gives back those that have not begun, as soon as it is known which these are. */
  takeBack(): void;
  /** Somebody listens from now on to what the task reports. */
  hear(task: PoolTask): void;
}

/** What many tasks have in common. */
export interface TaskKind {
  readonly name: string;
  readonly fn: PooledFunction;
  /** Of a chunk, how many calls it is: the arguments are a list of lists then, one for each. Else 0. */
  readonly callCount: number;
  /** Whether a chunk goes on after a call that has failed. */
  readonly goesOn?: boolean;
  /** How long a task may run, in milliseconds; `undefined` for no limit. */
  readonly timeoutMs: number | undefined;
  /** Those with the highest begin first. Default: 0. */
  readonly priority?: number;
  /** Whether a task may be tried again when it has failed. */
  readonly hasRetries?: boolean;
  /**
   * Whether a task has one argument, a plain value, and is given that rather than a list: a hundred thousand may wait.
   */
  readonly hasOneArgument?: boolean;
  /**
   * The function as it is in this process, and those in the arguments: the classes of what it throws are looked for
   * from these. An object among them holds what the module of the task exports.
   */
  readonly functions?: readonly object[];
  /** Of one task only; absent for most. */
  readonly extras?: TaskExtras | undefined;
}

/** What goes along with the arguments. */
export interface TaskExtras {
  /** Functions and classes in the arguments. */
  readonly functions: readonly PooledFunction[];
  /** Streams and signals in them. */
  readonly live?: LiveOffers | undefined;
}

/** Encoded arguments: one list, or a list of lists for a chunk; or a plain list as it is. */
export type TaskArguments = Uint8Array | readonly unknown[];

/** In place of arguments that are not needed any more. */
const BEGUN = Symbol("begun");

/**
 * One task on its way through the pool. Who submits tasks says in a class of its own what follows on the steps.
 *
 *     queued ──▶ held ──▶ dispatched ──▶ running ──▶ settled
 *        ▲        │           │             │
 *        └────────┴───────────┘             └── endReason set: is to end (cancelled, timed out)
 *     the worker died, or the task was taken back, before it began
 *
 * held: a worker has it behind others; dispatched: it is the next one there, or has begun and that isn't known here
 * yet.
 */
export abstract class PoolTask<K extends TaskKind = TaskKind> {
  state: "queued" | "held" | "dispatched" | "running" | "settled" = "queued";
  /** The worker that has it. */
  holder: TaskHolder | undefined;
  /** Its number there; or, while it is queued, its place in the queue, which only the queue looks at. */
  number = -1;
  /** Its place among all that were queued, where the queue is by priority. */
  age = 0;
  /** How long it is expected to take, in microseconds. */
  expectedUs = 0;
  /** Why the task is to end, once it is; its outcome then is this error, whatever the worker reports. */
  endReason: Error | undefined;
  /** It did not begin in time, and is not to begin: what it fails with. Whether it has begun may not be known yet. */
  expiry: Error | undefined;
  /** How many workers died with this task as their next one. */
  lostStarts = 0;
  /** How many workers it was sent to, one after the other. */
  sendCount = 0;
  /** Whether messages on live values of it have come. */
  #hasLiveMessages = false;
  #kind: K | undefined;
  /** As the kind says; or BEGUN. */
  #args: unknown;

  /** @param args - Of type TaskArguments; for a kind with one argument, that. */
  constructor(kind: K, args: unknown) {
    this.#kind = kind;
    this.#args = args;
  }

  /** What it has in common with others; kept until it has ended. */
  get kind(): K {
    if (this.#kind === undefined) throw new Error("The task has ended.");
    return this.#kind;
  }

  get name(): string {
    return this.#kind?.name ?? "";
  }

  get fn(): PooledFunction {
    return this.kind.fn;
  }

  /** The functions as they are in this process; none when it has ended. */
  get functions(): readonly object[] {
    return this.#kind?.functions ?? [];
  }

  get priority(): number {
    return this.kind.priority ?? 0;
  }

  get callCount(): number {
    return this.kind.callCount;
  }

  get goesOn(): boolean {
    return this.kind.goesOn === true;
  }

  get timeoutMs(): number | undefined {
    return this.kind.timeoutMs;
  }

  /** Kept until it has ended. */
  get extras(): TaskExtras | undefined {
    return this.kind.extras;
  }

  /** Whether somebody waits for its start. */
  abstract get isStartWanted(): boolean;

  /** Whether somebody listens to what it reports. */
  abstract get isHeard(): boolean;

  /** Whether its outcome is there, but for streams that nobody waits for: it doesn't keep the program running. */
  abstract get isIdle(): boolean;

  /** It has begun. Called at most once. */
  protected abstract onStarted(processTask: ProcessTask): void;

  /** Something happened on a live value of it, while it runs. */
  protected abstract onLive(message: LiveMessage, channel: TaskChannel): void;

  /** It has reported something, while it runs. */
  protected abstract onReport(report: ReportMessage): void;

  /** It has ended. Called exactly once, and last. */
  protected abstract onSettled(outcome: TaskOutcome): void;

  /** The encoded arguments; kept until the task begins, because until then it may have to go to another worker. */
  get args(): TaskArguments {
    if (this.#args === BEGUN) throw new Error(`Task "${this.name}" has begun and can't be sent again.`);
    return this.kind.hasOneArgument === true ? [this.#args] : (this.#args as TaskArguments);
  }

  /** The error of a task that ran out of time; `frames` as its worker has told them. */
  timeoutError(timeoutMs: number, frames: string): Error {
    return new TaskTimeoutError(this.name, timeoutMs, mapFrames(frames));
  }

  /** Notes that user code begins: from here on the task never runs a second time. */
  begin(processTask: ProcessTask): void {
    this.state = "running";
    this.expiry = undefined;
    // Else they are not retained: 10 queued tasks of 100 MB must not hold 1 GB once they run. All that belongs to them
    // has arrived. Of a task that was sent more often, a part may still be on its way to a worker that doesn't run
    // it; and of one that ends before it begins.
    if (this.kind.hasRetries !== true) {
      if (this.sendCount === 1 && this.#args instanceof Uint8Array) releaseAttachments(this.#args);
      this.#args = BEGUN;
    }
    this.onStarted(processTask);
  }

  /** Whether there are, or may be, messages of it beside its outcome: reports, or of live values. */
  get hasMessages(): boolean {
    return this.#hasLiveMessages || this.#kind?.extras?.live !== undefined || this.isHeard;
  }

  /**
   * Takes what its worker says of it beside its outcome.
   *
   * @throws ProtocolError for what doesn't fit.
   */
  receiveMessage(message: LiveMessage | ReportMessage, channel: TaskChannel): void {
    if (message.kind === "live") {
      this.#hasLiveMessages = true;
      this.onLive(message, channel);
      return;
    }
    this.onReport(message);
    if (message.isLast) channel.sendToWatchdog({ kind: "hear", taskId: message.taskId });
  }

  /**
   * How long to wait before it is tried again, in milliseconds; `undefined` when the outcome is its end. It is as if
   * it had not begun, then.
   */
  retryDelayMs(_outcome: TaskOutcome): number | undefined {
    return undefined;
  }

  /** Forgets an attempt. */
  protected unbegin(): void {
    this.state = "queued";
    this.holder = undefined;
    this.endReason = undefined;
    this.lostStarts = 0;
  }

  settle(outcome: TaskOutcome): void {
    if (this.state === "settled") return;
    this.state = "settled";
    this.holder = undefined;
    this.#args = BEGUN;
    this.onSettled(this.endReason === undefined ? outcome : { kind: "ended", error: this.endReason });
    // It captures what it captures.
    this.#kind = undefined;
  }
}
