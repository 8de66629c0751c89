import { hostname } from "node:os";

import { CancelledError } from "../errors.js";
import { Connections } from "./redis.js";
import { HostTask } from "./host-task.js";
import { PooledFunction } from "../pool/queue/function-table.js";
import { TaskModule } from "./task-module.js";
import { WorkerCrashedError } from "../errors.js";
import { buildPool } from "../executor/build-pool.js";
import { checkHostOptions } from "./options.js";
import { checkPoolOptions } from "../executor/options/check-options.js";
import { decodeTask } from "./messages.js";
import { decodeThrown } from "../values/thrown.js";
import { encodeNews } from "./messages.js";
import { failureKey } from "./names.js";
import { failureOf } from "./host-task.js";
import { hostsChannel } from "./names.js";
import { keyPrefix } from "./names.js";
import { loadEngine } from "./redis.js";
import { moduleTask } from "../pickle/refer/module-task.js";
import { pickleFunction } from "../pickle/pickle-function.js";
import { producerChannel } from "./names.js";
import { queueName } from "./names.js";
import type { BullMQTaskHostOptions } from "./options.js";
import type { CheckedHostOptions } from "./options.js";
import type { HostCommand } from "./messages.js";
import type { HostNews } from "./messages.js";
import type { HostOutcome } from "./host-task.js";
import type { Job } from "bullmq";
import type { JobData } from "./messages.js";
import type { QueueId } from "./names.js";
import type { Redis } from "ioredis";
import type { TaskPool } from "../pool/task-pool.js";
import type { Worker } from "bullmq";

/** Beyond any number of deaths: the host decides by the job, not BullMQ by the queue. */
const MANY_STALLS = 1_000_000;

interface OpenHost {
  readonly worker: Worker<JobData, string>;
  readonly client: Redis;
  readonly connections: Connections;
  readonly id: QueueId;
  readonly module: TaskModule;
}

/**
 * Takes tasks of a queue of BullMQ and runs them in processes of this machine: exports of one module, by name, and
 * nothing else.
 */
export class BullMQTaskHost implements AsyncDisposable {
  readonly #options: CheckedHostOptions;
  readonly #pool: TaskPool;
  readonly #jobs: number;
  readonly #functions = new Map<string, PooledFunction>();
  readonly #running = new Map<string, HostTask>();
  readonly #outcomes = new Map<string, HostOutcome>();
  #open: Promise<OpenHost> | undefined;
  #ended: Promise<void> | undefined;

  /** @throws InvalidOptionError for an unknown option, or one out of its range. */
  constructor(options: BullMQTaskHostOptions) {
    this.#options = checkHostOptions(options);
    const { jobs, pool } = this.#options;
    const checked = checkPoolOptions({ ...pool, ...(jobs === undefined ? {} : { maxWorkers: jobs }) });
    this.#jobs = checked.maxWorkers;
    this.#pool = buildPool(checked, () => {}).pool;
  }

  /**
   * Begins to take tasks.
   *
   * @returns Resolves with the names of the tasks that it serves.
   */
  async start(): Promise<readonly string[]> {
    this.#open ??= this.#start();
    return (await this.#open).module.names;
  }

  async #start(): Promise<OpenHost> {
    const { connection, queue, tasksUrl, version, lockDurationMs, stalledIntervalMs } = this.#options;
    const [engine, module] = await Promise.all([loadEngine(), TaskModule.load(tasksUrl, version)]);
    const id = { queue, version: module.version };
    const connections = new Connections(connection, engine);
    const ignore = (): void => {};
    const client = connections.open(ignore);
    const subscriber = connections.open(ignore);
    subscriber.on("message", (_channel: string, text: string) => this.#obey(JSON.parse(text) as HostCommand));
    await subscriber.subscribe(hostsChannel(id));
    const open = { client, connections, id, module };
    const worker = new engine.Worker<JobData, string>(queueName(id), (job) => this.#run(job, open), {
      connection: connections.open(ignore),
      prefix: keyPrefix(id),
      concurrency: this.#jobs,
      lockDuration: lockDurationMs,
      stalledInterval: stalledIntervalMs,
      maxStalledCount: MANY_STALLS,
    });
    worker.on("error", ignore);
    // Only now: who has lost the lock tells nobody of an outcome.
    const onOver = (job: Job<JobData, string> | undefined): void => this.#tellOutcome(job, open);
    worker.on("completed", onOver);
    worker.on("failed", onOver);
    await worker.waitUntilReady();
    return { ...open, worker };
  }

