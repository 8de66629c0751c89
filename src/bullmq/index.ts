/** asynccpu/bullmq: the same calls, on the machines of a queue of BullMQ. */

export { BullMQTaskExecutor } from "./executor.js";
export { BullMQTaskHost } from "./host.js";
export { findQueue } from "./find-queue.js";
export type { BullMQQueuePlace } from "./find-queue.js";
export type { QueueCounts } from "./queue-counts.js";
export type { BullMQTaskExecutorOptions } from "./options.js";
export type { BullMQTaskOptions } from "./options.js";
export type { BullMQTaskHostOptions } from "./options.js";
export type { PassedJobOptions } from "./passed-options.js";
export type { PassedQueueOptions } from "./passed-options.js";
export type { PassedWorkerOptions } from "./passed-options.js";
export type { RedisConnection } from "./redis.js";
export type { ValueStore } from "./value-store.js";
export { FolderStore } from "./value-store.js";
export { JobLostError } from "./errors.js";
export { MissingPackageError } from "./errors.js";
export { VersionMismatchError } from "./errors.js";
export { ValueStoreError } from "./errors.js";
