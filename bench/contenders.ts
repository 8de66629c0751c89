import { ASYNCCPU } from "./contender-names.js";
import { RAW_LIMIT } from "./contender-names.js";
import { loadJestWorkerProcesses } from "./peers/jest-worker-pool.js";
import { loadJestWorkerThreads } from "./peers/jest-worker-pool.js";
import { loadPiscina } from "./peers/piscina-pool.js";
import { loadPiscinaTuned } from "./peers/piscina-pool.js";
import { loadPoolifierProcesses } from "./peers/poolifier-pool.js";
import { loadPoolifierProcessesJson } from "./peers/poolifier-pool.js";
import { loadPoolifierThreads } from "./peers/poolifier-pool.js";
import { loadTinypoolProcesses } from "./peers/tinypool-pool.js";
import { loadTinypoolThreads } from "./peers/tinypool-pool.js";
import { loadWorkerpoolProcesses } from "./peers/workerpool-pool.js";
import { loadWorkerpoolThreads } from "./peers/workerpool-pool.js";
import type { LoadContender } from "./contender.js";

/** Ours; what the machine gives at most; what Node has built in; other libraries' pools. */
export type Family = "own" | "limit" | "built-in" | "processes" | "threads";

/** A contender by its name, and how it is shown. */
export interface ContenderKind {
  readonly name: string;
  readonly title: string;
  readonly family: Family;
  /** Whether `--quick` measures it: of the peers, those that are the best in some row. */
  readonly isQuick?: boolean;
  /** Whether its values travel as JSON. */
  readonly isJson?: boolean;
  readonly load: LoadContender;
}

export const CONTENDERS: readonly ContenderKind[] = [
  {
    name: ASYNCCPU,
    title: "asynccpu",
    family: "own",
    isQuick: true,
    // Reason: only the contender that is measured shall be loaded.
    load: async () => (await import("./asynccpu-pool.js")).openAsynccpu,
  },
  {
    name: RAW_LIMIT,
    title: "raw limit (own pipe, no pool)",
    family: "limit",
    isQuick: true,
    // Reason: only the contender that is measured shall be loaded.
    load: async () => (await import("./raw-pipe.js")).openRawPipe,
  },
  {
    name: "fork",
    title: "child_process.fork, no pool",
    family: "built-in",
    isQuick: true,
    // Reason: only the contender that is measured shall be loaded.
    load: async () => (await import("./fork-channel.js")).openForkChannel,
  },
  {
    name: "jest-worker-processes",
    title: "jest-worker, processes",
    family: "processes",
    isQuick: true,
    load: loadJestWorkerProcesses,
  },
  {
    name: "poolifier-processes",
    title: "poolifier, processes",
    family: "processes",
    isQuick: true,
    load: loadPoolifierProcesses,
  },
  {
    name: "poolifier-processes-json",
    title: "poolifier, processes, JSON",
    family: "processes",
    isJson: true,
    load: loadPoolifierProcessesJson,
  },
  { name: "tinypool-processes", title: "tinypool, processes", family: "processes", load: loadTinypoolProcesses },
  { name: "workerpool-processes", title: "workerpool, processes", family: "processes", load: loadWorkerpoolProcesses },
  { name: "piscina", title: "piscina, threads", family: "threads", load: loadPiscina },
  {
    name: "piscina-tuned",
    title: "piscina, threads, tuned",
    family: "threads",
    isQuick: true,
    load: loadPiscinaTuned,
  },
  {
    name: "poolifier-threads",
    title: "poolifier, threads",
    family: "threads",
    isQuick: true,
    load: loadPoolifierThreads,
  },
  { name: "jest-worker-threads", title: "jest-worker, threads", family: "threads", load: loadJestWorkerThreads },
  { name: "tinypool-threads", title: "tinypool, threads", family: "threads", load: loadTinypoolThreads },
  { name: "workerpool-threads", title: "workerpool, threads", family: "threads", load: loadWorkerpoolThreads },
];
