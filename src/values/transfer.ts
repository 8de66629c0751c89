/** Giving buffers away, as `postMessage` does with its transfer list. */

import { NotSerializableError } from "../errors.js";
import { refuseBinary } from "./classes/classify.js";
import { segmentOf } from "../memory/segment.js";

function refuse(index: number, what: string, options?: ErrorOptions): NotSerializableError {
  return new NotSerializableError(`transfer[${index}]`, what, options);
}

/**
 * Detaches buffers, and gives for each a new one with its memory. All of them, or none.
 *
 * @throws NotSerializableError for one that is detached already or belongs to others: shared memory, or Node's pool of
 * Buffers.
 */
export function moveBuffers(buffers: readonly ArrayBuffer[]): Map<ArrayBuffer, ArrayBuffer> {
  for (const [index, buffer] of buffers.entries()) {
    const isShared = segmentOf(buffer) !== undefined;
    const problem = isShared ? "it is shared memory, which is never copied" : refuseBinary(buffer);
    if (problem !== undefined) throw refuse(index, problem);
    if (buffers.indexOf(buffer) !== index) throw refuse(index, "the list has it twice");
  }
  let moved: ArrayBuffer[];
  try {
    moved = structuredClone([...buffers], { transfer: [...buffers] });
  } catch (cause) {
    throw refuse(0, "one of the buffers can't be transferred", { cause });
  }
  const byOriginal = new Map<ArrayBuffer, ArrayBuffer>();
  for (const [index, buffer] of buffers.entries()) byOriginal.set(buffer, moved[index] as ArrayBuffer);
  return byOriginal;
}
