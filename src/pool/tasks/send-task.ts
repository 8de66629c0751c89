/** What is sent to a worker: tasks, each with those of its functions that the worker does not hold. */

import { encodeThrown } from "../../values/thrown.js";
import { LONG_FROM_US } from "../pace/constants.js";
import { isTooMuch } from "../queue/function-table.js";
import { sizeWithAttachments } from "../../values/binary/attachments.js";
import type { ParentChannel } from "../../wire/parent-channel.js";
import type { PooledFunction } from "../queue/function-table.js";
import type { PoolTask } from "../queue/pool-task.js";

/**
 * How much memory it takes, in bytes, in whatever process has it. What it captures of shared memory counts in full,
 * though only a reference travels: a worker that holds the function holds that memory, which is not free before it
 * forgets.
 */
function weightOf(fn: PooledFunction): number {
  return fn.pickle.byteLength + (fn.pins?.sizeBytes ?? 0);
}

/** Which functions one worker holds; the least recently used is forgotten on both sides when there are too many. */
export class SentFunctions {
  readonly #sizes = new Map<number, number>();
  #keptBytes = 0;
  /** The one used last: mostly the same as the time before. */
  #lastId = 0;

  /** Whether the worker has it; notes the use. */
  has(functionId: number): boolean {
    if (functionId === this.#lastId) return true;
    const sizeBytes = this.#sizes.get(functionId);
    if (sizeBytes === undefined) return false;
    this.#sizes.delete(functionId);
    this.#sizes.set(functionId, sizeBytes);
    this.#lastId = functionId;
    return true;
  }

  /** Notes that it was sent. */
  add(functionId: number, sizeBytes = 0): void {
    if (this.has(functionId)) return;
    this.#sizes.set(functionId, sizeBytes);
    this.#keptBytes += sizeBytes;
    this.#lastId = functionId;
  }

  /** Whether the worker is to forget something. */
  get isTooMuch(): boolean {
    return isTooMuch(this.#sizes.size, this.#keptBytes);
  }

  /**
   * Gives the ids that the worker is to forget, as long as it holds too much. More may stay than there should be:
   * until another function is sent.
   *
   * @param needed - Those that it is not to forget; the one used last is among them.
   */
  *dropExcess(needed: ReadonlySet<number>): Generator<number, void> {
    for (const [id, sizeBytes] of this.#sizes) {
      if (!this.isTooMuch) return;
      if (needed.has(id)) continue;
      this.#sizes.delete(id);
      this.#keptBytes -= sizeBytes;
      yield id;
    }
  }
}

/** The function that a task runs, and those in its arguments. */
function functionsOf({ extras, fn }: PoolTask): readonly PooledFunction[] {
  return extras === undefined ? [fn] : [...extras.functions, fn];
}

/**
 * Sends those of a task's functions that its worker doesn't hold. What the worker is to forget in return is none that
 * a task needs which it has, however much they are: it forgets at once, whatever still waits there. Gives their size
 * in bytes.
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

/** Whether a task may take long: by what is known of its function. */
function isLong(task: PoolTask): boolean {
  return (task.fn.expectedUs(task.callCount) ?? LONG_FROM_US) >= LONG_FROM_US;
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
 * Tells a worker that somebody listens to what a task reports.
 *
 * @param isFirst - Whether it may have begun: then a synchronous loop, which reads no pipe, is told as well.
 */
export function hearTask({ number: taskId }: PoolTask, isFirst: boolean, channel: ParentChannel): void {
  channel.send({ kind: "hear", taskId });
  if (isFirst) channel.sendToWatchdog({ kind: "hear", taskId });
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
  // It comes first: a task must not begin before it is known that somebody listens.
  if (task.isHeard) hearTask(task, false, channel);
  channel.sendTask({
    kind: "task",
    taskId: task.number,
    functionId: fn.id,
    isChunk: task.callCount > 0,
    goesOn: task.goesOn,
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
