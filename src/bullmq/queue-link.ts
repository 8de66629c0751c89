import type { Queue } from "bullmq";

import { AliveSign } from "./producers.js";
import { Connections } from "./redis.js";
import { InvalidOptionError } from "../errors.js";
import { TaskModule } from "./task-module.js";
import { decodeNews } from "./messages.js";
import { failureKey } from "./names.js";
import { findMismatch } from "./versions.js";
import { hostsChannel } from "./names.js";
import { keyPrefix } from "./names.js";
import { loadEngine } from "./redis.js";
import { producerChannel } from "./names.js";
import { queueName } from "./names.js";
import type { CheckedExecutorOptions } from "./options.js";
import type { HostCommand } from "./messages.js";
import type { HostNews } from "./messages.js";
import type { PassedJobOptions } from "./passed-options.js";
import type { QueueId } from "./names.js";
import type { RedisClient } from "./redis.js";
import type { SentJob } from "./sent-job.js";
import type { VersionMismatch } from "./errors.js";

/** BullMQ's highest number comes last, and 0 before all: every job has one in between. */
const MIDDLE_PRIORITY = 1_000_000;

/** How many jobs are asked for at a time. */
const ASKED_AT_ONCE = 100;

/** How many lines of its log a job keeps, the newest, where `jobOptions` says nothing else. */
const KEPT_LINES = 1000;

/** What Redis knows of a job. */
export type JobState =
  | { readonly kind: "pending" }
  | { readonly kind: "lost" }
  | { readonly kind: "ended"; readonly frame: Uint8Array };

interface LinkEvents {
  onNews(news: HostNews): void;
  /** The connection was away: news may have been missed. */
  onReconnected(): void;
}

/** The number that BullMQ has for a priority: the higher the priority, the lower the number, and never 0. */
function bullPriority(priority: number): number {
  return Math.min(Math.max(MIDDLE_PRIORITY - priority, 1), 2 * MIDDLE_PRIORITY);
}

interface LinkParts {
  readonly module: TaskModule;
  readonly id: QueueId;
  readonly connections: Connections;
  readonly client: RedisClient;
  readonly queue: Queue;
  readonly subscriber: RedisClient;
  readonly ttlSeconds: number;
  readonly jobOptions: PassedJobOptions | undefined;
  readonly aliveSign: AliveSign | undefined;
}

/** A producer's connections to its queue and its hosts. */
export class QueueLink {
  readonly module: TaskModule;
  readonly #id: QueueId;
  readonly #connections: Connections;
  readonly #client: RedisClient;
  readonly #queue: Queue;
  readonly #subscriber: RedisClient;
  readonly #ttlSeconds: number;
  readonly #jobOptions: PassedJobOptions | undefined;
  readonly #aliveSign: AliveSign | undefined;

  private constructor(parts: LinkParts) {
    this.module = parts.module;
    this.#id = parts.id;
    this.#connections = parts.connections;
    this.#client = parts.client;
    this.#queue = parts.queue;
    this.#subscriber = parts.subscriber;
    this.#ttlSeconds = parts.ttlSeconds;
    this.#jobOptions = parts.jobOptions;
    this.#aliveSign = parts.aliveSign;
  }

  /** @throws MissingPackageError, or what the task module throws. */
  static async open(options: CheckedExecutorOptions, producer: string, events: LinkEvents): Promise<QueueLink> {
    const [engine, module] = await Promise.all([loadEngine(), TaskModule.load(options.tasksUrl, options.version)]);
    const id = { queue: options.queue, version: module.version };
    const connections = new Connections(options.connection, engine);
    const client = connections.open();
    const { onProducerEnd, queueOptions, jobOptions, resultTtlSeconds: ttlSeconds } = options;
    const queue = new engine.Queue(queueName(id), { ...queueOptions, connection: client, prefix: keyPrefix(id) });
    // Its connection tells of the same.
    queue.on("error", () => {});
    const subscriber = connections.open();
    subscriber.on("messageBuffer", (_channel: Buffer, bytes: Buffer) => {
      const news = decodeNews(bytes);
      if (news !== undefined) events.onNews(news);
    });
    await subscriber.subscribe(producerChannel(id, producer));
    const aliveSign = onProducerEnd === "cancel" ? await AliveSign.show(client, id, producer) : undefined;
    const parts = { module, id, connections, client, queue, subscriber, ttlSeconds, jobOptions, aliveSign };
    const link = new QueueLink(parts);
    link.#watchGaps(events);
    return link;
  }

