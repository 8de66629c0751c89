/** asynccpu/bullmq: the same calls, on the machines of a queue of BullMQ. */

export { BullMQTaskExecutor } from "./executor.js";
export { BullMQTaskHost } from "./host.js";
export type { BullMQTaskExecutorOptions } from "./options.js";
export type { BullMQTaskOptions } from "./options.js";
export type { BullMQTaskHostOptions } from "./options.js";
export type { RedisConnection } from "./redis.js";
export { JobLostError } from "./errors.js";
export { MissingPackageError } from "./errors.js";
