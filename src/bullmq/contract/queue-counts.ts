import { clearTimeout } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";
import type { RedisClient } from "./redis.js";

/** The jobs of a queue, on all its hosts. */
export interface QueueCounts {
  /** How many no host has yet. */
  readonly waiting: number;
  /** How many some host has. */
  readonly active: number;
}

/** Longer than Redis ever takes, and shorter than those who ask wait. */
const PATIENCE_MS = 1000;

/**
 * Counts the jobs of a queue. Those with a priority, so all of asynccpu, wait in a sorted set, others in a list.
 *
 * @param keyOf - The key that BullMQ has for a kind of jobs.
 * @returns `undefined` when Redis does not answer in time.
 */
export async function countJobs(
  client: RedisClient,
  keyOf: (kind: string) => string,
): Promise<QueueCounts | undefined> {
  // A command would wait until it is there again.
  if (client.status !== "ready") return undefined;
  const asked = Promise.all([
    client.zcard(keyOf("prioritized")),
    client.llen(keyOf("wait")),
    client.llen(keyOf("active")),
  ]);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  });
  try {
    const counts = await Promise.race([asked, patience]);
    if (counts === undefined) return undefined;
    const [prioritized, others, active] = counts;
    return { waiting: prioritized + others, active };
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
