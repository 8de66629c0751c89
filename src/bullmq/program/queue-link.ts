import type { Queue } from "bullmq";

import { AliveSign } from "../contract/producers.js";
import { ARGUMENT_TTL_SECONDS } from "../contract/large-values.js";
import { Connections } from "../contract/redis.js";
import { InvalidOptionError } from "../../errors.js";
import { MOST_PRIORITY } from "../contract/options.js";
import { TaskModule } from "../contract/task-module.js";
import { decodeNews } from "../contract/messages.js";
import { encodeFailure } from "../contract/messages.js";
import { encodeNews } from "../contract/messages.js";
import { dateNow } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";
import { failureKey } from "../contract/names.js";
import { findServed } from "../contract/versions.js";
import { isPassing } from "../contract/errors.js";
import { isRefusal } from "../contract/errors.js";
import { hostsChannel } from "../contract/names.js";
import { keyPrefix } from "../contract/names.js";
import { letProgramEnd } from "../contract/redis.js";
import { loadEngine } from "../contract/redis.js";
import { outcomeNews } from "../contract/messages.js";
import { producerChannel } from "../contract/names.js";
import { queueName } from "../contract/names.js";
import { refusalOf } from "../contract/errors.js";
import { sendsAtOnce } from "../contract/redis.js";
import type { CheckedExecutorOptions } from "../contract/options.js";
import type { HostCommand } from "../contract/messages.js";
import type { HostNews } from "../contract/messages.js";
import type { PassedJobOptions } from "../contract/passed-options.js";
import type { LargeValues } from "../contract/large-values.js";
import type { PackedValue } from "../contract/large-values.js";
import type { QueueId } from "../contract/names.js";
import type { RedisClient } from "../contract/redis.js";
import type { SentJob } from "./sent-job.js";
import type { VersionMismatch } from "../contract/errors.js";

/** BullMQ's highest number comes last, and 0 before all: every job has one in between. */
const MIDDLE_PRIORITY = MOST_PRIORITY + 1;

/** How many jobs are asked for at a time. */
const ASKED_AT_ONCE = 100;

/** How long a cluster takes to listen at another node. */
const RESUBSCRIBED_AFTER_MS = 1000;

/** How many lines of its log a job keeps, the newest, where `jobOptions` says nothing else. */
const KEPT_LINES = 1000;

/** What Redis knows of a job. */
export type JobState =
  /** A host has it, or had it, where it is taken. */
  | { readonly kind: "pending"; readonly isTaken: boolean }
  | { readonly kind: "lost" }
  /** It has ended, and its outcome is kept no longer. */
  | { readonly kind: "over" }
  | { readonly kind: "ended"; readonly news: HostNews; readonly isFailure: boolean };

interface LinkEvents {
  onNews(news: HostNews): void;
  /** Redis has said what it knows of a job. */
  onAnswer(link: QueueLink, job: SentJob, state: JobState): void;
  /** The connection was away: news may have been missed. */
  onReconnected(): void;
  /** Aborted when nobody waits for Redis any more. */
  readonly closing: AbortSignal;
}

/** The number that BullMQ has for a priority: the higher the priority, the lower the number, and never 0. */
function bullPriority(priority: number): number {
  return MIDDLE_PRIORITY - priority;
}

/** What some program has written; `undefined` for no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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
  readonly values: LargeValues;
  readonly onAnswer: LinkEvents["onAnswer"];
}

/** A producer's connections to its queue and its hosts. */
export class QueueLink {
  readonly module: TaskModule;
  readonly values: LargeValues;
  readonly #id: QueueId;
  readonly #connections: Connections;
  readonly #client: RedisClient;
  readonly #queue: Queue;
  readonly #subscriber: RedisClient;
  readonly #ttlSeconds: number;
  readonly #jobOptions: PassedJobOptions | undefined;
  readonly #aliveSign: AliveSign | undefined;
  readonly #onAnswer: LinkEvents["onAnswer"];

