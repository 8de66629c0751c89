import { hostname } from "node:os";
import { randomUUID } from "node:crypto";

import type { Job } from "bullmq";
import type { JobsOptions } from "bullmq";
import type { Worker } from "bullmq";

import { Connections } from "../contract/redis.js";
import { ExecutorShutdownError } from "../../errors.js";
import { HostLogs } from "./host-logs.js";
import { HostTask } from "./host-task.js";
import { HostedTasks } from "./hosted-tasks.js";
import { JobPage } from "./job-page.js";
import { LockWatch } from "./lock-watch.js";
import { ProducerWatch } from "../contract/producers.js";
import { ServedVersion } from "../contract/versions.js";
import { TaskModule } from "../contract/task-module.js";
import { Unsent } from "./unsent.js";
import { WorkerCrashedError } from "../../errors.js";
import { bullKey } from "../contract/names.js";
import { buildPool } from "../../executor/build-pool.js";
import { DEFAULT_TTL_SECONDS } from "../contract/options.js";
import { LONGEST_TTL_SECONDS } from "../contract/options.js";
import { checkHostOptions } from "../contract/options.js";
import { checkTaskPoolOptions } from "../../executor/options/check-options.js";
import { clearTimeout } from "../../system/timers.js";
import { dateNow } from "../../system/timers.js";
import { countJobs } from "../contract/queue-counts.js";
import { decodeCommand } from "../contract/messages.js";
import { decodeRecord } from "../../executor/take-logs.js";
import { decodeTask } from "../contract/messages.js";
import { encodeNews } from "../contract/messages.js";
import { failureKey } from "../contract/names.js";
import { failureOf } from "./host-task.js";
import { functionsOf } from "./module-functions.js";
import { hostsChannel } from "../contract/names.js";
import { keyPrefix } from "../contract/names.js";
import { loadEngine } from "../contract/redis.js";
import { outcomeNews } from "../contract/messages.js";
import { producerGone } from "./hosted-tasks.js";
import { producerChannel } from "../contract/names.js";
import { queueName } from "../contract/names.js";
import { setTimeout } from "../../system/timers.js";
import type { BullMQTaskHostOptions } from "../contract/options.js";
import type { CheckedHostOptions } from "../contract/options.js";
import type { ExecutorStats } from "../../pool/pool-stats.js";
import type { Engine } from "../contract/redis.js";
import type { HostNews } from "../contract/messages.js";
import type { HostedTask } from "./hosted-tasks.js";
import type { HostOutcome } from "./host-task.js";
import type { JobData } from "../contract/messages.js";
import type { PoolTask } from "../../pool/queue/pool-task.js";
import type { NumberedFunctions } from "../contract/numbered-functions.js";
import type { PackedValue } from "../contract/large-values.js";
import type { QueueCounts } from "../contract/queue-counts.js";
import type { QueueId } from "../contract/names.js";
import type { RedisClient } from "../contract/redis.js";
import type { TaskPool } from "../../pool/task-pool.js";

/** Beyond any number of deaths: the host decides what they mean, not BullMQ. */
const MANY_STALLS = 1_000_000;

/** How much longer the error of a job is kept than the job. */
const FAILURE_MARGIN_SECONDS = 60;

/** When a job is taken again whose run of before has just ended here, in milliseconds. */
const AGAIN_AFTER_MS = 1000;

/** How long an end waits for a Redis that is away, when its tasks have ended, in milliseconds. */
const REDIS_WAIT_MS = 5000;

/** Longer is no limit: Node's timers take little more, in milliseconds (24 days). */
const LONGEST_DRAIN_MS = 24 * 24 * 3_600_000;

/** What came of a job, and the same as BullMQ has it. */
interface PackedOutcome {
  readonly frame: Buffer;
  readonly packed: PackedValue;
}

type QueuedJob = Job<JobData, PackedValue>;

interface HostLink {
  /** Tells this host from others. */
  readonly name: string;
  readonly engine: Engine;
  readonly client: RedisClient;
  readonly connections: Connections;
  readonly id: QueueId;
  readonly module: TaskModule;
  /** The tasks that were asked for, as workers are told of them. */
  readonly functions: NumberedFunctions<string>;
  readonly served: ServedVersion;
  readonly producers: ProducerWatch;
}

