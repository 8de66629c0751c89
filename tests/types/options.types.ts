/** Which options the executors take, and what futures and tasks offer. Compiled, never run. */

import { ProcessPoolExecutor } from "../../src/index.js";
import { ProcessTaskPoolExecutor } from "../../src/index.js";
import { WorkerCrashedError } from "../../src/index.js";
import { currentTask } from "../../src/index.js";
import { isExactly } from "./assert-type.js";
import type { AsyncCpuError } from "../../src/index.js";
import type { LogQueue } from "../../src/index.js";
import type { ProcessFuture } from "../../src/index.js";
import type { ProcessTask } from "../../src/index.js";

declare const queue: LogQueue;
declare function connect(url: string): Promise<void>;

new ProcessPoolExecutor();
new ProcessPoolExecutor({
  maxWorkers: 2,
  initializer: connect,
  initargs: ["here"],
  maxTasksPerChild: 100,
  execArgv: ["--max-old-space-size=256"],
  env: { ...process.env, MODE: "batch" },
  cwd: "/",
  graceMs: 0,
});
new ProcessTaskPoolExecutor({
  maxWorkers: 2,
  cancelTasksWhenShutdown: true,
  queue,
  configurer: async () => {},
  handleSignals: false,
  timeoutInEmergencyMs: 500,
});
new ProcessTaskPoolExecutor({ handleSignals: "drain", drainMs: 20_000 });
// @ts-expect-error there is no other way to handle signals
new ProcessTaskPoolExecutor({ handleSignals: "wait" });
// @ts-expect-error milliseconds and counts are numbers
new ProcessPoolExecutor({ maxWorkers: "2" });
// @ts-expect-error an unknown option
new ProcessPoolExecutor({ max_workers: 2 });
// @ts-expect-error only a task pool has a log queue
new ProcessPoolExecutor({ queue });
// @ts-expect-error a configurer takes no arguments
new ProcessTaskPoolExecutor({ configurer: (level: string) => level });

declare const pool: ProcessPoolExecutor;
isExactly<Promise<void>>()(pool.shutdown());
isExactly<Promise<void>>()(pool.shutdown({ wait: false, cancelFutures: true }));
isExactly<Promise<void>>()(pool[Symbol.asyncDispose]());

// A future is a promise, and more.
declare const future: ProcessFuture<number>;
const asPromise: Promise<number> = future;
isExactly<boolean>()(future.cancel());
isExactly<boolean>()(future.cancel(new Error("enough")));
isExactly<boolean>()(future.done);
isExactly<boolean>()(future.running);
isExactly<boolean>()(future.cancelled);
isExactly<Promise<unknown>>()(future.exception());
isExactly<Promise<ProcessTask>>()(future.started);
isExactly<number>()((await future.started).id);
future.addDoneCallback((settled) => isExactly<boolean>()(settled.cancelled));
// @ts-expect-error the state is read-only
future.done = true;

// A task's view of itself is there outside of tasks too.
const task = currentTask();
isExactly<AbortSignal>()(task.signal);
isExactly<boolean>()(task.aborted);
isExactly<string>()(task.name);
isExactly<void>()(task.throwIfAborted());

// Errors carry their facts.
declare const error: unknown;
if (error instanceof WorkerCrashedError) {
  isExactly<number>()(error.pid);
  isExactly<NodeJS.Signals | null>()(error.signal);
  const base: AsyncCpuError = error;
  isExactly<string>()(base.code);
}
