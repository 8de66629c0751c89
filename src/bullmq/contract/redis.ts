/** BullMQ and ioredis, which are loaded when the first task is submitted, or a host starts; and connections. */

import process from "node:process";
import type { Socket } from "node:net";

import type { Cluster } from "ioredis";
import type { DelayedError } from "bullmq";
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { RedisOptions } from "ioredis";
import type { WaitingError } from "bullmq";
import type { Worker } from "bullmq";

import { MissingPackageError } from "./errors.js";
import { isRefusal } from "./errors.js";
import { clearInterval } from "../../system/timers.js";
import { refusalOf } from "./errors.js";
import { setInterval } from "../../system/timers.js";

/** Where Redis is: a URL with options of ioredis, such options alone, or a client of ioredis (a cluster, too). */
export type RedisConnection = (Omit<RedisOptions, "keyPrefix"> & { readonly url?: string }) | Redis | Cluster;

/** A client of one server or of a cluster. */
export type RedisClient = Redis | Cluster;

/** What is used of the two packages. */
export interface Engine {
  readonly DelayedError: typeof DelayedError;
  readonly Queue: typeof Queue;
  readonly WaitingError: typeof WaitingError;
  readonly Worker: typeof Worker;
  readonly Redis: typeof Redis;
}

async function load<T>(name: string, importing: () => Promise<T>): Promise<T> {
  try {
    return await importing();
  } catch (error) {
    throw new MissingPackageError(name, { cause: error });
  }
}

async function loadBoth(): Promise<Engine> {
  // Reason: who does not use this executor need not have it installed.
  const bullmq = await load("bullmq", () => import("bullmq"));
  // Reason: the same.
  const ioredis = await load("ioredis", () => import("ioredis"));
  const { DelayedError: Delayed, Queue: OfQueue, WaitingError: Waiting, Worker: OfWorker } = bullmq;
  return { DelayedError: Delayed, Queue: OfQueue, Redis: ioredis.Redis, WaitingError: Waiting, Worker: OfWorker };
}

const KEEP_ALIVE_MS = 10_000;

let engine: Promise<Engine> | undefined;

/**
 * Loads both, once.
 *
 * @throws MissingPackageError when one is not installed.
 */
export function loadEngine(): Promise<Engine> {
  return (engine ??= loadBoth());
}

/** Whether it is a client rather than options for one. */
function isClient(connection: RedisConnection): connection is RedisClient {
  return typeof (connection as Partial<Redis>).duplicate === "function";
}

function isCluster(client: RedisClient): client is Cluster {
  return client.isCluster;
}

/**
 * BullMQ asks for the first; the second has commands wait for the connection. By the third a connection that the other
 * side has forgotten shows after some 20 s, also one that only listens.
 */
const OWN = { maxRetriesPerRequest: null, enableOfflineQueue: true, keepAlive: KEEP_ALIVE_MS } as const;

const LONGEST_RETRY_MS = 2000;

/** Commands wait for a new primary of a cluster, however long: ioredis gives up after 16 redirections, 1.6 s. */
const OWN_OF_CLUSTER = { maxRedirections: Infinity, slotsRefreshInterval: 0 } as const;

/** How often a cluster is asked for its nodes, in milliseconds. */
const NODES_EVERY_MS = 2000;

/** The user's pause before a connection is tried again; there is always one, as tasks wait for Redis however long. */
function retryAlways(given: ((times: number) => unknown) | null | undefined): (times: number) => number {
  return (times) => {
    const pauseMs = given?.(times);
    return typeof pauseMs === "number" ? pauseMs : Math.min(times * 50, LONGEST_RETRY_MS);
  };
}

/** Of a connection to one server, beside what its user says. */
function ownOptions({ reconnectOnError, retryStrategy, sentinels }: RedisOptions): RedisOptions {
  return {
    ...OWN,
    // Leaves a primary that they have replaced, also one that stands still, and so closes no connection.
    failoverDetector: sentinels !== undefined && sentinels !== null,
    // A server that has become a replica keeps its connections: the name, or the sentinels, lead to the new primary. A
    // command that it has refused is sent again there.
    reconnectOnError: (error) => (error.message.startsWith("READONLY") ? 2 : (reconnectOnError?.(error) ?? false)),
    retryStrategy: retryAlways(retryStrategy),
  };
}

function duplicate(client: RedisClient): RedisClient {
  if (!isCluster(client)) return client.duplicate(ownOptions(client.options));
  const { enableOfflineQueue, ...redisOptions } = OWN;
  const clusterRetryStrategy = retryAlways(client.options.clusterRetryStrategy);
  return client.duplicate([], { ...OWN_OF_CLUSTER, enableOfflineQueue, redisOptions, clusterRetryStrategy });
}

/**
 * Has a node left that stands still, and so closes no connection, when the others have replaced it. ioredis' own
 * `slotsRefreshInterval` goes on after the end if that comes while a node is asked.
 */