/**
 * Takes tasks of a queue of BullMQ and runs them in processes of this machine: exports of one module, by name, and
 * nothing else.
 */
export class BullMQTaskHost implements AsyncDisposable {
  readonly #options: CheckedHostOptions;
  readonly #pool: TaskPool;
  readonly #jobs: number;
  readonly #graceMs: number;
  readonly #running = new HostedTasks((task, reason) => this.#pool.cancel(task, reason));
  readonly #logs = new HostLogs();
  readonly #reports = new Unsent();
  readonly #outcomes = new WeakMap<QueuedJob, PackedOutcome>();
  #opening: Promise<HostLink> | undefined;
  readonly #closing = new AbortController();
  #link: HostLink | undefined;
  #worker: Worker<JobData, PackedValue> | undefined;
  #ending: Promise<void> | undefined;
  #stopSweeps: (() => void) | undefined;

  /** @throws InvalidOptionError for an unknown option, or one out of its range. */
  constructor(options: BullMQTaskHostOptions) {
    this.#options = checkHostOptions(options);
    const { jobs, pool } = this.#options;
    const checked = checkTaskPoolOptions({ ...pool, maxWorkers: jobs, handleSignals: false });
    this.#jobs = checked.maxWorkers;
    this.#graceMs = checked.graceMs;
    this.#pool = buildPool(checked, (record, _functions, task) => this.#takeLog(record, task), true).pool;
  }

