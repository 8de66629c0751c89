/** asynccpu/bullmq and bare BullMQ, as programs use them: the producers and the hosts. */

import { Queue } from "bullmq";
import { QueueEvents } from "bullmq";
import { Worker } from "bullmq";
import { BullMQTaskExecutor } from "asynccpu/bullmq";
import { BullMQTaskHost } from "asynccpu/bullmq";
import { findQueue } from "asynccpu/bullmq";

import { noop } from "./bullmq-tasks.js";

/** Who is measured. */
export type SideName = "asynccpu" | "bullmq";

/** Where a producer and its hosts meet. */
export interface MeetingPlace {
  readonly url: string;
  readonly queue: string;
}

/** Submits no-op tasks. */
export interface Producer {
  run(value: number): Promise<unknown>;
  /** All of them in one call, chunks included; one after the other in the order of the values. */
  map?(values: readonly number[]): AsyncIterable<number>;
  /** Takes out of Redis what is left there. */
  close(): Promise<void>;
}

const TASKS = new URL("./bullmq-tasks.js", import.meta.url);
/** As long as asynccpu keeps outcomes by default, so that both remove the same. */
const KEPT = { age: 3600 };
/** Both renew locks as often. */
const LOCK_MS = 30_000;

async function openAsynccpu({ url, queue }: MeetingPlace): Promise<Producer> {
  const connection = { url };
  const executor = new BullMQTaskExecutor({ connection, queue, tasks: TASKS });
  await executor.warmUp();
  return {
    run: (value) => executor.submit(noop, value),
    map: (values) => executor.map(noop, values),
    close: async () => {
      await executor.shutdown();
      const { name, prefix } = await findQueue({ queue, tasks: TASKS });
      const bull = new Queue(name, { connection, prefix });
      await bull.obliterate({ force: true });
      await bull.close();
    },
  };
}

async function openBullMQ({ url, queue }: MeetingPlace): Promise<Producer> {
  const connection = { url };
  const bull = new Queue(queue, { connection, prefix: "{bench}" });
  // From the first: else what ends before it has begun to read is missed, and waited for without end.
  const events = new QueueEvents(queue, { connection, prefix: "{bench}", lastEventId: "0" });
  // A listener for each job that waits.
  events.setMaxListeners(0);
  bull.setMaxListeners(0);
  await events.waitUntilReady();
  return {
    run: async (value) => {
      const job = await bull.add("noop", value, { removeOnComplete: KEPT, removeOnFail: KEPT });
      return job.waitUntilFinished(events) as Promise<unknown>;
    },
    close: async () => {
      await events.close();
      await bull.obliterate({ force: true });
      await bull.close();
    },
  };
}

/** Connects a producer. */
export function openProducer(side: SideName, place: MeetingPlace): Promise<Producer> {
  return side === "asynccpu" ? openAsynccpu(place) : openBullMQ(place);
}

/** Takes tasks until it is closed. @returns Closes it. */
export async function openHost(
  side: SideName,
  { url, queue }: MeetingPlace,
  jobs: number,
  lockMs: number = LOCK_MS,
): Promise<() => Promise<void>> {
  const connection = { url };
  if (side === "asynccpu") {
    const options = { lockDurationMs: lockMs, stalledIntervalMs: lockMs };
    const host = new BullMQTaskHost({ connection, queue, tasks: TASKS, jobs, ...options });
    await host.start();
    return () => host.close();
  }
  const options = { concurrency: jobs, lockDuration: lockMs, stalledInterval: lockMs };
  const worker = new Worker<number, number>(queue, async ({ data }) => data, {
    connection: { ...connection, maxRetriesPerRequest: null },
    prefix: "{bench}",
    ...options,
  });
  await worker.waitUntilReady();
  return () => worker.close();
}
