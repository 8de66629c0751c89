import process from "node:process";

import { WorkerMemoryLimitError } from "../errors.js";
import { clearInterval } from "../system/timers.js";
import { hostPlatform } from "../system/platform.js";
import { canAskMemory } from "../system/process/memory.js";
import { residentBytesOf } from "../system/process/memory.js";
import { setInterval } from "../system/timers.js";
import type { Platform } from "../system/platform.js";
import type { Worker } from "./worker/worker.js";

/** How often the memory of the workers is measured, in milliseconds. */
const LOOK_EVERY_MS = 50;

/** How much memory a worker may have, in bytes that are in RAM. */
export interface MemoryLimit {
  /** Then it is replaced when its task has ended. */
  readonly soft?: number | undefined;
  /** Then it is killed, and its task fails. */
  readonly hard?: number | undefined;
}

let hasWarned = false;

/** Holds the workers of a pool to a limit of memory. */
export class MemoryWatch {
  readonly #limit: MemoryLimit;
  readonly #workers: Iterable<Worker>;
  #timer: NodeJS.Timeout | undefined;

  /** @param workers - Those that live, at any time. */
  constructor(limit: MemoryLimit, workers: Iterable<Worker>, platform: Platform = hostPlatform) {
    this.#limit = limit;
    this.#workers = workers;
    if (hasWarned || canAskMemory(platform)) return;
    hasWarned = true;
    process.emitWarning("The option maxMemoryBytes has no effect: it needs /proc, which only Linux has.", {
      type: "AsyncCpuWarning",
      code: "ASYNCCPU_NO_MEMORY_LIMIT",
    });
  }

  /** Watches from now on, for as long as there are workers. */
  watch(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  #look(): void {
    let isAnyAlive = false;
    for (const worker of this.#workers) {
      isAnyAlive = true;
      this.#lookAt(worker);
    }
    if (isAnyAlive) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #lookAt(worker: Worker): void {
    const { root, state } = worker;
    // One that is being made ready has no task yet that could be the cause.
    if (root === undefined || worker.taskCount === 0 || (state !== "busy" && state !== "idle")) return;
    const bytes = residentBytesOf(root.pid) ?? 0;
    const { hard = Infinity, soft = hard } = this.#limit;
    if (bytes > hard && state === "busy") this.#kill(worker, root.pid, bytes);
    else if (bytes > soft) worker.retire();
  }

  #kill(worker: Worker, pid: number, measuredBytes: number): void {
    worker.tasks?.lookForStart();
    const { task } = worker;
    if (task?.state === "running") {
      const limitBytes = this.#limit.hard ?? 0;
      task.endReason ??= new WorkerMemoryLimitError({ pid, taskName: task.name, limitBytes, measuredBytes });
    }
    worker.kill();
  }
}
