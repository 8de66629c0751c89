import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Duplex } from "node:stream";
import type { Readable } from "node:stream";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";

import { COOKIE_VARIABLE } from "../../system/process/cookie.js";
import { LIFELINE_FD } from "../../wire/messages/protocol.js";
import { RESULTS_FD } from "../../wire/messages/protocol.js";
import { TASKS_FD } from "../../wire/messages/protocol.js";
import { WorkerJournal } from "../../wire/journal/journal-file.js";
import { WORKER_ENTRY } from "../../system/own-files.js";
import { inheritableExecArgv } from "./start-options.js";
import { inheritableNodeOptions } from "./start-options.js";
import { dateNow } from "../../system/timers.js";
import { performance } from "../../system/timers.js";
import { runOutside } from "../../system/async-context.js";
import { startProcess } from "../../system/start/start-process.js";
import type { StartOptions } from "./start-options.js";
import type { StartedProcess } from "../../system/start/start-process.js";
import type { WorkerPipes } from "../../wire/parent-channel.js";

const ENTRY_PATH = fileURLToPath(WORKER_ENTRY);

let cookieCount = 0;

/**
 * Makes a cookie that no other process has at any time. It is made of what differs, not of random bytes: node:crypto
 * would have to be loaded before the first worker can be started.
 */
function makeCookie(): string {
  cookieCount += 1;
  // Several threads of a program may make cookies.
  const sinceStartNs = Math.round(performance.now() * 1e6);
  return [process.pid, cookieCount, dateNow(), sinceStartNs].map((part) => part.toString(36)).join("-");
}

/** What Node makes for a pipe, with the methods that its declared types leave out. */
type Stream = Pick<Socket, "destroy" | "unref">;

/** A worker process that has just been started. */
export interface SpawnedWorker {
  readonly child: StartedProcess;
  /** The parent's ends of all pipes. */
  readonly streams: readonly Stream[];
  /** Marks the worker and all that it starts, in the environment. */
  readonly cookie: string;
  /** Absent when the process could not be started; `child` then emits `error`. */
  readonly pipes: WorkerPipes | undefined;
  /** Its file is the worker's `JOURNAL_FD`; absent where there can be none. */
  readonly journal: WorkerJournal | undefined;
}

/** This process's environment, as it is good for a worker. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: nodeOptions } = process.env;
  if (nodeOptions === undefined) return process.env;
  return { ...process.env, NODE_OPTIONS: inheritableNodeOptions(nodeOptions) };
}

function environment(env: NodeJS.ProcessEnv, cookie: string): NodeJS.ProcessEnv {
  // Always from this process's own environment: a user's `env` must not cut the chain of a nested pool.
  const inherited = process.env[COOKIE_VARIABLE];
  return { ...env, [COOKIE_VARIABLE]: inherited === undefined ? cookie : `${inherited}:${cookie}` };
}

function spawn(options: StartOptions, journalFd: number | undefined): Omit<SpawnedWorker, "journal"> {
  const cookie = makeCookie();
  const execArgv = options.execArgv ?? inheritableExecArgv(process.execArgv, process.sourceMapsEnabled);
  const env = options.env ?? ownEnvironment();
  const child = startProcess(process.execPath, [...execArgv, ENTRY_PATH], {
    stdio: ["ignore", "pipe", "pipe", "pipe", "pipe", "pipe", ...(journalFd === undefined ? [] : [journalFd])],
    env: environment(env, cookie),
    cwd: options.cwd,
  });
  // When descriptors have run out there is no list at all; the error itself comes as an event, which must find a
  // listener.
  const stdio = child.stdio ?? [];
  const streams = stdio.filter((stream) => stream !== null && stream !== undefined) as unknown as Stream[];
  for (const stream of streams) stream.unref();
  if (child.pid === undefined) return { child, streams, cookie, pipes: undefined };
  return {
    child,
    streams,
    cookie,
    pipes: {
      tasks: stdio[TASKS_FD] as Writable,
      results: stdio[RESULTS_FD] as Readable,
      lifeline: stdio[LIFELINE_FD] as Duplex,
    },
  };
}

/**
 * Starts a worker process. It isn't referenced: by itself it doesn't keep this process alive. Until the process is
 * there nothing is done that could be done later: a program's first result waits for it.
 *
 * @throws What `spawn` throws, for example for an environment with invalid values.
 */
export function spawnWorker(options: StartOptions): SpawnedWorker {
  const journal = WorkerJournal.open();
  try {
    return { ...runOutside(spawn, options, journal?.fd), journal };
  } catch (error) {
    journal?.close();
    throw error;
  }
}
