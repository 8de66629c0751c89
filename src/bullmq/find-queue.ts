import { DEFAULT_QUEUE } from "./options.js";
import { keyPrefix } from "./names.js";
import { queueName } from "./names.js";
import { taskModuleUrl } from "./task-module.js";
import { versionOf } from "./task-module.js";
import type { BullMQTaskExecutorOptions } from "./options.js";

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
 * @throws InvalidOptionError for what is no place of a module.
 */
export async function findQueue(
  options: Pick<BullMQTaskExecutorOptions, "queue" | "tasks" | "version">,
): Promise<BullMQQueuePlace> {
  const { queue = DEFAULT_QUEUE, tasks, version } = options;
  const id = { queue, version: version ?? (await versionOf(taskModuleUrl(tasks))) };
  return { name: queueName(id), prefix: keyPrefix(id) };
}