  #tell({ client, id }: Pick<OpenHost, "client" | "id">, producer: string, news: HostNews): void {
    void client.publish(producerChannel(id, producer), encodeNews(news)).catch(() => {});
  }

  #tellOutcome(job: Job<JobData, string> | undefined, open: Pick<OpenHost, "client" | "id">): void {
    const id = job?.id ?? "";
    const outcome = this.#outcomes.get(id);
    if (job === undefined || outcome === undefined) return;
    this.#outcomes.delete(id);
    this.#tell(open, job.data.producer, { kind: "outcome", id, frame: outcome.frame });
  }

  /** What BullMQ calls for each job. @returns The result, in base64. */
  async #run(job: Job<JobData, string>, open: Omit<OpenHost, "worker">): Promise<string> {
    const outcome = await this.#outcomeOf(job, open);
    const { id = "" } = job;
    this.#outcomes.set(id, outcome);
    if (!outcome.isFailure) return outcome.frame.toString("base64");
    await open.client.set(failureKey(open.id, id), outcome.frame, "EX", this.#options.resultTtlSeconds);
    throw new Error(outcome.what);
  }

  async #outcomeOf(job: Job<JobData, string>, open: Omit<OpenHost, "worker">): Promise<HostOutcome> {
    const { data, id = "", name, stalledCounter } = job;
    if (!open.module.has(data.fn)) return failureOf(new TypeError(`The task module of this host has no ${data.fn}.`));
    if (stalledCounter > (data.crashRetries ?? 0)) {
      const crash = { pid: 0, exitCode: null, signal: null, stderr: "", taskName: name, likelyCause: undefined };
      return failureOf(new WorkerCrashedError(crash));
    }
    const { args, goesOn, taskName = name } = decodeTask(Buffer.from(data.task, "base64"));
    return new Promise((resolve) => {
      const kind = {
        name: taskName,
        fn: this.#functionFor(data.fn, open.module),
        callCount: data.callCount,
        goesOn,
        timeoutMs: data.timeoutMs,
      };
      const task = new HostTask(kind, args, data.isHeard === true, {
        onStarted: ({ id: pid, startTime }) => {
          const place = { host: hostname(), pid, ...(startTime === undefined ? {} : { startTime }) };
          this.#tell(open, data.producer, { kind: "started", id, place });
        },
        onReport: (frame) => this.#tell(open, data.producer, { kind: "report", id, frame }),
        onSettled: (outcome) => {
          this.#running.delete(id);
          resolve(outcome);
        },
      });
      this.#running.set(id, task);
      this.#pool.submit(task);
    });
  }

  #functionFor(name: string, module: TaskModule): PooledFunction {
    const known = this.#functions.get(name);
    if (known !== undefined) return known;
    const { payload } = pickleFunction(moduleTask(module.url, name));
    const made = new PooledFunction(this.#functions.size + 1, payload);
    this.#functions.set(name, made);
    return made;
  }

  #obey(command: HostCommand): void {
    const task = this.#running.get(command.id);
    if (task === undefined) return;
    if (command.kind === "cancel") {
      const reason: unknown = decodeThrown(Buffer.from(command.reason, "base64"));
      this.#pool.cancel(task, reason instanceof Error ? reason : new CancelledError());
    } else if (command.kind === "hear") task.hear();
  }

  /** Takes no more tasks, and ends when those that it has have ended. */
  close(): Promise<void> {
    this.#ended ??= this.#close();
    return this.#ended;
  }

  async #close(): Promise<void> {
    const open = await this.#open;
    if (open !== undefined) await open.worker.close();
    this.#pool.close();
    await this.#pool.ended();
    open?.connections.close();
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