  #watchGaps({ onReconnected }: LinkEvents): void {
    this.#subscriber.on("ready", onReconnected);
    this.#client.on("ready", () => this.#aliveSign?.renew());
  }

  async add(jobs: readonly SentJob[]): Promise<void> {
    const kept = { age: this.#ttlSeconds };
    const shared = {
      keepLogs: KEPT_LINES,
      ...this.#jobOptions,
      attempts: 1,
      removeOnComplete: kept,
      removeOnFail: kept,
    };
    const added = jobs.map(({ id, data, priority, task }) => ({
      name: task.name,
      data,
      opts: { ...shared, jobId: id, priority: bullPriority(priority) },
    }));
    await this.#queue.addBulk(added);
  }

  /** Hears what hosts tell of the tasks of a producer. */
  async listen(producer: string): Promise<void> {
    await this.#subscriber.subscribe(producerChannel(this.#id, producer));
  }

  async unlisten(producer: string): Promise<void> {
    await this.#subscriber.unsubscribe(producerChannel(this.#id, producer));
  }

  /** @throws InvalidOptionError for an id under which BullMQ keeps something of the queue itself, such as "failed". */
  checkId(taskId: string): void {
    if (!Object.hasOwn(this.#queue.keys, taskId)) return;
    throw new InvalidOptionError("taskId", "none of the words that BullMQ has for its own keys", taskId);
  }

  /** Takes a job out, unless a host has it. */
  async remove(jobId: string): Promise<boolean> {
    return (await this.#queue.remove(jobId)) === 1;
  }

  tell(command: HostCommand): void {
    void this.#client.publish(hostsChannel(this.#id), JSON.stringify(command)).catch(() => {});
  }

  /** How its hosts differ from this program, if no host has its version. */
  findMismatch(): Promise<VersionMismatch | undefined> {
    return findMismatch(this.#client, this.#id);
  }

  /** Asks Redis what it knows of jobs. */
  async ask(jobs: readonly SentJob[], onAnswer: (job: SentJob, state: JobState) => void): Promise<void> {
    for (let from = 0; from < jobs.length; from += ASKED_AT_ONCE) {
      const some = jobs.slice(from, from + ASKED_AT_ONCE);
      const states = await Promise.all(some.map(({ id }) => this.#stateOf(id)));
      for (const [index, job] of some.entries()) onAnswer(job, states[index] ?? { kind: "pending" });
    }
  }

  async #stateOf(jobId: string): Promise<JobState> {
    const fields = await this.#client.hmget(this.#queue.toKey(jobId), "timestamp", "finishedOn", "returnvalue");
    const [timestamp, finishedOn, result] = fields;
    if (typeof timestamp !== "string") return { kind: "lost" };
    if (typeof finishedOn !== "string") return { kind: "pending" };
    // JSON, as BullMQ writes it.
    if (typeof result === "string") return { kind: "ended", frame: Buffer.from(String(JSON.parse(result)), "base64") };
    const frame = await this.#client.getBuffer(failureKey(this.#id, jobId));
    return frame === null ? { kind: "lost" } : { kind: "ended", frame };
  }

  async close(): Promise<void> {
    this.#aliveSign?.end();
    await this.#queue.close();
    this.#connections.close();
  }
}
