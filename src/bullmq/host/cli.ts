#!/usr/bin/env node
/** The command `asynccpu`. */

import process from "node:process";
import { parseArgs } from "node:util";

import { AsyncCpuError } from "../../errors.js";
import { BullMQTaskHost } from "./host.js";
import { FolderStore } from "../contract/value-store.js";
import { InvalidOptionError } from "../../errors.js";
import { serveHealth } from "./health.js";
import type { HealthServer } from "./health.js";
import type { BullMQTaskHostOptions } from "../contract/options.js";

const USAGE = `asynccpu worker MODULE --redis URL [options]

Runs the exports of MODULE as tasks of a BullMQTaskExecutor, each in a process.

  --redis URL      where Redis is, such as redis://localhost:6379 (default: $REDIS_URL)
  --queue NAME     the queue of the executor (default: asynccpu)
  --jobs N         how many tasks run at a time (default: the number of CPUs)
  --version TEXT   the version of the tasks (default: a hash of the file)
  --health PORT    serves /health, /live and /metrics over HTTP on this port
  --lock SECONDS   how long the lock of a task lasts when its host is gone, and how often hosts look (default: 30)
  --store FOLDER   a folder for large arguments and results, which the executor and all hosts share
  --drain SECONDS  how long tasks may go on after SIGTERM; then their jobs go back into the queue (default: 10)
`;

const OPTIONS = {
  redis: { type: "string" },
  queue: { type: "string" },
  jobs: { type: "string" },
  version: { type: "string" },
  health: { type: "string" },
  lock: { type: "string" },
  drain: { type: "string" },
  store: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

const DEFAULT_DRAIN_SECONDS = 10;

/** The status of a command that was written wrongly. */
const WRONG_USE = 2;

/** What is wrong with the words of a command. */
class UsageError extends Error {}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new UsageError(`--${option} takes a whole number, but was given "${text}".`);
  return Number(text);
}

interface Command {
  readonly host: BullMQTaskHostOptions;
  readonly healthPort: number | undefined;
  readonly drainMs: number;
}

/** @throws UsageError, or what `parseArgs` throws. */
function readCommand(words: readonly string[]): Command | "help" {
  const { values, positionals } = parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true });
  if (values.help === true) return "help";
  const [command, tasks, ...more] = positionals;
  if (command !== "worker") throw new UsageError(`There is no command "${command ?? ""}".`);
  if (tasks === undefined || more.length > 0) throw new UsageError("It takes one module.");
  const url = values.redis ?? process.env["REDIS_URL"];
  if (url === undefined) throw new UsageError("--redis is missing: where is Redis?");
  const { queue, version } = values;
  const jobs = numberOf("jobs", values.jobs);
  const lockSeconds = numberOf("lock", values.lock);
  const lockDurationMs = lockSeconds === undefined ? undefined : lockSeconds * 1000;
  const store = values.store === undefined ? undefined : new FolderStore(values.store);
  return {
    host: {
      connection: { url },
      tasks,
      queue,
      version,
      jobs,
      store,
      lockDurationMs,
      stalledIntervalMs: lockDurationMs,
    },
    healthPort: numberOf("health", values.health),
    drainMs: (numberOf("drain", values.drain) ?? DEFAULT_DRAIN_SECONDS) * 1000,
  };
}

/** Says what it serves, until a signal. @returns The name of the signal. */
async function serve(host: BullMQTaskHost, health: HealthServer | undefined): Promise<string> {
  const stop = new Promise<string>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
  const started = host.start();
  started.catch(() => {});
  // It waits for Redis for as long as that takes.
  const first = await Promise.race([started, stop]);
  if (typeof first === "string") return first;
  const { queue, version, jobs } = host.serves;
  console.log(`Serves ${(await started).join(", ")} on queue ${queue}, version ${version}, ${jobs} at a time.`);
  if (health !== undefined) console.log(`Health and metrics: port ${health.port}.`);
  return stop;
}

async function runWorker({ host: options, healthPort, drainMs }: Command): Promise<void> {
  const host = new BullMQTaskHost(options);
  const health = healthPort === undefined ? undefined : await serveHealth(host, healthPort);
  try {
    const signal = await serve(host, health);
    console.log(`${signal}: takes no more tasks; those that run have ${drainMs / 1000} s.`);
    await host.close(drainMs);
  } finally {
    // Of a start that has failed, too.
    await host.close(0);
    health?.close();
  }
}

/** What is told of an error, and the status that goes with it. */
function describeError(error: unknown): readonly [unknown, number] {
  const { code = "", message, syscall } = error as Error & { code?: string; syscall?: string };
  if (code === "ERR_SOCKET_BAD_PORT") return [`--health takes a port: ${message}`, WRONG_USE];
  // Nothing else listens here.
  if (syscall === "listen") return [`--health has no port: ${message}. Give it a free one.`, 1];
  if (error instanceof UsageError || code.startsWith("ERR_PARSE_ARGS")) return [`${message}\n\n${USAGE}`, WRONG_USE];
  if (error instanceof InvalidOptionError) return [message, WRONG_USE];
  return [error instanceof AsyncCpuError ? message : error, 1];
}

async function main(): Promise<void> {
  try {
    const command = readCommand(process.argv.slice(2));
    if (command === "help") console.log(USAGE);
    else {
      await runWorker(command);
      // Timers of BullMQ, whose Redis is away, would keep it for a while.
      process.exit();
    }
  } catch (error) {
    const [told, status] = describeError(error);
    console.error(told);
    process.exitCode = status;
  }
}

void main();