function followNodes(cluster: Cluster): void {
  const timer = setInterval(() => cluster.refreshSlotsCache(), NODES_EVERY_MS);
  timer.unref();
  cluster.once("end", () => clearInterval(timer));
}

/**
 * ioredis subscribes anew when it is connected again, and nobody hears when that fails: a client that is closed just
 * then would end the program by an unhandled rejection.
 */
function handleResubscriptions(client: RedisClient): void {
  const subscribe = client.subscribe.bind(client) as (...channels: string[]) => Promise<unknown>;
  const handled = (...channels: string[]): Promise<unknown> => {
    const subscribed = subscribe(...channels);
    subscribed.catch(() => {});
    return subscribed;
  };
  Object.assign(client, { subscribe: handled });
}

/** What a server says that takes no more connections for now. */
const TOO_MANY = /max number of clients/;

/** What went wrong at one of the addresses that were tried, where there is an error for all together. */
function reasonOf(error: Error): Error {
  const { lastNodeError } = error as { lastNodeError?: Error };
  const [first = lastNodeError ?? error] = error instanceof AggregateError ? (error.errors as readonly Error[]) : [];
  return first;
}

/**
 * Lets the program end while this client is connected: what waits for it keeps the program. A cluster and sentinels
 * have connections of their own, which keep it all the same.
 */
export function letProgramEnd(client: RedisClient): void {
  if (!isCluster(client)) client.on("connect", () => (client.stream as Partial<Socket>).unref?.());
}

/** Whether a command leaves this process at once: else the client keeps it, where nothing can be taken back. */
export function sendsAtOnce(client: RedisClient): boolean {
  // The end of a connection is known to its stream first.
  return client.status === "ready" && (isCluster(client) || client.stream.writable);
}

/** Clients of one executor or host: all are its own, and end with it. */
export class Connections {
  readonly #connection: RedisConnection;
  readonly #engine: Engine;
  readonly #clients: RedisClient[] = [];
  readonly #closing: AbortSignal;
  #isOutageTold = false;
  /** While they begin: ends that. */
  #onRefused: ((error: Error) => void) | undefined;

  /** @param closing - Closes them all when it is aborted, and lets no other be opened. */
  constructor(connection: RedisConnection, engine: Engine, closing: AbortSignal) {
    this.#connection = connection;
    this.#engine = engine;
    this.#closing = closing;
    closing.addEventListener("abort", this.close);
  }

  /**
   * Does what the first task needs, which waits for a Redis that is away. Closes all clients when that fails.
   *
   * @throws RedisRefusedError when Redis refuses: it would do so again.
   */
  async begin<T>(work: () => Promise<T>): Promise<T> {
    // An event, as ioredis itself goes on with database 0 where it can't have the one that is wanted.
    const refused = new Promise<never>((_resolve, reject) => {
      this.#onRefused = reject;
    });
    try {
      return await Promise.race([work(), refused]);
    } catch (error) {
      this.close();
      throw refusalOf(error as Error);
    } finally {
      this.#onRefused = undefined;
    }
  }

  /** Opens one more, which goes on trying for as long as Redis is away. A warning tells of that, once an outage. */
  open(): RedisClient {
    this.#closing.throwIfAborted();
    const connection = this.#connection;
    const client = isClient(connection) ? duplicate(connection) : this.#connect(connection);
    client.on("error", (error: Error) => this.#tellOutage(error));
    client.on("ready", () => (this.#isOutageTold &&= this.#clients.some(({ status }) => status !== "ready")));
    // Each command that a replica refuses has ioredis listen for the end of the connection.
    if (isCluster(client)) followNodes(client);
    else client.on("connect", () => client.stream.setMaxListeners(0));
    handleResubscriptions(client);
    this.#clients.push(client);
    return client;
  }

  #tellOutage(given: Error): void {
    const error = reasonOf(given);
    if (isRefusal(error) && !TOO_MANY.test(error.message) && this.#onRefused !== undefined) {
      this.#onRefused(error);
      return;
    }
    if (this.#isOutageTold) return;
    this.#isOutageTold = true;
    const what = isRefusal(error)
      ? "Redis refuses to connect again, so tasks that it has wait, and new ones fail"
      : "Redis can't be used, so tasks wait";
    process.emitWarning(`${what}: ${error.message.replace(/\.$/, "")}. It is tried again.`, {
      type: "AsyncCpuWarning",
      code: "ASYNCCPU_REDIS_AWAY",
    });
  }

  #connect(connection: RedisOptions & { readonly url?: string }): Redis {
    const { url, ...rest } = connection;
    const { Redis: Client } = this.#engine;
    const options = { ...rest, ...ownOptions(rest) } as RedisOptions & { replyMapping?: "legacy" };
    return url === undefined ? new Client(options) : new Client(url, options);
  }

  readonly close = (): void => {
    // Nobody waits any more.
    this.#isOutageTold = true;
    this.#closing.removeEventListener("abort", this.close);
    for (const client of this.#clients) client.disconnect();
  };
}
