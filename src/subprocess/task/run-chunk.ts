/** Runs the calls of a chunk, each as a task of its own would run. */

import { EncodedThrown } from "../../values/compact/joined-values.js";
import { decodeValue } from "../../values/codec.js";
import { attachmentsOf } from "../../values/binary/attachments.js";
import { encodePinned } from "../../memory/pins.js";
import { encodeThrown } from "../../values/thrown.js";
import { encodeValue } from "../../values/codec.js";
import { isPlainValue } from "../../values/compact/write.js";
import { joinValues } from "../../values/compact/joined-values.js";
import { joinPins } from "../../memory/pins.js";
import { loadReferences } from "./worker-values.js";
import { needsReferences } from "./worker-values.js";
import { splitValues } from "../../values/compact/joined-values.js";
import { withFailedImports } from "../../pickle/refer/side-imports.js";
import type { LaterValue } from "../../values/extended/read.js";
import type { Pinned } from "../../memory/pins.js";
import type { Pins } from "../../memory/pins.js";
import type { Releasable } from "../../memory/pins.js";
import type { RunOrder } from "./run-order.js";
import type { TaskFunction } from "./function-store.js";

/** Calls a function with an encoded list of arguments. */
export function callEncoded(fn: TaskFunction, encoded: Uint8Array, order: RunOrder): unknown {
  const args = decodeValue(encoded, order.values, "args");
  return args instanceof Promise ? callLater(fn, args as Promise<LaterValue>) : fn(...(args as unknown[]));
}

async function callLater(fn: TaskFunction, args: Promise<LaterValue>): Promise<unknown> {
  const { value } = await args;
  return await fn(...(value as unknown[]));
}

/** What came of a chunk: results, each as it was when its call ended, and what calls have thrown, in their order. */
export class ChunkOutcome {
  readonly #order: RunOrder;
  /** Those that are plain can't change, and are encoded later. */
  readonly #results: unknown[] = [];
  readonly #pins: Pins[] = [];
  #attachments = 0;

  constructor(order: RunOrder) {
    this.#order = order;
  }

  /**
   * Takes the result of the next call.
   *
   * @returns A promise when something is waited for to encode it.
   * @throws NotSerializableError when it can't be sent.
   */
  add(result: unknown): Promise<void> | undefined {
    if (isPlainValue(result)) {
      this.#results.push(result);
      return undefined;
    }
    const { values, shareAboveBytes } = this.#order;
    const offered = values.offerCount;
    // User code runs before the chunk is sent, so large data is copied.
    const how = { writer: values, othersAttachments: this.#attachments };
    try {
      const encoded = encodePinned(() => encodeValue(result, "result", how), shareAboveBytes);
      if (!values.isMissingBlobs) {
        this.#results.push(this.#keep(encoded));
        return undefined;
      }
      encoded.pins?.release();
      return this.#addAfter(values.readMissing(offered), result);
    } catch (error) {
      values.takeBack(offered);
      if (!needsReferences()) throw error;
      return this.#addAfter(loadReferences(), result);
    }
  }

  async #addAfter(waiting: Promise<void>, result: unknown): Promise<void> {
    await waiting;
    await this.add(result);
  }

  /** Takes what the next call has thrown. */
  fail(error: unknown): void {
    const how = { othersAttachments: this.#attachments };
    const thrown = this.#keep(encodePinned(() => encodeThrown(error, how), this.#order.shareAboveBytes));
    this.#results.push(new EncodedThrown(thrown));
  }

  #keep({ encoded, pins }: Pinned<Uint8Array>): Uint8Array {
    this.#attachments += attachmentsOf(encoded).length;
    if (pins !== undefined) this.#pins.push(pins);
    return encoded;
  }

  /** What all of it refers to. */
  get pins(): Releasable | undefined {
    return joinPins(this.#pins);
  }

  /** All of it as one payload. */
  join(): Uint8Array {
    return joinValues(this.#results);
  }
}

/**
 * Calls a function with one argument list after the other, up to the first failure; with `goesOn`, to the end.
 *
 * @returns Rejects only when the task is to end.
 */
export async function runChunk(fn: TaskFunction, lists: Uint8Array, order: RunOrder): Promise<ChunkOutcome> {
  const outcome = new ChunkOutcome(order);
  for (const list of splitValues(lists)) {
    throwIfAborted(order, outcome);
    try {
      // One after the other is the point of a chunk.
      const result = list instanceof Uint8Array ? callEncoded(fn, list, order) : fn(...(list as unknown[]));
      const waiting = outcome.add(await result);
      if (waiting !== undefined) await waiting;
    } catch (error) {
      outcome.fail(withFailedImports(error, fn));
      if (order.goesOn !== true) break;
    }
  }
  return outcome;
}

function throwIfAborted({ task }: RunOrder, outcome: ChunkOutcome): void {
  try {
    task.throwIfAborted();
  } catch (error) {
    outcome.pins?.release();
    throw error;
  }
}
