/** One call on its way through the pool, with all that waits for its end. */

import { Attempts } from "./attempts.js";
import { CancelledError } from "../../errors.js";
import { QueueTimeoutError } from "../../errors.js";
import { decodeFor } from "../../values/errors/class-places.js";
import { handOver } from "../outcome/task-progress.js";
import { futures } from "../outcome/process-future.js";
import { NO_PINS } from "./encoded-arguments.js";
import { onAbort } from "../../live/abort-subscriptions.js";
import { ParentLive } from "./parent-live.js";
import { PoolTask } from "../../pool/queue/pool-task.js";
import { releaseAll } from "./encoded-arguments.js";
import { errorOf } from "../outcome/settle-future.js";
import { ProgressCaller } from "../outcome/task-progress.js";
import { resultReader } from "../outcome/settle-future.js";
import { settleFuture } from "../outcome/settle-future.js";
import type { AnyFunction } from "../../values/classes/value-writer.js";
import type { FutureControl } from "../outcome/process-future.js";
import type { ReportListener } from "../outcome/task-progress.js";
import type { ReportMessage } from "../../wire/messages/protocol.js";
import type { LiveMessage } from "../../wire/messages/protocol.js";
import type { Pins } from "../../memory/pins.js";
import type { PooledFunction } from "../../pool/queue/function-table.js";
import type { ProcessFuture } from "../outcome/process-future.js";
import type { ProcessTask } from "../../system/process/process-task.js";
import type { FailedOutcome } from "../outcome/settle-future.js";
import type { RetryOptions } from "../options/options.js";
import type { TaskPool } from "../../pool/task-pool.js";
import type { ResultReader } from "../outcome/settle-future.js";
import type { SubmissionStack } from "../outcome/submission-stack.js";
import type { AnyTaskOptions } from "../options/options.js";
import type { TaskExtras } from "../../pool/queue/pool-task.js";
import type { TaskKind } from "../../pool/queue/pool-task.js";
import type { TaskChannel } from "../../pool/queue/pool-task.js";
import type { TaskHolder } from "../../pool/queue/pool-task.js";
import type { TaskOutcome } from "../../pool/queue/pool-task.js";

/** What calls of one executor may have in common. */
export interface TaskCall {
  readonly fn: PooledFunction;
  /** The function as it is in this process. */
  readonly original: AnyFunction;
  /** Functions in the arguments. */
  readonly argumentFunctions: readonly AnyFunction[];
  readonly name: string;
  readonly timeoutMs: number | undefined;
  readonly priority: number;
  readonly retries: RetryOptions | undefined;
  /** Of a chunk, how many calls it is; else 0. */
  readonly callCount: number;
  /** Whether a chunk goes on after a call that has failed. */
  readonly goesOn: boolean;
  readonly hasOneArgument: boolean;
  readonly extras: TaskExtras | undefined;
}

/**
 * What many calls have in common. A class, so that all have one shape: V8 compiles anew whatever meets another one.
 */
export class SubmittedKind implements TaskKind {
  readonly pool: TaskPool;
  readonly owner: TaskOwner;
  readonly fn: PooledFunction;
  readonly #functions: readonly AnyFunction[];
  readonly name: string;
  readonly timeoutMs: number | undefined;
  readonly priority: number;
  readonly retries: RetryOptions | undefined;
  readonly hasRetries: boolean;
  readonly callCount: number;
  readonly goesOn: boolean;
  readonly hasOneArgument: boolean;
  readonly extras: TaskExtras | undefined;
  /** How many tasks of it have not settled. */
  unsettledCount = 0;

  constructor(pool: TaskPool, owner: TaskOwner, call: TaskCall) {
    this.pool = pool;
    this.owner = owner;
    this.fn = call.fn;
    this.#functions = [call.original, ...call.argumentFunctions];
    this.name = call.name;
    this.timeoutMs = call.timeoutMs;
    this.priority = call.priority;
    this.retries = call.retries;
    this.hasRetries = call.retries !== undefined;
    this.callCount = call.callCount;
    this.goesOn = call.goesOn;
    this.hasOneArgument = call.hasOneArgument;
    this.extras = call.extras;
  }

  get functions(): readonly object[] {
    const { taskExports } = this.pool;
    return taskExports === undefined ? this.#functions : [...this.#functions, taskExports];
  }

