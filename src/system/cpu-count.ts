/** How many CPUs this process may really use. */

import process from "node:process";
import { availableParallelism } from "node:os";
import { readFileSync } from "node:fs";

import type { TextReader } from "./cgroup-quota.js";
import { cgroupCpuQuota } from "./cgroup-quota.js";

/** Where the answer comes from; replaced in tests. */
export interface CpuSource {
  readonly platform: NodeJS.Platform;
  /** CPUs by the scheduler's affinity. */
  readonly availableParallelism: () => number;
  readonly readText: TextReader;
}

const hostSource: CpuSource = {
  platform: process.platform,
  availableParallelism,
  readText: (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
};

/**
 * The number of CPUs that this process may use at a time: by its affinity and, on Linux, by the CPU quota of its cgroups
 * (version 1 or 2), rounded up; at least 1.
 *
 * Node alone doesn't count the quota: in a container limited to one CPU of 64, it says 64 (newer versions: see libuv's
 * `uv_available_parallelism`).
 */
export function usableCpuCount(source: CpuSource = hostSource): number {
  const byAffinity = source.availableParallelism();
  const byQuota = source.platform === "linux" ? Math.ceil(cgroupCpuQuota(source.readText)) : Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(byAffinity, byQuota));
}
