/** From a call to a task in the pool. */

import { isPromise } from "node:util/types";
import { isProxy } from "node:util/types";

import { isThenable } from "../../values/classes/thenable.js";
import { checkSize } from "./encoded-arguments.js";
import { encodeCompact } from "../../values/compact/write.js";
import { encodePinned } from "../../memory/pins.js";
import { findCurrentTask } from "../../subprocess/task/current-task.js";
import { FunctionInspector } from "../../pickle/look/function-inspector.js";
import { FunctionNotPicklableError } from "../../errors.js";
import { FunctionTable } from "../../pool/queue/function-table.js";
import { futures } from "../outcome/process-future.js";
import { rejectedFuture } from "../outcome/process-future.js";
import { ImportTimeUseError } from "../../errors.js";
import { InvalidOptionError } from "../../errors.js";
import { isImporting } from "../../system/worker-state.js";
import { isWorker } from "../../system/worker-state.js";
import { isPlainList } from "../../values/compact/write.js";
import { NO_PINS } from "./encoded-arguments.js";
import { NotAFunctionError } from "../../errors.js";
import { pickleTaskFunction } from "../../pickle/pickle-function.js";
import { PooledFunction } from "../../pool/queue/function-table.js";
import { PromisePassedError } from "../../errors.js";
import { releaseAll } from "./encoded-arguments.js";
import { seenByRefusal } from "../../pickle/pickle-function.js";
import { showCall } from "../outcome/submission-stack.js";
import { showValue } from "../../show-value.js";
import { SubmissionStacks } from "../outcome/submission-stack.js";
import { SubmittedKind } from "./submitted-task.js";
import { SubmittedTask } from "./submitted-task.js";
import { TakenArguments } from "./encoded-arguments.js";
import { throwIfAborted } from "../../live/abort-subscriptions.js";
import type { FinishedArguments } from "./encoded-arguments.js";
import type { OwnedVariables } from "../../pickle/variables/owned-variables.js";
import type { PickleProblem } from "../../errors.js";
import type { Pins } from "../../memory/pins.js";
import type { ProcessFuture } from "../outcome/process-future.js";
import type { TaskPool } from "../../pool/task-pool.js";
import type { Seen } from "../../pickle/pickle-function.js";
import type { SubmissionStack } from "../outcome/submission-stack.js";
import type { TaskCall } from "./submitted-task.js";
import type { AnyTaskOptions } from "../options/options.js";
import type { TaskOwner } from "./submitted-task.js";
import type { AnyFunction } from "../../values/classes/value-writer.js";

/** Of arguments that go as they are, or were encoded at once. */
const NOTHING_TAKEN: FinishedArguments = { args: [], callCount: 0, pins: NO_PINS, extras: undefined, functions: [] };

const NO_RETRY =
  "A task with a stream or a signal among its arguments can't be tried again: these are sent once. " +
  "Leave out the option retries, or pass the data itself; the option signal cancels a task.";

/** One call as it comes from the user. */
export interface Submission {
  readonly fn: AnyFunction;
  readonly args: readonly unknown[];
  /** Arguments that were taken already, in place of `args`: of one call, or of a chunk of them. */
  readonly taken?: TakenArguments;
  readonly options: AnyTaskOptions;
  /** Frames above this function are left out of the stack that shows where the task was submitted. */
  readonly calledFrom: AnyFunction;
  /** Where it was submitted, when that isn't on the stack any more. */
  readonly stack?: SubmissionStack;
}

/** @throws PromisePassedError or NotAFunctionError for anything but a function. */
function checkFunction(fn: unknown): asserts fn is AnyFunction {
  if (typeof fn === "function") return;
  if (isPromise(fn) || (!isProxy(fn) && isThenable(fn))) throw new PromisePassedError();
  throw new NotAFunctionError(showValue(fn));
}

/** @throws InvalidOptionError for arguments that can't be sent twice. */
function checkRetriable(taken: TakenArguments | undefined): void {
  if (taken?.hasLive === true) throw new InvalidOptionError("retries", NO_RETRY);
}

/** A class may have a static member `name` of any kind. */
function nameOf(fn: AnyFunction): string {
  const name: unknown = fn.name;
  return typeof name === "string" && name !== "" ? name : "anonymous";
}

/** @throws What is wrong with a call before anything is made of it. */
function checkCall({ fn, options: { name, signal } }: Submission): void {
  checkFunction(fn);
  if (isWorker && isImporting()) throw new ImportTimeUseError(`Task "${name ?? nameOf(fn)}" was submitted`);
  if (signal !== undefined) throwIfAborted(signal);
}