  /** Whether the call is of this kind. */
  is(call: TaskCall): boolean {
    return (
      this.fn === call.fn &&
      this.#functions[0] === call.original &&
      this.name === call.name &&
      this.hasOneArgument === call.hasOneArgument &&
      this.callCount === call.callCount &&
      this.goesOn === call.goesOn &&
      this.timeoutMs === call.timeoutMs &&
      this.priority === call.priority &&
      this.retries === call.retries &&
      call.extras === undefined
    );
  }
}

/** What the tasks of one executor share. */
export interface TaskOwner {
  /** Not held: it is to be collected when nobody has it any more, which ends its workers. */
  readonly executor: WeakRef<object> | undefined;
  /** Of tasks whose result is there, and whose streams go on. */
  readonly streaming: Set<ParentLive>;
  /** That of the last call, as long as a task of it has not settled: it holds the function, and what that captures. */
  lastKind?: SubmittedKind | undefined;
}

/** What few calls need. */
interface Ties {
  /** Ends it when it has not begun in time. */
  queueTimer?: NodeJS.Timeout | undefined;
  attempts?: Attempts;
  /** What it failed with, once that is the end. */
  failure?: { readonly error: unknown };
  /** Each ends the wait for an abort signal. */
  stops?: readonly (() => void)[];
  /** Keep the shared memory that it refers to until it has settled. */
  pins?: readonly Pins[];
  /** Of a task with streams or signals in its arguments or its result. */
  live?: ParentLive;
  /**
   * Held while streams of the result go on: a dropped executor closes its pool, which keeps the program running until
   * the last task has ended, and one with a stream that nobody reads never does.
   */
  executor?: object | undefined;
  isIdle?: boolean;
  isStartWanted?: boolean;
  /** Take what it reports. */
  listeners?: ReportListener[];
}

/** Has a task while `retries.on` is asked about its failure: that may cancel it, and then it is not tried again. */
const ASKING: TaskHolder = {
  end: (task, reason) => {
    task.endReason = reason;
  },
  lookForStart: () => false,
  takeBack: () => {},
  hear: () => {},
};

/** One call on its way, with all that waits for its end. */
export class SubmittedTask<T> extends PoolTask<SubmittedKind> implements FutureControl {
  /**
   * Let go at the end: who still has the task by then (a timer, say) needs no result, nor the context of its
   * submission.
   */
  future: ProcessFuture<T> | undefined;
  readonly #submission: SubmissionStack;
  #ties: Ties | undefined;

  constructor(kind: SubmittedKind, args: unknown, submission: SubmissionStack) {
    super(kind, args);
    kind.unsettledCount += 1;
    this.#submission = submission;
    const live = kind.extras?.live;
    if (live !== undefined) this.#ties = { live: new ParentLive(live, () => this.#updateIdle()) };
    if (kind.retries !== undefined) this.#ties = { attempts: new Attempts(kind.retries) };
  }

  cancel(reason: unknown): boolean {
    // Its future may be pending all the same, while functions in its result are looked up.
    if (this.state === "settled") return false;
    return this.kind.pool.cancel(this, new CancelledError(undefined, { cause: reason }));
  }

