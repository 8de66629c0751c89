import type { ParentChannel } from "../wire/parent-channel.js";
import type { PoolTask } from "./pool-task.js";
import type { SentFunctions } from "./function-table.js";

/** Sends a task to a worker, and its function if the worker doesn't hold it. Gives the size of both, in bytes. */
export function sendTask(task: PoolTask, sent: SentFunctions, channel: ParentChannel): number {
  const { fn, args } = task;
  let sentBytes = args.byteLength;
  if (!sent.has(fn.id)) {
    sentBytes += fn.pickle.byteLength;
    channel.send({ kind: "function", functionId: fn.id, pickle: fn.pickle });
    let forgotten = sent.add(fn.id, fn.pickle.byteLength);
    for (; forgotten !== undefined; forgotten = sent.dropExcess()) {
      channel.send({ kind: "forget", functionId: forgotten });
    }
  }
  channel.send({
    kind: "task",
    taskId: task.number,
    functionId: fn.id,
    isChunk: task.isChunk,
    taskName: task.name,
    args,
  });
  return sentBytes;
}
