/**
 * How many processes the kernel has killed for want of memory: a rise tells why a worker got a SIGKILL from nobody.
 */

import type { Platform } from "./platform.js";
import { hostPlatform } from "./platform.js";

/**
 * The kernel's count since it was started, those for the limit of a cgroup included; `undefined` where there is none.
 *
 * It is the whole machine's, also seen from a container, so a rise is a hint and no proof.
 *
 * Source: mm/oom_kill.c (`count_vm_event(OOM_KILL)`, called for both kinds), proc_vmstat(5).
 */
export function countOomKills(platform: Platform = hostPlatform): number | undefined {
  if (platform.name !== "linux") return undefined;
  try {
    const match = /^oom_kill (\d+)$/m.exec(platform.readText("/proc/vmstat"));
    return match === null ? undefined : Number(match[1]);
  } catch {
    return undefined;
  }
}
