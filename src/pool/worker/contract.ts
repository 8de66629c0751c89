/** What a worker is given when it is started, and what it tells its pool. */

import type { Pins } from "../../memory/pins.js";
import type { PoolTask } from "../queue/pool-task.js";
import type { StartOptions } from "./start-options.js";
import type { TaskLimits } from "../tasks/tasks-host.js";
import type { TasksEvents } from "../tasks/tasks-host.js";
import type { WorkerDeath } from "./death.js";

/** What a worker needs to be started. */
export interface WorkerConfig extends TaskLimits {
  readonly start: StartOptions;
  /** Encoded `WorkerSettings`. */
  readonly settings: Uint8Array;
  /** Holds the shared memory that the settings refer to. */
  readonly settingsPins?: readonly Pins[];
  /**
   * The initializer and the configurer as they are in this process: the classes of what they throw are looked for from
   * these.
   */
  readonly functions?: readonly object[];
  /** How long a process may take to become ready, initializer included, in milliseconds. */
  readonly startTimeoutMs: number;
}

/** What a worker tells its pool. `W` is its class, which this file need not know. */
export interface WorkerEvents<W> extends TasksEvents {
  /** It has become ready for its first task; `onRoom` follows. */
  onReady(worker: W): void;
  /** It takes no more tasks and will die: its place may be filled. */
  onLeaving(worker: W): void;
  onDead(worker: W, death: WorkerDeath): void;
  /** @param error - As it was encoded. */
  onInitializeFailed(which: "initializer" | "configurer", error: Uint8Array): void;
  /**
   * @param functions - Those whose record it is, as they are in this process.
   * @param task - The task that the worker has, if it has one.
   */
  onLog(record: Uint8Array, functions: readonly object[], task: PoolTask | undefined): void;
}
