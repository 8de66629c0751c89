import process from "node:process";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

import { WORKER_ENTRY } from "./own-files.js";

/** What is known of a worker process, by all copies of this package in it. */
interface WorkerState {
  /** How many functions are being made of what was sent, for which modules are imported. */
  importCount: number;
}

const STATE_KEY = Symbol.for("asynccpu.worker");

const shared = globalThis as typeof globalThis & { [STATE_KEY]?: WorkerState };

/** This process is a worker: called before any code of the user's, but that of a preload. */
export function enterWorker(): void {
  shared[STATE_KEY] ??= { importCount: 0 };
}

/**
 * Whether this code runs in a worker of an executor. False in the program itself, and in its worker threads and child
 * processes.
 *
 * For a module that submits tasks when it is imported: each worker that imports it, for a task of its own, would do so
 * again.
 *
 * ```ts
 * if (!isWorker) await executor.createProcessTask(load);
 * ```
 */
export const isWorker: boolean =
  (shared[STATE_KEY] !== undefined || process.argv[1] === fileURLToPath(WORKER_ENTRY)) && isMainThread;

/** Whether this worker imports modules for a function that has not been called yet. */
export function isImporting(): boolean {
  return (shared[STATE_KEY]?.importCount ?? 0) > 0;
}

/** Runs what imports modules for a function. */
export async function whileImporting<T>(load: () => Promise<T>): Promise<T> {
  const state = shared[STATE_KEY];
  if (state === undefined) return load();
  state.importCount += 1;
  try {
    return await load();
  } finally {
    state.importCount -= 1;
  }
}
