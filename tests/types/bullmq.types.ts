/** The options of the executor for other machines. */

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import type { RedisConnection } from "../../src/bullmq/index.js";

declare const executor: BullMQTaskExecutor;
declare const add: (a: number, b: number) => number;

const url = "redis://localhost:6379";
export const connections: readonly RedisConnection[] = [
  { url, password: "p" },
  { host: "localhost", tls: {} },
];

// Reason: BullMQ can't have it.
// @ts-expect-error
export const prefixed: RedisConnection = { url, keyPrefix: "p:" };

void executor.with({ taskId: "a", timeoutMs: 5 }).submit(add, 1, 2);
void executor.with({ taskId: "a" }).createProcessTask(add, 1, 2);
void executor.with({ timeoutMs: 5 }).map(add, [1], [2]);
// Reason: an id names one task.
// @ts-expect-error
void executor.with({ taskId: "a" }).map(add, [1], [2]);