  private constructor(parts: LinkParts) {
    this.module = parts.module;
    this.values = parts.values;
    this.#id = parts.id;
    this.#connections = parts.connections;
    this.#client = parts.client;
    this.#queue = parts.queue;
    this.#subscriber = parts.subscriber;
    this.#ttlSeconds = parts.ttlSeconds;
    this.#jobOptions = parts.jobOptions;
    this.#aliveSign = parts.aliveSign;
    this.#onAnswer = parts.onAnswer;
  }

  /** @throws MissingPackageError, RedisRefusedError, or what the task module throws. */
  static async open(options: CheckedExecutorOptions, producer: string, events: LinkEvents): Promise<QueueLink> {
    const [engine, module] = await Promise.all([loadEngine(), TaskModule.load(options.tasksUrl, options.version)]);
    const id = { queue: options.queue, version: module.version };
    const connections = new Connections(options.connection, engine, events.closing);
    const client = connections.open();
    letProgramEnd(client);
    const { onProducerEnd, queueOptions, jobOptions, resultTtlSeconds: ttlSeconds } = options;
    const queue = new engine.Queue(queueName(id), { ...queueOptions, connection: client, prefix: keyPrefix(id) });
    // Its connection tells of the same.
    queue.on("error", () => {});
    const subscriber = connections.open();
    letProgramEnd(subscriber);
    subscriber.on("messageBuffer", (_channel: Buffer, bytes: Buffer) => {
      const news = decodeNews(bytes);
      if (news !== undefined) events.onNews(news);
    });
    const aliveSign = await connections.begin(async () => {
      await subscriber.subscribe(producerChannel(id, producer));
      return onProducerEnd === "cancel" ? AliveSign.show(client, id, producer) : undefined;
    });
    const { onAnswer } = events;
    const { values } = options;
    const settings = { ttlSeconds, jobOptions, aliveSign, onAnswer };
    const link = new QueueLink({ module, values, id, connections, client, queue, subscriber, ...settings });
    link.#watchGaps(events);
    return link;
  }

