import { DEFAULT_QUEUE } from "../contract/options.js";
import { checkQueueNames } from "../contract/options.js";
import { keyPrefix } from "../contract/names.js";
import { queueName } from "../contract/names.js";
import { taskModuleUrl } from "../contract/task-module.js";
import { versionOf } from "../contract/task-module.js";
import type { BullMQTaskExecutorOptions } from "../contract/options.js";

/** What `new Queue(name, { prefix })` of BullMQ takes. */
export interface BullMQQueuePlace {
  /** The name that BullMQ has for the queue: with its version. */
  readonly name: string;
  /** In front of all its keys. */
  readonly prefix: string;
}

/**
 * Says where the queue of an executor is, for programs that look at it with BullMQ itself, such as a dashboard.
 * Nothing connects, and the task module is read, but not run.
 *
 * @throws InvalidOptionError for what is no place of a module, or no name of a queue.
 */
export async function findQueue(
  options: Pick<BullMQTaskExecutorOptions, "queue" | "tasks" | "version">,
): Promise<BullMQQueuePlace> {
  const { queue = DEFAULT_QUEUE, tasks, version } = options;
  checkQueueNames(queue, version);
  const id = { queue, version: version ?? (await versionOf(taskModuleUrl(tasks))) };
  return { name: queueName(id), prefix: keyPrefix(id) };
}
