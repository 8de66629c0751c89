/**
 * Runs one task in the worker, from its arrival to its outcome.
 *
 * The steps and their order are those of the original: logging and the SIGTERM handler are there already (once for each
 * worker, see main), then register, make a fresh context, run to the end, unregister.
 */

import { Replier } from "./replier.js";
import { decodeValue } from "../wire/codec.js";
import { encodePinned } from "../memory/pins.js";
import { mayPin } from "../memory/pins.js";
import { encodeThrown } from "../wire/error-codec.js";
import { encodeValue } from "../wire/codec.js";
import { isPlainValue } from "../wire/codec-compact.js";
import { runAsTask } from "./current-task.js";
import type { HeldPins } from "../memory/pins.js";
import type { RunningTask } from "./running-task.js";
import type { ToParentMessage } from "../wire/protocol.js";

/** A function as it is called in a worker. */
export type TaskFunction = (...args: unknown[]) => unknown;

/** Has functions. */
export interface FunctionSource {
  load(functionId: number): TaskFunction | Promise<TaskFunction>;
}

/** What `run` needs of a task. */
export interface RunOrder {
  readonly task: RunningTask;
  /** Where the function comes from; user modules may be imported for it, so it is loaded inside the task. */
  readonly functions: FunctionSource;
  readonly functionId: number;
  /** One list, or a list of lists for a chunk; encoded or not. */
  readonly args: Uint8Array | readonly unknown[];
  readonly isChunk: boolean;
  readonly send: (message: ToParentMessage) => void;
  /** Keeps the shared memory of the outcome until the parent has it. */
  readonly heldPins?: HeldPins;
  /** Binary data in the outcome of at least this size, in bytes, is placed in shared memory. */
  readonly shareAboveBytes?: number | undefined;
}

/** The outcome of a chunk: the results up to the first failure, and that failure. */
export interface ChunkOutcome {
  readonly results: readonly unknown[];
  /** The encoded error; absent when all went well. */
  readonly failure?: Uint8Array;
}

/** Nothing runs between the encoding of an outcome and its sending; the channel lets none with attachments wait. */
const WRITTEN_AT_ONCE = { isWrittenAtOnce: true };

async function runChunk(fn: TaskFunction, argLists: readonly unknown[][], task: RunningTask): Promise<ChunkOutcome> {
  const results: unknown[] = [];
  for (const args of argLists) {
    task.throwIfAborted();
    try {
      // One after the other is the point of a chunk.
      results.push(await fn(...args));
    } catch (error) {
      return { results, failure: encodeThrown(error, { isNested: true }) };
    }
  }
  return { results };
}

function callFunction(fn: TaskFunction, order: RunOrder): unknown {
  const args = order.args instanceof Uint8Array ? decodeValue(order.args) : order.args;
  return order.isChunk ? runChunk(fn, args as unknown[][], order.task) : fn(...(args as unknown[]));
}

async function loadAndCall(loading: Promise<TaskFunction>, order: RunOrder): Promise<unknown> {
  return await callFunction(await loading, order);
}

function runBody(order: RunOrder): unknown {
  const fn = order.functions.load(order.functionId);
  return typeof fn === "function" ? callFunction(fn, order) : loadAndCall(fn, order);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function succeed(result: unknown, order: RunOrder, replier: Replier): void {
  if (isPlainValue(result)) {
    replier.succeedPlainly(result);
    return;
  }
  if (!mayPin(order.shareAboveBytes)) {
    replier.succeed(encodeValue(result, "result", WRITTEN_AT_ONCE));
    return;
  }
  const { encoded, pins } = encodePinned(() => encodeValue(result, "result", WRITTEN_AT_ONCE), order.shareAboveBytes);
  replier.succeed(encoded, pins);
}

function fail(error: unknown, order: RunOrder, replier: Replier): void {
  const { encoded, pins } = encodePinned(() => encodeThrown(error, WRITTEN_AT_ONCE), order.shareAboveBytes);
  replier.fail(encoded, pins);
}

function toPromise(body: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(body);
}

async function awaitOutcome(body: PromiseLike<unknown>, order: RunOrder, replier: Replier): Promise<void> {
  try {
    const waiting = runAsTask(order.task, toPromise, body);
    succeed(await order.task.settle(waiting), order, replier);
  } catch (error) {
    fail(error, order, replier);
  } finally {
    replier.exit();
  }
}

/**
 * Runs the task and reports its outcome.
 *
 * @returns `undefined` when the task is over: a function that returns no promise is called and reported on without one
 * turn of the event loop, or of the queue of promises. Else a promise, which never rejects.
 */
export function run(order: RunOrder): Promise<void> | undefined {
  const replier = new Replier(order.task.id, order.send, order.heldPins);
  replier.enter();
  try {
    const value = runAsTask(order.task, runBody, order);
    if (isThenable(value)) return awaitOutcome(value, order, replier);
    succeed(value, order, replier);
  } catch (error) {
    fail(error, order, replier);
  }
  replier.exit();
  return undefined;
}
