/**
 * The inner parts of executors. They are made when the first task has had a process started, and the code for them is
 * loaded then:
 *
 *     import              executors, their options, and what starts a process
 *     first submission    starts a process; beside its boot the rest is loaded, and the task is made
 */

import { TaskSubmitter } from "./submit/task-submitter.js";
import { asCalled } from "./outcome/submission-stack.js";
import { buildPool } from "./build-pool.js";
import { isImporting } from "../system/worker-state.js";
import { nestingProblem } from "../pool/nesting.js";
import { runOutside } from "../system/async-context.js";
import { spawnWorker } from "../pool/worker/spawn-worker.js";
import type { AnyFunction } from "../values/classes/value-writer.js";
import type { AnyTaskOptions } from "./options/options.js";
import type { BuiltPool } from "./build-pool.js";
import type { CheckedTaskPoolOptions } from "./options/check-options.js";
import type { SpawnedWorker } from "../pool/worker/spawn-worker.js";
import type { TaskPool } from "../pool/task-pool.js";

/** What an executor is made of inside, for the classes of executors alone. */
export interface ExecutorCore {
  readonly pool: TaskPool;
  readonly submitter: TaskSubmitter;
  readonly maxWorkers: number;
}

const cores = new WeakMap<object, ExecutorCore>();

/** Of the executors that have no core yet. */
const unbuilt = new WeakMap<object, CheckedTaskPoolOptions>();

/**
 * Takes a new executor. Its inner parts are made when something needs them first, unless what is sent to each worker
 * has to be taken now, or the pool is there already.
 *
 * @throws FunctionNotPicklableError or NotSerializableError when that can't be sent.
 */
export function enterExecutor(
  executor: object,
  options: CheckedTaskPoolOptions,
  calledFrom: AnyFunction,
  built?: BuiltPool,
): void {
  if (built !== undefined) {
    putTogether(executor, options, built);
    return;
  }
  unbuilt.set(executor, options);
  const { initializer, initargs, configurer, queue, shareAboveBytes } = options;
  const taken = [initializer, initargs, configurer, queue, shareAboveBytes];
  if (taken.every((option) => option === undefined)) return;
  asCalled(calledFrom, () => putTogether(executor, options, buildPool(options)));
}

/** The inner parts of an executor. @internal */
export function coreOf(executor: object): ExecutorCore {
  const core = cores.get(executor);
  if (core !== undefined) return core;
  const options = unbuilt.get(executor);
  if (options === undefined) throw new TypeError("Not an executor.");
  return runOutside(() => putTogether(executor, options, buildPool(options)));
}

/** An executor that was dropped without a shutdown takes its idle workers with it, as soon as it is collected. */
const dropped = new FinalizationRegistry<TaskPool>((pool) => pool.close());

function putTogether(
  executor: object,
  options: CheckedTaskPoolOptions,
  { pool, owned, abroad }: BuiltPool,
): ExecutorCore {
  const submitter = new TaskSubmitter(pool, options.shareAboveBytes, executor, owned, abroad);
  const core = { pool, submitter, maxWorkers: options.maxWorkers };
  cores.set(executor, core);
  unbuilt.delete(executor);
  dropped.register(executor, pool);
  return core;
}

/**
 * The inner parts of an executor to which a task is about to be submitted. The first time, a worker process is started
 * before they are made, and before the code for that is loaded: its boot takes longer than all that.
 *
 * @internal
 */
export function coreForTask(executor: object, fn: unknown, { signal }: AnyTaskOptions): ExecutorCore {
  const known = cores.get(executor);
  if (known !== undefined) return known;
  const options = unbuilt.get(executor);
  const isRefused = typeof fn !== "function" || isImporting() || signal?.aborted === true;
  if (options === undefined || isRefused || nestingProblem() !== undefined) return coreOf(executor);
  const started = startFirst(options);
  try {
    return runOutside(() => {
      const built = buildPool(options);
      const core = putTogether(executor, options, built);
      if (started !== undefined) built.pool.adopt(started);
      return core;
    });
  } catch (error) {
    // No descriptor was left to load a file, say. The process ends with its pipes; or there is none, which comes as an
    // event.
    started?.child.on("error", () => {});
    for (const stream of started?.streams ?? []) stream.destroy();
    started?.journal?.close();
    throw error;
  }
}

/** A failure is left to the pool, which tries it again and counts. */
function startFirst({ execArgv, env, cwd }: CheckedTaskPoolOptions): SpawnedWorker | undefined {
  try {
    return spawnWorker({ execArgv, env, cwd });
  } catch {
    return undefined;
  }
}
