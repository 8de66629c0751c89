/**
 * Runs one task in the worker, from its arrival to its outcome.
 *
 * The steps and their order are those of the original: logging and the SIGTERM handler are there already (once for
 * each worker, see main), then register, make a fresh context, run to the end, unregister.
 */

import { isThenable } from "../../values/classes/thenable.js";
import { Replier } from "./replier.js";
import { callEncoded } from "./run-chunk.js";
import { encodePinned } from "../../memory/pins.js";
import { encodeThrown } from "../../values/thrown.js";
import { encodeValue } from "../../values/codec.js";
import { isPlainValue } from "../../values/compact/write.js";
import { loadReferences } from "./worker-values.js";
import { needsReferences } from "./worker-values.js";
import { runAsTask } from "./current-task.js";
import { runChunk } from "./run-chunk.js";
import { performance } from "../../system/timers.js";
import { withFailedImports } from "../../pickle/refer/side-imports.js";
import type { ChunkOutcome } from "./run-chunk.js";
import type { Pinned } from "../../memory/pins.js";
import type { Releasable } from "../../memory/pins.js";
import type { RunOrder } from "./run-order.js";
import type { TaskFunction } from "./function-store.js";
import type { WorkerValues } from "./worker-values.js";

/** Nothing runs between the encoding of an outcome and its sending; the channel lets none with attachments wait. */
const WRITTEN_AT_ONCE = { isWrittenAtOnce: true };

function callFunction(fn: TaskFunction, order: RunOrder): unknown {
  const { args } = order;
  if (!(args instanceof Uint8Array)) return fn(...args);
  return order.isChunk ? runChunk(fn, args, order) : callEncoded(fn, args, order);
}

async function loadAndCall(loading: Promise<TaskFunction>, order: RunOrder): Promise<unknown> {
  const fn = await loading;
  // How long its modules take to load says nothing of the next task.
  order.task.beganMs = performance.now();
  return await callFunction(fn, order);
}

function runBody(order: RunOrder): unknown {
  const fn = order.functions.load(order.functionId);
  return typeof fn === "function" ? callFunction(fn, order) : loadAndCall(fn, order);
}

/** @returns A promise when there are live values in the result, whose end is waited for, or functions. */
function succeed(result: unknown, order: RunOrder, replier: Replier): Promise<void> | undefined {
  order.task.endReports();
  if (order.isChunk) return succeedWithChunk(result as ChunkOutcome, order, replier);
  if (isPlainValue(result)) {
    replier.succeedPlainly(result);
    return undefined;
  }
  try {
    return succeedWith(result, order, replier);
  } catch (error) {
    if (!needsReferences()) throw error;
    order.values.takeBack(0);
    return succeedLater(result, order, replier);
  }
}

async function succeedLater(result: unknown, order: RunOrder, replier: Replier): Promise<void> {
  await loadReferences();
  await succeedWith(result, order, replier);
}

function succeedWith(result: unknown, order: RunOrder, replier: Replier): Promise<void> | undefined {
  const { shareAboveBytes, values } = order;
  const encode = (): Pinned<Uint8Array> =>
    encodePinned(() => encodeValue(result, "result", values.asResult), shareAboveBytes);
  const { encoded, pins } = encode();
  if (!values.hasOffers) {
    replier.succeed(encoded, pins);
    return undefined;
  }
  const encodeAgain = (): Pinned<Uint8Array> => {
    pins?.release();
    return encode();
  };
  return deliver({ encoded, pins, encodeAgain }, order, values, replier);
}

function succeedWithChunk(outcome: ChunkOutcome, order: RunOrder, replier: Replier): Promise<void> | undefined {
  const { values } = order;
  const { pins } = outcome;
  const encoded = outcome.join();
  // Its Blobs are read already.
  const encodeAgain = (): Encoded => ({ encoded, pins });
  if (values.hasOffers) return deliver({ encoded, pins, encodeAgain }, order, values, replier);
  replier.succeed(encoded, pins);
  return undefined;
}

interface Encoded {
  readonly encoded: Uint8Array;
  readonly pins: Releasable | undefined;
}

/** A result as it was encoded first, and a way to encode it when the contents of its Blobs are known. */
interface Deliverable extends Encoded {
  encodeAgain(): Encoded;
}

async function deliver(first: Deliverable, order: RunOrder, values: WorkerValues, replier: Replier): Promise<void> {
  let { pins } = first;
  const encodeAgain = (): Uint8Array => {
    const again = first.encodeAgain();
    ({ pins } = again);
    return again.encoded;
  };
  const encodeNothing = (): Uint8Array => encodeValue(undefined, "result");
  const { signal } = order.task;
  const outcome = values.deliver(first.encoded, signal, encodeAgain, encodeNothing);
  replier.succeed(await order.task.settle(outcome), pins);
}

function fail(thrown: unknown, order: RunOrder, replier: Replier): void {
  order.task.endReports();
  const error = withFailedImports(thrown, order.functions.built(order.functionId));
  const { encoded, pins } = encodePinned(() => encodeThrown(error, WRITTEN_AT_ONCE), order.shareAboveBytes);
  replier.fail(encoded, pins);
  order.values.end(error);
}

function toPromise(body: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(body);
}

async function awaitOutcome(body: PromiseLike<unknown>, order: RunOrder, replier: Replier): Promise<void> {
  try {
    const waiting = runAsTask(order.task, toPromise, body);
    const streaming = succeed(await order.task.settle(waiting), order, replier);
    if (streaming !== undefined) await streaming;
  } catch (error) {
    fail(error, order, replier);
  } finally {
    order.values.end(undefined);
    replier.exit();
  }
}

async function awaitStreams(streaming: Promise<void>, order: RunOrder, replier: Replier): Promise<void> {
  try {
    await streaming;
  } catch (error) {
    fail(error, order, replier);
  } finally {
    order.values.end(undefined);
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
  const replier = new Replier(order.task, order.send, order.heldPins);
  replier.enter();
  order.values.begin(order.task.id);
  try {
    const value = runAsTask(order.task, runBody, order);
    if (isThenable(value)) return awaitOutcome(value, order, replier);
    const streaming = succeed(value, order, replier);
    if (streaming !== undefined) return awaitStreams(streaming, order, replier);
  } catch (error) {
    fail(error, order, replier);
  }
  order.values.end(undefined);
  replier.exit();
  return undefined;
}