  /**
   * Begins to take tasks.
   *
   * @returns Resolves with the names of the tasks that it serves.
   * @throws ExecutorShutdownError after `close()`.
   * @throws RedisRefusedError for a wrong password, for one.
   */
  async start(): Promise<readonly string[]> {
    if (this.#ending !== undefined) throw new ExecutorShutdownError("The host has been closed: make a new one.");
    this.#opening ??= Promise.race([this.#open(), whenAborted(this.#closing.signal).then(refuseToStart)]);
    this.#link = await this.#opening;
    return this.#link.module.names;
  }

  /** What it serves, as far as it is known: the version is, when it has started. */
  get serves(): { readonly queue: string; readonly version: string | undefined; readonly jobs: number } {
    const { queue, version } = this.#options;
    return { queue, version: this.#link?.id.version ?? version, jobs: this.#jobs };
  }

  /** Whether it takes tasks: it has started, is not about to end, and has its Redis. */
  get isReady(): boolean {
    return this.#link?.client.status === "ready" && this.#ending === undefined;
  }

  /** Counts its tasks and workers. */
  stats(): ExecutorStats {
    return this.#pool.stats();
  }

  /** Counts the jobs of its queue, on all hosts; `undefined` before it has started, and while Redis is away. */
  async queueCounts(): Promise<QueueCounts | undefined> {
    const link = this.#link;
    if (link === undefined) return undefined;
    return countJobs(link.client, (kind) => bullKey(link.id, kind));
  }

  async #open(): Promise<HostLink> {
    const { connection, queue, tasksUrl, version } = this.#options;
    const [engine, module] = await Promise.all([loadEngine(), TaskModule.loadToServe(tasksUrl, version)]);
    const id = { queue, version: module.version };
    const connections = new Connections(connection, engine, this.#closing.signal);
    const client = connections.open();
    const subscriber = connections.open();
    subscriber.on("message", (_channel: string, text: string) => {
      const command = decodeCommand(text);
      if (command !== undefined) this.#running.obey(command);
    });
    const name = `${hostname()}-${randomUUID()}`;
    const served = new ServedVersion(client, id);
    const producers = new ProducerWatch(client, id);
    const functions = functionsOf(module);
    const link = { name, engine, client, connections, id, module, functions, served, producers };
    await connections.begin(async () => {
      await subscriber.subscribe(hostsChannel(id));
      this.#worker = this.#work(link);
      await this.#worker.waitUntilReady();
    });
    await served.begin();
    if (this.#closing.signal.aborted) served.end();
    this.#closing.signal.throwIfAborted();
    const running = this.#running;
    link.producers.follow(
      () => running.producers,
      (gone) => running.endOf(gone),
    );
    this.#stopSweeps = this.#options.values.startSweeps();
    return link;
  }

  #work(link: HostLink): Worker<JobData, PackedValue> {
    const { lockDurationMs, stalledIntervalMs, workerOptions } = this.#options;
    const worker = new link.engine.Worker<JobData, PackedValue>(
      queueName(link.id),
      (job, token) => this.#run(job, token, link),
      {
        ...workerOptions,
        name: link.name,
        connection: link.connections.open(),
        prefix: keyPrefix(link.id),
        concurrency: this.#jobs,
        lockDuration: lockDurationMs,
        stalledInterval: stalledIntervalMs,
        maxStalledCount: MANY_STALLS,
      },
    );
    // Its connection tells of the same.
    worker.on("error", () => {});
    // Only now: who has lost the lock tells nobody of an outcome.
    worker.on("completed", (job) => this.#tellOutcome(job, link));
    worker.on("failed", (job) => this.#tellOutcome(job, link));
    const watch = new LockWatch(lockDurationMs, (lost) => this.#running.endLost(lost));
    watch.follow(worker);
    return worker;
  }

  #takeLog(record: Uint8Array, task: PoolTask | undefined): void {
    if (task instanceof HostTask) task.log(record);
    else this.#logs.print(decodeRecord(record, []));
  }

  /** Resolves when Redis has taken it, or is not there any more. */
  async #tell({ client, id }: HostLink, producer: string, news: HostNews): Promise<void> {
    await client.publish(producerChannel(id, producer), encodeNews(news)).catch(() => {});
  }

  #tellOutcome(job: QueuedJob | undefined, link: HostLink): void {
    const outcome = job && this.#outcomes.get(job);
    if (job === undefined || outcome === undefined) return;
    this.#outcomes.delete(job);
    const { data, id = "" } = job;
    this.#options.values.forget(data.task);
    void this.#tell(link, data.producer, outcomeNews(id, outcome.packed, outcome.frame));
  }

  /** What BullMQ calls for each job. @returns The result. */
  async #run(job: QueuedJob, token: string | undefined, link: HostLink): Promise<PackedValue> {
    const { id = "" } = job;
    if (await this.#running.endBefore(id)) {
      await job.moveToDelayed(dateNow() + AGAIN_AFTER_MS, token);
      throw new link.engine.DelayedError();
    }
    const outcome = await this.#outcomeOf(job, link);
    if (outcome === undefined) {
      await job.moveToWait(token);
      // Wakes a host that waits: BullMQ does not for a job that it puts back.
      await link.client.zadd(bullKey(link.id, "marker"), 0, "0");
      const { WaitingError } = link.engine;
      throw new WaitingError();
    }
    const ttlSeconds = ttlOf(job.opts);
    const { frame, isFailure, packed, what } = await this.#pack(outcome, job.name, ttlSeconds);
    this.#outcomes.set(job, { frame, packed });
    if (!isFailure) return packed;
    // It is to be there as long as the job, which has not ended yet.
    const key = failureKey(link.id, id, link.name);
    await link.client.set(key, JSON.stringify(packed), "EX", ttlSeconds + FAILURE_MARGIN_SECONDS);
    throw new Error(what);
  }

  async #pack(outcome: HostOutcome, taskName: string, ttlSeconds: number): Promise<HostOutcome & PackedOutcome> {
    const { values } = this.#options;
    try {
      const packed = await values.pack(outcome.frame, ttlSeconds, `The outcome of task "${taskName}"`);
      return { ...outcome, packed };
    } catch (error) {
      const failure = failureOf(error as Error);
      return { ...failure, packed: failure.frame.toString("base64") };
    }
  }

