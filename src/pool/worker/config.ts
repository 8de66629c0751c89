import type { Pins } from "../../memory/pins.js";
import type { StartOptions } from "./start-options.js";
import type { TaskLimits } from "../tasks/tasks-host.js";

/** What a worker needs to be started. */
export interface WorkerConfig extends TaskLimits {
  readonly start: StartOptions;
  /** Encoded `WorkerSettings`. */
  readonly settings: Uint8Array;
  /** Holds the shared memory that the settings refer to. */
  readonly settingsPins?: readonly Pins[];
  /** The initializer and the configurer as they are in this process: the classes of what they throw are looked for from these. */
  readonly functions?: readonly object[];
  /** How long a process may take to become ready, initializer included, in milliseconds. */
  readonly startTimeoutMs: number;
}
