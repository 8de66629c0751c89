/** Memory as Linux tells it. */

import { readFileSync } from "node:fs";
import { readdirSync } from "node:fs";

const KIB_PER_MIB = 1024;

function readMib(file: string, field: string): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(file, "latin1"))?.[1];
  return Number(kib) / KIB_PER_MIB;
}

/**
 * The most memory that a process had, in MiB.
 *
 * Not `process.resourceUsage().maxRSS`: that one begins with what the parent had when it spawned this process.
 */
export function peakRssMib(pid: number | "self" = "self"): number {
  return readMib(`/proc/${pid}/status`, "VmHWM");
}

/** A process's own memory and its share of what it has in common with others, in MiB. */
export function proportionalMib(pid: number | "self"): number {
  return readMib(`/proc/${pid}/smaps_rollup`, "Pss");
}

/** The parent of each process. */
function readParents(): Map<number, number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It has ended in the meantime.
    }
  }
  return parents;
}

/** All children of this process, and theirs: workers, and whatever else a pool starts. */
export function descendantPids(): number[] {
  const parents = readParents();
  const family = new Set([process.pid]);
  for (let before = 0; before < family.size;) {
    before = family.size;
    for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid);
  }
  return [...family].filter((pid) => pid !== process.pid);
}