/** Whether the arguments can go as they are, and are encoded on their way. */
function isPlain({ args, options }: Submission): boolean {
  return options.transfer === undefined && isPlainList(args);
}

/** Encodes arguments that are small plain values and trees of such, as most are. */
function encodeAtOnce({ args, options }: Submission, shareAboveBytes: number): Uint8Array | undefined {
  return options.transfer === undefined ? encodeCompact(args, "list", shareAboveBytes) : undefined;
}

/** The pins of a task: of its arguments, and of what its function captures. */
function allPins(ofArguments: readonly Pins[], { pins }: PooledFunction): readonly Pins[] {
  if (pins === undefined) return ofArguments;
  pins.pin();
  return [...ofArguments, pins];
}

const NO_SIGNALS: readonly AbortSignal[] = [];

/**
 * The signals that cancel a task: its own, and that of the task in which it is submitted, if it is. What a task
 * submits after it has been asked to end, in a `finally` block, is not cancelled by that.
 */
function endingSignals(signal: AbortSignal | undefined): readonly AbortSignal[] {
  const outer = findCurrentTask();
  if (outer === undefined || outer.aborted) return signal === undefined ? NO_SIGNALS : [signal];
  return signal === undefined ? [outer.signal] : [signal, outer.signal];
}

/** What the last look at a function came to. */
interface LookedAt {
  readonly seen: Seen;
  readonly outcome: PooledFunction | readonly PickleProblem[];
}

/** How functions go to other machines, to which no code goes: hosts know them by name. */
export interface Abroad {
  functionFor(fn: AnyFunction): PooledFunction;
  /** @throws NotSerializableError for what lives in this process, or on this machine, alone. */
  checkArguments(taken: FinishedArguments): void;
}

/** Turns calls of an executor's methods into tasks of its pool. */
export class TaskSubmitter {
  readonly #pool: TaskPool;
  readonly #functions = new FunctionTable();
  readonly #stacks = new SubmissionStacks();
  readonly #known = new WeakMap<AnyFunction, LookedAt>();
  readonly #shareAboveBytes: number;
  readonly #owner: TaskOwner;
  readonly #owned: OwnedVariables | undefined;
  readonly #abroad: Abroad | undefined;

  readonly #pickleArgument = (fn: AnyFunction): PooledFunction => {
    if (this.#abroad === undefined) return this.#pickle(fn);
    const problem = "no code goes to other machines";
    const advice = "Pass its name, and look it up in the task.";
    throw new FunctionNotPicklableError(nameOf(fn), [{ variable: nameOf(fn), problem, advice }]);
  };

  /**
   * @param shareAboveBytes - Binary data in arguments of at least this size is placed in shared memory.
   * @param executor - Whose calls these are.
   * @param owned - Variables that are the workers' own.
   */
  constructor(
    pool: TaskPool,
    shareAboveBytes: number = Infinity,
    executor?: object,
    owned?: OwnedVariables,
    abroad?: Abroad,
  ) {
    this.#pool = pool;
    this.#abroad = abroad;
    this.#owned = owned;
    this.#owner = { executor: executor && new WeakRef(executor), streaming: new Set() };
    this.#shareAboveBytes = shareAboveBytes;
  }

