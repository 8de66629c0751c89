/** One killing of process trees: which processes were struck already, whom to strike next, and when it is over. */

import type { Platform } from "../platform.js";
import type { ProcessEntry } from "../process/entry.js";
import type { TreeRoot } from "./search.js";
import type { TreeScan } from "./search.js";
import { isProcessAlive } from "../process/identity.js";
import { readsProc } from "../process/table.js";
import { sendSignalTo } from "../process/identity.js";
import { signalProcess } from "../process/identity.js";

/**
 * What to do after a strike: scan again, since more was struck; give a process that was seen in the midst of its start
 * a moment and scan again; wait for those struck to be gone; or nothing.
 */
export type AfterStrike = "scanAgain" | "pauseAndScan" | "awaitDeaths" | "done";

/** How many scans may follow only because the last one may have missed something. */
const MAX_DOUBTFUL_SCANS = 6;

/**
 * And how many if one process goes on to hide its environment: its execve may have to wait for the disk. With their
 * pauses they take some two seconds.
 */
const MAX_HIDDEN_SCANS = 80;

function isSame(one: ProcessEntry, other: ProcessEntry): boolean {
  return one.pid === other.pid && one.startTime === other.startTime;
}

/** Kills by SIGKILL whatever each scan finds. */
export class TreeKill {
  readonly #roots: readonly TreeRoot[];
  readonly #sparesRoots: boolean;
  readonly #platform: Platform;
  readonly #struck = new Map<number, ProcessEntry>();
  /** Those that may not be signalled: another user's. Waiting for them would be in vain. */
  readonly #unreachable = new Set<ProcessEntry>();
  #doubtfulScanCount = 0;
  /** Those that showed no environment in the last doubtful scan. */
  #hidden: readonly ProcessEntry[] = [];

  constructor(roots: readonly TreeRoot[], sparesRoots: boolean, platform: Platform) {
    this.#roots = roots;
    this.#sparesRoots = sparesRoots;
    this.#platform = platform;
  }

  /** All that were struck so far. */
  get struck(): readonly ProcessEntry[] {
    return [...this.#struck.values()];
  }

  /** Kills what this scan found and no earlier one did. */
  strike(scan: TreeScan): AfterStrike {
    if (!scan.hasTable) {
      if (!this.#sparesRoots) for (const root of this.#roots) this.#strikeBlindly(root);
      return "done";
    }
    // Roots first: what they start between the scan and their end is found by the next scan, but the less the better.
    const targets = this.#sparesRoots ? scan.descendants : [...scan.roots, ...scan.descendants];
    const fresh = targets.filter((entry) => !this.#wasStruck(entry));
    if (fresh.length > 0) {
      this.#strikeGroups(scan, fresh);
      for (const entry of fresh) this.#strikeOne(entry);
      this.#doubtfulScanCount = 0;
      return "scanAgain";
    }
    if (targets.some((entry) => !this.#unreachable.has(this.#struck.get(entry.pid) ?? entry))) return "awaitDeaths";
    const isStillHidden = scan.hidden.some((entry) => this.#hidden.some((former) => isSame(entry, former)));
    this.#hidden = scan.hidden;
    const mostScans = isStillHidden ? MAX_HIDDEN_SCANS : MAX_DOUBTFUL_SCANS;
    if (scan.isSettled || this.#doubtfulScanCount >= mostScans) return "done";
    this.#doubtfulScanCount += 1;
    return "pauseAndScan";
  }

  /** Whether one of those struck is still there: a killed process takes a moment to end. */
  isAnyAlive(): boolean {
    return this.struck.some(
      (entry) =>
        !this.#unreachable.has(entry) && isProcessAlive(entry.pid, this.#checkableStart(entry), this.#platform),
    );
  }

  #wasStruck(entry: ProcessEntry): boolean {
    const struck = this.#struck.get(entry.pid);
    return struck !== undefined && isSame(struck, entry);
  }

  /** One call reaches all members of a group at once, and the kernel lets none of them fork meanwhile. */
  #strikeGroups(scan: TreeScan, fresh: readonly ProcessEntry[]): void {
    for (const group of scan.ownGroups) {
      if (this.#sparesRoots && scan.roots.some(({ groupId }) => groupId === group)) continue;
      // The group stands as long as one of its members does.
      const witness = fresh.find(
        (entry) => entry.groupId === group && isProcessAlive(entry.pid, this.#checkableStart(entry), this.#platform),
      );
      if (witness !== undefined) sendSignalTo(-group, "SIGKILL", this.#platform);
    }
  }

  #strikeOne(entry: ProcessEntry): void {
    this.#struck.set(entry.pid, entry);
    const startTime = this.#checkableStart(entry);
    const wasSent = signalProcess(entry.pid, startTime, "SIGKILL", this.#platform);
    if (!wasSent && isProcessAlive(entry.pid, startTime, this.#platform)) this.#unreachable.add(entry);
  }

  /** Off Linux a look at one start time costs a run of `ps`: the list is fresh enough there. */
  #checkableStart(entry: ProcessEntry): number | undefined {
    return readsProc(this.#platform) ? entry.startTime : undefined;
  }

  #strikeBlindly(root: TreeRoot): void {
    if (root.pid === this.#platform.pid) return;
    if (root.ownsGroup ?? true) sendSignalTo(-root.pid, "SIGKILL", this.#platform);
    sendSignalTo(root.pid, "SIGKILL", this.#platform);
  }
}