  #watchGaps({ onReconnected }: LinkEvents): void {
    this.#subscriber.on("ready", onReconnected);
    // A cluster stays ready when the node that it listens at goes: it listens at another one a moment later.
    const onOtherNodes = (): void => void setTimeout(onReconnected, RESUBSCRIBED_AFTER_MS).unref();
    for (const event of ["+node", "-node"]) this.#subscriber.on(event, onOtherNodes);
    this.#client.on("ready", () => this.#aliveSign?.renew());
  }

  /**
   * Waits for as long as Redis is away.
   *
   * @throws RedisRefusedError when it refuses the connection.
   */
  async reach(): Promise<this> {
    try {
      if (!sendsAtOnce(this.#client)) await this.#client.ping();
    } catch (error) {
      if (isRefusal(error as Error) && !isPassing(error as Error)) throw refusalOf(error as Error);
    }
    return this;
  }

  /**
   * Adds jobs. When it fails, some may be there.
   *
   * @param isWanted - Is asked for each when its arguments are stored, which takes a while.
   * @throws ValueStoreError for arguments that can't be stored.
   */
  async add(jobs: readonly SentJob[], isWanted: (job: SentJob) => boolean): Promise<void> {
    const kept = { age: this.#ttlSeconds };
    const shared = {
      keepLogs: KEPT_LINES,
      ...this.#jobOptions,
      attempts: 1,
      removeOnComplete: kept,
      removeOnFail: kept,
    };
    const added = [];
    for (const job of jobs) {
      if (job.mayBeThere && !(await this.#makeWay(job))) continue;
      const { id, data, frame, priority, task } = job;
      const packed = await this.values.pack(frame, ARGUMENT_TTL_SECONDS, `The arguments of task "${task.name}"`);
      job.packed = packed;
      if (!isWanted(job)) this.values.forget(packed);
      else {
        const own = { jobId: id, priority: bullPriority(priority) };
        added.push({ name: task.name, data: { ...data, task: packed }, opts: { ...shared, ...own } });
      }
    }
    if (added.length > 0) await this.#queue.addBulk(added);
  }

  /** Hears what hosts tell of the tasks of a producer. */
  async listen(producer: string): Promise<void> {
    await this.#subscriber.subscribe(producerChannel(this.#id, producer));
  }

  /** Never rejects: who can't be told goes on to send what nobody waits for. */
  async unlisten(producer: string): Promise<void> {
    await this.#subscriber.unsubscribe(producerChannel(this.#id, producer)).catch(() => {});
  }

  /** @throws InvalidOptionError for an id under which BullMQ keeps something of the queue itself, such as "failed". */
  checkId(taskId: string): void {
    if (!Object.hasOwn(this.#queue.keys, taskId)) return;
    throw new InvalidOptionError("taskId", "none of the words that BullMQ has for its own keys", taskId);
  }

  /** Takes a job out, unless a host has it. */
  async remove(jobId: string, message?: PackedValue): Promise<boolean> {
    if ((await this.#queue.remove(jobId)) !== 1) return false;
    this.values.forget(message);
    return true;
  }

  tell(command: HostCommand): void {
    void this.#client.publish(hostsChannel(this.#id), JSON.stringify(command)).catch(() => {});
  }

  /** Tells all who wait for a task of a chosen id that it was taken out. */
  tellEnd({ id, data }: SentJob, error: Error): void {
    const news = encodeNews(outcomeNews(id, "", encodeFailure(error)));
    void this.#client.publish(producerChannel(this.#id, data.producer), news).catch(() => {});
  }

  /** Which versions its hosts serve. */
  findServed(): Promise<VersionMismatch> {
    return findServed(this.#client, this.#id);
  }

  /** Asks Redis what it knows of jobs. */
  async ask(jobs: readonly SentJob[]): Promise<void> {
    for (let from = 0; from < jobs.length; from += ASKED_AT_ONCE) {
      const some = jobs.slice(from, from + ASKED_AT_ONCE);
      const states = await Promise.all(some.map(({ id }) => this.#stateOf(id)));
      for (const [index, job] of some.entries()) {
        this.#onAnswer(this, job, states[index] ?? { kind: "pending", isTaken: false });
      }
    }
  }

  /** Takes out an outcome that is over, or the attempt before. @returns Whether the id is free. */
  async #makeWay({ id, isRetry }: SentJob): Promise<boolean> {
    const state = await this.#stateOf(id);
    if (state.kind === "lost") return true;
    const isFailed = state.kind === "ended" && state.isFailure;
    if (state.kind !== "over" && !(isRetry && isFailed)) return false;
    await this.#queue.remove(id);
    return true;
  }

  async #stateOf(jobId: string): Promise<JobState> {
    const fields = ["timestamp", "finishedOn", "returnvalue", "pb"] as const;
    const [addedOn, finishedOn, result, host] = await this.#client.hmget(this.#queue.toKey(jobId), ...fields);
    if (typeof addedOn !== "string") return { kind: "lost" };
    if (typeof finishedOn !== "string") return { kind: "pending", isTaken: typeof host === "string" };
    // BullMQ itself takes a job out only when another one ends.
    if (Number(finishedOn) + this.#ttlSeconds * 1000 < dateNow()) return { kind: "over" };
    const outcome = result ?? (await this.#client.get(failureKey(this.#id, jobId, host ?? "")));
    if (typeof outcome !== "string") return { kind: "over" };
    return { kind: "ended", news: outcomeNews(jobId, parseJson(outcome)), isFailure: typeof result !== "string" };
  }

  /** Does not wait for a Redis that is away. */
  async close(): Promise<void> {
    this.#aliveSign?.end();
    try {
      if (this.#client.status === "ready") await this.#queue.close();
    } catch {
      // It has gone meanwhile.
    }
    this.#connections.close();
  }
}