  /** Begins to take the arguments of a task ahead of its submission. */
  takeArguments({ transfer }: AnyTaskOptions): TakenArguments {
    return new TakenArguments({ pickle: this.#pickleArgument, shareAboveBytes: this.#shareAboveBytes, transfer });
  }

  /** Makes a task. Never throws: what is wrong with the call rejects its own future. */
  submit<T>(submission: Submission): ProcessFuture<T> {
    let pins = NO_PINS;
    let { taken } = submission;
    try {
      checkCall(submission);
      const { retries, signal, timeoutMs, priority = 0 } = submission.options;
      this.#pool.checkRoom();
      // Its start takes longer than all that is done here, of which the first time takes tens of milliseconds.
      this.#pool.expectTask();
      const fn = this.#pickle(submission.fn);
      const stack = submission.stack ?? this.#stacks.capture(fn.id, submission.calledFrom);
      const encoded = taken ?? this.#encode(submission);
      if (encoded instanceof TakenArguments) taken = encoded;
      // A getter or a hook of what was encoded may have aborted it; nothing is given away yet.
      if (signal !== undefined) throwIfAborted(signal);
      if (retries !== undefined) checkRetriable(taken);
      const finished = taken === undefined ? NOTHING_TAKEN : taken.finish();
      ({ pins } = finished);
      this.#check(finished);
      pins = allPins(pins, fn);
      const args = encoded instanceof TakenArguments ? finished.args : encoded;
      const hasOneArgument = !(args instanceof Uint8Array) && args.length === 1;
      const kind = this.#kindOf({
        fn,
        original: submission.fn,
        argumentFunctions: finished.functions,
        // Only now: of a revoked Proxy, which was refused, even the name can't be asked.
        name: submission.options.name ?? nameOf(submission.fn),
        timeoutMs,
        priority,
        retries,
        callCount: finished.callCount,
        goesOn: finished.callCount > 0 && submission.options.onError === "continue",
        hasOneArgument,
        extras: finished.extras,
      });
      const task = new SubmittedTask<T>(kind, hasOneArgument ? args[0] : args, stack);
      const future = futures.create<T>(task);
      task.future = future;
      task.tie(pins, endingSignals(signal), submission.options);
      this.#pool.submit(task);
      return future;
    } catch (error) {
      releaseAll(pins);
      taken?.release();
      showCall(error, submission.calledFrom, submission.stack);
      return rejectedFuture(error);
    }
  }

  /** How long a call of a function takes, in microseconds; `undefined` before one has ended. */
  callUs(fn: AnyFunction): number | undefined {
    const outcome = this.#abroad?.functionFor(fn) ?? this.#known.get(fn)?.outcome;
    return outcome instanceof PooledFunction ? outcome.callUs : undefined;
  }

  /** @throws NotSerializableError for arguments that don't go where tasks go. */
  #check(finished: FinishedArguments): void {
    this.#abroad?.checkArguments(finished);
  }

  /** Gives the arguments as they are, if they are plain; encoded, as most others; or as they were taken. */
  #encode(submission: Submission): readonly unknown[] | Uint8Array | TakenArguments {
    if (isPlain(submission)) return submission.args;
    const encoded = encodeAtOnce(submission, this.#shareAboveBytes);
    if (encoded !== undefined) return encoded;
    const taken = this.takeArguments(submission.options);
    taken.add(submission.args, submission.options.transfer === undefined);
    return taken;
  }

  /** That of the call before, when it is the same. */
  #kindOf(call: TaskCall): SubmittedKind {
    const last = this.#owner.lastKind;
    if (last?.is(call) === true) return last;
    const kind = new SubmittedKind(this.#pool, this.#owner, call);
    // What has shared memory, or more of its own, is not kept: that is to be free when its holders drop it.
    this.#owner.lastKind = call.fn.pins === undefined && call.extras === undefined ? kind : undefined;
    return kind;
  }

  /** Ends streams in results that nobody has begun to use: no shutdown could wait for these. */
  abandonUnusedStreams(): void {
    for (const live of this.#owner.streaming) live.abandonUnused();
  }

  /** @throws FunctionNotPicklableError when it can't be sent. */
  #pickle(fn: AnyFunction): PooledFunction {
    if (this.#abroad !== undefined) return this.#abroad.functionFor(fn);
    const known = this.#known.get(fn);
    // Lent to the comparison and the look: neither asks for what the other has asked for.
    const inspector = known?.seen.needsInspector === false ? undefined : new FunctionInspector();
    try {
      if (known?.seen.isUnchanged(inspector) !== true) return this.#look(fn, inspector);
      const { outcome } = known;
      if (!(outcome instanceof PooledFunction)) throw new FunctionNotPicklableError(nameOf(fn), outcome);
      return outcome.pins?.isStale === true ? this.#look(fn, inspector) : outcome;
    } finally {
      inspector?.[Symbol.dispose]();
    }
  }

  #look(fn: AnyFunction, inspector: FunctionInspector | undefined): PooledFunction {
    try {
      const { encoded, pins } = encodePinned(() => pickleTaskFunction(fn, this.#owned, inspector));
      // The function holds the memory; the descriptors are kept open by each task.
      pins?.release();
      const { payload, stateKey, seen } = encoded;
      checkSize(payload, "the function with its variables");
      const outcome = this.#functions.intern(payload, stateKey, pins);
      this.#known.set(fn, { outcome, seen });
      return outcome;
    } catch (error) {
      const seen = seenByRefusal(error);
      if (seen !== undefined) this.#known.set(fn, { outcome: (error as FunctionNotPicklableError).problems, seen });
      else this.#known.delete(fn);
      throw error;
    }
  }
}
