import { weightOf } from "./function-table.js";
import type { ParentChannel } from "../wire/parent-channel.js";
import type { PooledFunction } from "./function-table.js";
import type { SentFunctions } from "./function-table.js";

/**
 * Sends those of a task's functions that its worker doesn't hold: the one that it runs, and those in its arguments. What the worker
 * is to forget in return is none of them, however much they are. Gives their size in bytes.
 */
export function sendFunctions(
  functions: readonly PooledFunction[],
  sent: SentFunctions,
  channel: ParentChannel,
): number {
  let sentBytes = 0;
  const needed = new Map(functions.map((fn) => [fn.id, fn]));
  for (const fn of needed.values()) {
    if (sent.has(fn.id)) continue;
    sentBytes += fn.pickle.byteLength;
    channel.send({ kind: "function", functionId: fn.id, pickle: fn.pickle });
    sent.keep(fn.id, weightOf(fn));
  }
  // Only now: each of them was used last, and one that was there already must not be forgotten because of another one.
  for (let id = sent.dropExcess(needed); id !== undefined; id = sent.dropExcess(needed)) {
    channel.send({ kind: "forget", functionId: id });
  }
  return sentBytes;
}