  tie(pins: readonly Pins[], signals: readonly AbortSignal[], { onProgress, queueTimeoutMs }: AnyTaskOptions): void {
    if (onProgress !== undefined) this.hear(new ProgressCaller(onProgress));
    if (pins === NO_PINS && signals.length === 0 && queueTimeoutMs === undefined) return;
    const ties = (this.#ties ??= {});
    ties.pins = pins;
    if (signals.length > 0) ties.stops = signals.map((signal) => onAbort(signal, () => this.cancel(signal.reason)));
    if (queueTimeoutMs !== undefined) {
      const expire = (): void => this.kind.pool.expire(this, new QueueTimeoutError(this.name, queueTimeoutMs));
      ties.queueTimer = this.kind.pool.timers.setTimeout(expire, queueTimeoutMs);
    }
  }

  override retryDelayMs(outcome: TaskOutcome): number | undefined {
    const ties = this.#ties;
    const attempts = ties?.attempts;
    if (ties === undefined || attempts === undefined || ties.live?.hasResult === true) return undefined;
    const { endReason } = this;
    const failure = endReason === undefined ? outcome : { kind: "ended" as const, error: endReason };
    if (failure.kind === "value" || failure.kind === "result") return undefined;
    this.holder = ASKING;
    const next = attempts.fail(this.#errorOf(failure), failure.kind === "failure");
    if (this.endReason !== endReason) return this.retryDelayMs(outcome);
    if (typeof next !== "number") {
      ties.failure = next;
      return undefined;
    }
    this.unbegin();
    if (this.future !== undefined) futures.unstart(this.future);
    return next;
  }

  #errorOf(failure: FailedOutcome): unknown {
    try {
      return decodeFor(this.functions, () => errorOf(failure, this.#submission));
    } catch (error) {
      // Bytes that are no error.
      return error;
    }
  }

  lookForStart(): boolean {
    return this.holder?.lookForStart(this) === true;
  }

  wantStart(): void {
    (this.#ties ??= {}).isStartWanted = true;
    if (this.holder !== undefined) this.kind.pool.stalls.watchStart();
  }

  get isStartWanted(): boolean {
    return this.#ties?.isStartWanted === true;
  }

  hear(listener: ReportListener): void {
    const ties = (this.#ties ??= {});
    ties.listeners ??= [];
    ties.listeners.push(listener);
    if (ties.listeners.length === 1) this.holder?.hear(this);
  }

  get isHeard(): boolean {
    return this.#ties?.listeners !== undefined;
  }

  protected onReport(report: ReportMessage): void {
    const listeners = this.#ties?.listeners;
    if (listeners !== undefined) decodeFor(this.functions, () => handOver(report, listeners));
  }

  get isIdle(): boolean {
    return this.#ties?.isIdle === true;
  }

  protected onLive(message: LiveMessage, channel: TaskChannel): void {
    const ties = (this.#ties ??= {});
    const live = (ties.live ??= new ParentLive(undefined, () => this.#updateIdle()));
    const result = decodeFor(this.functions, () => live.receive(message, channel));
    if (result === undefined) return;
    const { owner } = this.kind;
    owner.streaming.add(live);
    ties.executor = owner.executor?.deref();
    this.#settle({ kind: "result", value: result }, live);
    this.#updateIdle();
  }

  /** With its result there, it keeps the program running while somebody waits for its streams only. */
  #updateIdle(): void {
    const ties = this.#ties;
    const isIdle = ties?.executor !== undefined && ties.live?.isAwaited === false;
    if (ties === undefined || this.state !== "running" || this.isIdle === isIdle) return;
    ties.isIdle = isIdle;
    const { keepAlive } = this.kind.pool;
    if (isIdle) keepAlive.release();
    else keepAlive.hold();
  }

  #settle(outcome: TaskOutcome, reader: ResultReader): void {
    const { future } = this;
    if (future === undefined) return;
    const failure = this.#ties?.failure;
    if (failure !== undefined) {
      futures.reject(future, failure.error);
      return;
    }
    const { kind } = this;
    // Most results were decoded on their way.
    if (outcome.kind === "value" && kind.callCount === 0) futures.resolve(future, outcome.value as T);
    else decodeFor(kind.functions, () => settleFuture(future, outcome, this.#submission, reader, kind));
  }

  protected onStarted(processTask: ProcessTask): void {
    if (this.#ties !== undefined) this.#stopQueueTimer(this.#ties);
    if (this.future !== undefined) futures.start(this.future, processTask);
  }

  protected onSettled(outcome: TaskOutcome): void {
    const { kind } = this;
    kind.unsettledCount -= 1;
    if (kind.unsettledCount === 0 && kind.owner.lastKind === kind) kind.owner.lastKind = undefined;
    if (this.#ties === undefined) this.#settle(outcome, resultReader);
    else this.#untie(this.#ties, outcome);
    this.future = undefined;
  }

  #stopQueueTimer(ties: Ties): void {
    if (ties.queueTimer !== undefined) this.kind.pool.timers.clearTimeout(ties.queueTimer);
    ties.queueTimer = undefined;
  }

  #untie(ties: Ties, outcome: TaskOutcome): void {
    this.#stopQueueTimer(ties);
    for (const stop of ties.stops ?? []) stop();
    releaseAll(ties.pins ?? NO_PINS);
    const { live } = ties;
    if (live !== undefined) decodeFor(this.functions, () => live.close(outcome));
    if (live?.hasResult !== true) this.#settle(outcome, resultReader);
    else this.kind.owner.streaming.delete(live);
    this.#ties = undefined;
  }
}
