/** How many CPUs this process may really use. */

import process from "node:process";
import { availableParallelism } from "node:os";
import { readFileSync } from "node:fs";

import type { TextReader } from "./cgroup-quota.js";
import { cgroupCpuQuota } from "./cgroup-quota.js";

/** Where the number of CPUs is read; replaced in tests. @internal */
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

/** Counts the CPUs of a source as `usableCpuCount` does. @internal */
export function countCpus(source: CpuSource): number {
  const byAffinity = source.availableParallelism();
  const byQuota = source.platform === "linux" ? Math.ceil(cgroupCpuQuota(source.readText)) : Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(byAffinity, byQuota));
}

/**
 * Returns how many CPUs this process may use at a time, at least 1. It is the default of the option `maxWorkers`.
 *
 * The scheduler's affinity counts and, on Linux, the CPU quota of the cgroups (version 1 or 2), rounded up. Older
 * versions of Node leave the quota out: in a container that is limited to one CPU of 64, `os.availableParallelism()`
 * is 64.
 */
export function usableCpuCount(): number {
  return countCpus(hostSource);
}
