import { encodeThrown } from "../../values/thrown.js";
import { sendFunctions } from "./send-functions.js";
import { sizeWithAttachments } from "../../values/binary/attachments.js";
import type { ParentChannel } from "../../wire/parent-channel.js";
import type { PoolTask } from "../queue/pool-task.js";
import type { SentFunctions } from "../queue/function-table.js";

/** What waits in a worker doesn't wait for the end of a task that is expected to take longer, in microseconds. */
const LONG_FROM_US = 200;

/** Whether a task may take long: by what is known of its function. */
function isLong(task: PoolTask): boolean {
  return (task.fn.expectedUs(task.isChunk) ?? LONG_FROM_US) >= LONG_FROM_US;
}

/**
 * Whether the start of a task is to be sent at once: somebody waits for it, or it could be found nowhere.
 *
 * @param hasJournal - Whether the worker keeps the starts of its tasks.
 */
export function isAnnounced(task: PoolTask, hasJournal: boolean): boolean {
  const isWaitedFor = task.timeoutMs !== undefined || task.extras?.live !== undefined || task.isStartWanted;
  return isWaitedFor || (!hasJournal && isLong(task));
}

/** Asks a task to end by itself. */
export function abortTask(task: PoolTask, reason: Error, channel: ParentChannel): void {
  channel.sendToWatchdog({ kind: "abort", taskId: task.number });
  channel.send({ kind: "cancel", taskId: task.number, reason: encodeThrown(reason) });
}

/**
 * Sends a task to a worker, and its function if the worker doesn't hold it. Gives the size of both, in bytes.
 *
 * @param held - The tasks that the worker has, with this one.
 */
export function sendTask(
  task: PoolTask,
  isStartAnnounced: boolean,
  held: Iterable<PoolTask>,
  sent: SentFunctions,
  channel: ParentChannel,
): number {
  const { fn, args } = task;
  task.sendCount += 1;
  let sentBytes = args instanceof Uint8Array ? sizeWithAttachments(args) : 0;
  if (task.extras !== undefined || !sent.has(fn.id)) sentBytes += sendFunctions(task, held, sent, channel);
  channel.sendTask({
    kind: "task",
    taskId: task.number,
    functionId: fn.id,
    isChunk: task.isChunk,
    isAnnounced: isStartAnnounced,
    isLong: isLong(task),
    taskName: task.name,
    args,
  });
  task.extras?.live?.tellAborted((channelId, op, payload) =>
    channel.send({ kind: "live", taskId: task.number, channel: channelId, op, payload }),
  );
  return sentBytes;
}
