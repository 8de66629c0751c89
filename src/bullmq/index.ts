/** asynccpu/bullmq: the same calls, on the machines of a queue of BullMQ. */

export { BullMQTaskExecutor } from "./program/executor.js";
export { BullMQTaskHost } from "./host/host.js";
export { findQueue } from "./program/find-queue.js";
export type { BullMQQueuePlace } from "./program/find-queue.js";
export type { QueueCounts } from "./contract/queue-counts.js";
export type { BullMQTaskExecutorOptions } from "./contract/options.js";
export type { BullMQTaskOptions } from "./contract/options.js";
export type { BullMQTaskHostOptions } from "./contract/options.js";
export type { PassedJobOptions } from "./contract/passed-options.js";
export type { PassedQueueOptions } from "./contract/passed-options.js";
export type { PassedWorkerOptions } from "./contract/passed-options.js";
export type { RedisConnection } from "./contract/redis.js";
export type { ValueStore } from "./contract/value-store.js";
export { FolderStore } from "./contract/value-store.js";
export { JobLostError } from "./contract/errors.js";
export { MissingPackageError } from "./contract/errors.js";
export { RedisRefusedError } from "./contract/errors.js";
export { VersionMismatchError } from "./contract/errors.js";
export { ValueStoreError } from "./contract/errors.js";