  /** What a task came to; `undefined` when its job is to go back. */
  async #outcomeOf(job: QueuedJob, link: HostLink): Promise<HostOutcome | undefined> {
    const { data, id = "", name, stalledCounter } = job;
    if (!link.module.has(data.fn)) return failureOf(new TypeError(`The task module of this host has no ${data.fn}.`));
    // It may have run in part: whether it is to run again is for its program to say.
    if (stalledCounter > 0) {
      const unknown = { pid: 0, exitCode: null, signal: null, stderr: "" } as const;
      return failureOf(new WorkerCrashedError({ ...unknown, taskName: name, likelyCause: "host-gone" }));
    }
    const hosted = this.#running.add(id, data.endsWith);
    try {
      const { endsWith } = data;
      if (endsWith !== undefined && (await link.producers.isGone(endsWith))) throw producerGone();
      const frame = await this.#options.values.unpack(data.task, `The arguments of task "${name}"`);
      if (hosted.endReason !== undefined) throw hosted.endReason;
      const outcome = await this.#call(job, frame, hosted, link);
      return hosted.isHandedBack === true ? undefined : outcome;
    } catch (error) {
      // It was to end before it began, or these are no arguments.
      return hosted.isHandedBack === true ? undefined : failureOf(error as Error);
    } finally {
      this.#running.delete(id);
    }
  }

  #call(job: QueuedJob, frame: Buffer, hosted: HostedTask, link: HostLink): Promise<HostOutcome> {
    const { data, id = "", name } = job;
    const { args, goesOn, taskName = name } = decodeTask(frame);
    const fn = link.functions.of(data.fn);
    const kind = { name: taskName, fn, callCount: data.callCount, goesOn, timeoutMs: data.timeoutMs };
    const page = new JobPage(job);
    return new Promise((resolve) => {
      const task = new HostTask(kind, args, data.isHeard === true, {
        onStarted: ({ id: pid, startTime }) => {
          const place = { host: hostname(), pid, ...(startTime === undefined ? {} : { startTime }) };
          void this.#tell(link, data.producer, { kind: "started", id, place });
        },
        isBusy: () => this.#reports.isFull,
        onReport: (frame) =>
          this.#reports.send(frame.length, () => this.#tell(link, data.producer, { kind: "report", id, frame })),
        onProgress: (value) => page.report(value),
        onLog: (record) => {
          const decoded = decodeRecord(record, []);
          page.log(decoded);
          const send = (): Promise<void> => this.#tell(link, data.producer, { kind: "log", id, frame: record });
          if (data.isLogged === true) void this.#logs.send(decoded, record.length, send);
          else this.#logs.print(decoded);
        },
        onSettled: (outcome) => {
          page.close();
          resolve(outcome);
        },
      });
      hosted.task = task;
      this.#pool.submit(task);
    });
  }

  /**
   * Takes no more tasks, and lets those that run end.
   *
   * @param drainMs - How long these may take, in milliseconds. What still runs then is ended, and its job goes back
   * into the queue at once: another host runs it. Default: no limit.
   */
  close(drainMs?: number): Promise<void> {
    this.#ending ??= this.#close(drainMs);
    return this.#ending;
  }

  async #close(drainMs: number | undefined): Promise<void> {
    const gaveUp = whenAborted(this.#closing.signal);
    // It waits for no Redis that was never there.
    if (this.#link === undefined) this.#closing.abort();
    const link = await this.#opening?.catch(() => undefined);
    link?.served.end();
    const isRedisAway = this.#link?.client.status !== "ready" && this.#running.size === 0;
    const endLimits = this.#limit(drainMs ?? Infinity, isRedisAway);
    // What waits for Redis never settles, once its connection was given up.
    await Promise.race([this.#worker?.close(isRedisAway), gaveUp]);
    if (this.#closing.signal.aborted) {
      // Ends its timers; it does not wait.
      await this.#worker?.pause(true);
      void this.#worker?.disconnect().catch(() => {});
    }
    endLimits();
    this.#stopSweeps?.();
    this.#pool.close();
    await this.#pool.ended();
    link?.producers.end();
    this.#closing.abort();
  }

  /** Limits an end. @returns Ends the limits. */
  #limit(drainMs: number, isRedisAway: boolean): () => void {
    const isLimited = drainMs <= LONGEST_DRAIN_MS;
    const giveUpMs = isRedisAway ? 0 : drainMs + this.#graceMs + REDIS_WAIT_MS;
    const timers = [
      isLimited ? setTimeout(() => this.#running.handBack(), drainMs) : undefined,
      isLimited || isRedisAway ? setTimeout(() => this.#closing.abort(), giveUpMs) : undefined,
    ];
    return () => timers.forEach(clearTimeout);
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** How long the program wants an outcome to be kept, in seconds. */
function ttlOf({ removeOnComplete }: JobsOptions): number {
  const { age } = (typeof removeOnComplete === "object" ? removeOnComplete : {}) as { readonly age?: unknown };
  const isTtl = Number.isSafeInteger(age) && (age as number) > 0 && (age as number) <= LONGEST_TTL_SECONDS;
  return isTtl ? (age as number) : DEFAULT_TTL_SECONDS;
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

function refuseToStart(): never {
  throw new ExecutorShutdownError();
}
