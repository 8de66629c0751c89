import { weightOf } from "../queue/function-table.js";
import type { ParentChannel } from "../../wire/parent-channel.js";
import type { PoolTask } from "../queue/pool-task.js";
import type { PooledFunction } from "../queue/function-table.js";
import type { SentFunctions } from "../queue/function-table.js";

/** The function that a task runs, and those in its arguments. */
function functionsOf({ extras, fn }: PoolTask): readonly PooledFunction[] {
  return extras === undefined ? [fn] : [...extras.functions, fn];
}

/**
 * Sends those of a task's functions that its worker doesn't hold. What the worker is to forget in return is none that a task
 * needs which it has, however much they are: it forgets at once, whatever still waits there. Gives their size in bytes.
 *
 * @param held - The tasks that the worker has, with this one. Looked at only when it is to forget something.
 */
export function sendFunctions(
  task: PoolTask,
  held: Iterable<PoolTask>,
  sent: SentFunctions,
  channel: ParentChannel,
): number {
  let sentBytes = 0;
  for (const fn of functionsOf(task)) {
    if (sent.has(fn.id)) continue;
    sentBytes += fn.pickle.byteLength;
    channel.send({ kind: "function", functionId: fn.id, pickle: fn.pickle });
    sent.add(fn.id, weightOf(fn));
  }
  // Only now: none of them must be forgotten because of another one.
  if (sentBytes === 0 || !sent.isTooMuch) return sentBytes;
  const needed = new Set<number>();
  for (const each of held) for (const { id } of functionsOf(each)) needed.add(id);
  for (const functionId of sent.dropExcess(needed)) channel.send({ kind: "forget", functionId });
  return sentBytes;
}
