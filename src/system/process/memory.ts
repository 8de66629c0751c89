import type { Platform } from "../platform.js";
import { hostPlatform } from "../platform.js";
import { readsProc } from "./table.js";

/** Whether the memory of other processes can be asked cheaply. */
export function canAskMemory(platform: Platform = hostPlatform): boolean {
  return readsProc(platform);
}

/**
 * Memory of a process that is in RAM now (resident set size), in bytes. Pages that several processes share, such as
 * those of the Node binary, count in each of them.
 *
 * @returns `undefined` when the process is gone, and where there is no /proc to ask: a run of `ps` for each process
 * would cost more than the answer is worth.
 *
 * Source: proc_pid_status(5), `VmRSS`.
 */
export function residentBytesOf(pid: number, platform: Platform = hostPlatform): number | undefined {
  if (!canAskMemory(platform)) return undefined;
  try {
    const match = /^VmRSS:\s*(\d+) kB$/m.exec(platform.readText(`/proc/${pid}/status`));
    return match === null ? undefined : Number(match[1]) * 1024;
  } catch {
    return undefined;
  }
}
