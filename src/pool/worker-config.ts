import type { Pins } from "../memory/pins.js";
import type { StartOptions } from "./start-options.js";

/** What a worker needs to be started. */
export interface WorkerConfig {
  readonly start: StartOptions;
  /** Encoded `WorkerSettings`. */
  readonly settings: Uint8Array;
  /** Holds the shared memory that the settings refer to. */
  readonly settingsPins?: readonly Pins[];
  /** The initializer and the configurer as they are in this process: the classes of what they throw are looked for from these. */
  readonly functions?: readonly object[];
  readonly graceMs: number;
  /** How long a process may take to become ready, initializer included, in milliseconds. */
  readonly startTimeoutMs: number;
  readonly maxTasks: number | undefined;
  /** For tests. Default: that of `BeginLimit`. */
  readonly beginLimitMs?: number;
}
