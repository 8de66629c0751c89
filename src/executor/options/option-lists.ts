/** The options of each call of an executor, with the names that they have in other pools. */

import { namesOf } from "../../option-names.js";
import type { OptionList } from "../../option-names.js";
import type { MemoryLimitOptions } from "./options.js";
import type { MapProgressOptions } from "./options.js";
import type { ProcessPoolExecutorOptions } from "./options.js";
import type { ProcessTaskPoolExecutorOptions } from "./options.js";
import type { RetryOptions } from "./options.js";
import type { ShutdownOptions } from "./options.js";
import type { TaskOptions } from "./options.js";

const POOL_NAMES = {
  maxWorkers: true,
  initializer: true,
  initargs: true,
  maxTasksPerChild: true,
  graceMs: true,
  startTimeoutMs: true,
  shareAboveBytes: true,
  idleTimeoutMs: true,
  minWorkers: true,
  maxMemoryBytes: true,
  maxQueue: true,
  execArgv: true,
  env: true,
  cwd: true,
} as const;

const OTHER_POOL_NAMES: Readonly<Record<string, string>> = {
  argv: "execArgv",
  concurrency: "maxWorkers",
  cpus: "maxWorkers",
  draintimeout: "drainMs",
  forceexittimeout: "graceMs",
  forkargs: "execArgv",
  grace: "graceMs",
  idletimeout: "idleTimeoutMs",
  minthreads: "minWorkers",
  minprocesses: "minWorkers",
  maxmemorylimitbeforerecycle: "maxMemoryBytes",
  memorylimit: "maxMemoryBytes",
  idlememorylimit: "maxMemoryBytes",
  workeridlememorylimit: "maxMemoryBytes",
  graceperiod: "graceMs",
  init: "initializer",
  initializerargs: "initargs",
  killtimeout: "graceMs",
  max: "maxWorkers",
  maxqueuesize: "maxQueue",
  maxpending: "maxQueue",
  maxprocesses: "maxWorkers",
  maxthreads: "maxWorkers",
  mpcontext: "execArgv",
  numthreads: "maxWorkers",
  numworkers: "maxWorkers",
  poolsize: "maxWorkers",
  queuesize: "maxQueue",
  processes: "maxWorkers",
  resourcelimits: "execArgv",
  setup: "initializer",
  size: "maxWorkers",
  threads: "maxWorkers",
  workerdata: "initargs",
  workers: "maxWorkers",
  workerterminatetimeout: "graceMs",
};

const TASK_LIST: OptionList = {
  call: "executor.with()",
  names: namesOf<TaskOptions>({
    signal: true,
    timeoutMs: true,
    queueTimeoutMs: true,
    priority: true,
    retries: true,
    name: true,
    transfer: true,
    onProgress: true,
    chunkSize: true,
    maxInFlight: true,
    progress: true,
    onError: true,
  }),
  example: "{ timeoutMs: 5000 }",
  otherNames: {
    abortsignal: "signal",
    batchsize: "chunkSize",
    concurrency: "maxInFlight",
    continueonerror: "onError",
    maxtime: "timeoutMs",
    nice: "priority",
    queuetimeout: "queueTimeoutMs",
    retry: "retries",
    attempts: "retries",
    onreport: "onProgress",
    returnexceptions: "onError",
    stoponerror: "onError",
    taskname: "name",
    tasktimeout: "timeoutMs",
    timelimit: "timeoutMs",
    timeout: "timeoutMs",
    transferable: "transfer",
    transferables: "transfer",
    transferlist: "transfer",
  },
};

/** The parts of the option `maxMemoryBytes`. */
export const MEMORY_OPTIONS: OptionList = {
  call: "the option maxMemoryBytes",
  names: namesOf<MemoryLimitOptions>({ soft: true, hard: true }),
  example: "{ maxMemoryBytes: { hard: 2 ** 30 } }",
  otherNames: { max: "hard", limit: "hard" },
};

/** The parts of the option `retries`. */
export const RETRY_OPTIONS: OptionList = {
  call: "executor.with({ retries })",
  names: namesOf<RetryOptions>({
    limit: true,
    backoffMs: true,
    factor: true,
    maxBackoffMs: true,
    jitter: true,
    on: true,
  }),
  example: "{ retries: { limit: 3 } }",
  otherNames: {
    retries: "limit",
    attempts: "limit",
    delay: "backoffMs",
    maxtimeout: "maxBackoffMs",
    mintimeout: "backoffMs",
  },
};

const SHUTDOWN_LIST: OptionList = {
  call: "executor.shutdown()",
  names: namesOf<ShutdownOptions>({ wait: true, cancelFutures: true }),
  example: "{ wait: false }",
  otherNames: { cancel: "cancelFutures", canceltasks: "cancelFutures" },
};

const TASK_POOL_LIST: OptionList = {
  call: "new ProcessTaskPoolExecutor()",
  names: namesOf<ProcessTaskPoolExecutorOptions>({
    ...POOL_NAMES,
    cancelTasksWhenShutdown: true,
    queue: true,
    configurer: true,
    handleSignals: true,
    drainMs: true,
    timeoutInEmergencyMs: true,
  }),
  example: "{ maxWorkers: 3 }",
  otherNames: OTHER_POOL_NAMES,
};

const POOL_LIST: OptionList = {
  call: "new ProcessPoolExecutor()",
  names: namesOf<ProcessPoolExecutorOptions>(POOL_NAMES),
  example: "{ maxWorkers: 3 }",
  otherNames: OTHER_POOL_NAMES,
};

/** The parts of the option `progress`. */
export const PROGRESS_OPTIONS: OptionList = {
  call: "progress",
  names: namesOf<MapProgressOptions>({ label: true, total: true, onUpdate: true }),
  example: '{ label: "files" }',
  otherNames: { count: "total", name: "label", onprogress: "onUpdate", title: "label" },
};

/** The options of `new ProcessPoolExecutor()`. */
export const POOL_OPTIONS: OptionList = { ...POOL_LIST, otherLists: [TASK_POOL_LIST, TASK_LIST, SHUTDOWN_LIST] };

/** The options of `new ProcessTaskPoolExecutor()`. */
export const TASK_POOL_OPTIONS: OptionList = { ...TASK_POOL_LIST, otherLists: [TASK_LIST, SHUTDOWN_LIST] };

/** The options of `executor.with()`. */
export const TASK_OPTIONS: OptionList = { ...TASK_LIST, otherLists: [TASK_POOL_LIST, SHUTDOWN_LIST] };

/** The options of `executor.shutdown()`. */
export const SHUTDOWN_OPTIONS: OptionList = { ...SHUTDOWN_LIST, otherLists: [TASK_POOL_LIST, TASK_LIST] };
