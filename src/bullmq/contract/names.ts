/** The names under which an executor and its hosts meet in Redis. */

/** What tells a queue: its name, and the version of the tasks that it has. */
export interface QueueId {
  readonly queue: string;
  readonly version: string;
}

/** The name that BullMQ has for it: each version has a queue of its own. */
export function queueName({ queue, version }: QueueId): string {
  return `${queue}@${version}`;
}

/** In front of every key of a queue. The braces keep all of them on one node of a cluster. */
export function keyPrefix(id: QueueId): string {
  return `{asynccpu-${queueName(id)}}`;
}

/** The key that BullMQ has for the jobs of a queue that are of one kind, such as "active". */
export function bullKey(id: QueueId, kind: string): string {
  return `${keyPrefix(id)}:${queueName(id)}:${kind}`;
}

/** Where hosts tell one producer what becomes of its jobs. */
export function producerChannel(id: QueueId, producer: string): string {
  return `${keyPrefix(id)}:producer:${producer}`;
}

/** Where producers tell all hosts of a queue what a task is to do. */
export function hostsChannel(id: QueueId): string {
  return `${keyPrefix(id)}:hosts`;
}

/** Where hosts say which versions of a queue they serve. */
export function versionsKey(queue: string): string {
  return `{asynccpu-${queue}}:versions`;
}

/** Is there as long as a producer is. */
export function aliveKey(id: QueueId, producer: string): string {
  return `${keyPrefix(id)}:alive:${producer}`;
}

/**
 * Where a host keeps the error of a job that has failed. Each host has a key of its own: one that has lost the job to
 * another host may find that out too late.
 */
export function failureKey(id: QueueId, jobId: string, host: string): string {
  return `${keyPrefix(id)}:failure:${jobId}:${host}`;
}

/** In place of a producer, for a task whose id was chosen: any program may wait for it. */
export function taskChannel(taskId: string): string {
  return `task-${taskId}`;
}
