/**
 * Finds what a process has started, directly or not. Each way alone misses something:
 *
 *     way                                 misses
 *     walk by parent pid                  what was orphaned: its parent is init now
 *     session and group of a member       what has called setsid
 *     cookie in the environment (Linux)   what was started with an environment without it
 *
 * Together, repeated for each member found, they miss only an orphan that called setsid and cleared its environment.
 *
 * A session is joined by being forked only, so all members of a session that a member leads descend from it. A group
 * may be joined from outside: a shell puts a whole pipeline into the group of its first command. So a root's group
 * counts only if the root leads its session or is known to have been started as leader (`ownsGroup`).
 */

import type { ProcessEntry } from "../process/entry.js";
import type { ProcessTable } from "../process/table.js";
import { mayBeSameStart } from "../process/entry.js";
import { mayHaveStartedAfter } from "../process/entry.js";

/** A process whose descendants are looked for; it may be gone already. */
export interface TreeRoot {
  readonly pid: number;
  /** As `startTimeOf` told it; without it, whatever process has the pid now is taken for the root. */
  readonly startTime?: number | undefined;
  /** Id in the environment of the root and of all that it starts. */
  readonly cookie?: string | undefined;
  /** Whether it was started as leader of a process group of its own (`detached: true`). Default: true. */
  readonly ownsGroup?: boolean;
}

/** What one look at the machine's processes found. */
export interface TreeScan {
  /** The roots that are alive. */
  readonly roots: readonly ProcessEntry[];
  /** Descendants that are alive, parents before their children; never the caller, pid 1 or a root. */
  readonly descendants: readonly ProcessEntry[];
  /** Groups that hold roots and descendants only; never the caller's own. */
  readonly ownGroups: readonly number[];
  /** False where the processes of the machine can't be listed: then nothing was found. */
  readonly hasTable: boolean;
  /**
   * Those that don't show their environment, as they are in the midst of execve or of their end: they may be
   * descendants.
   */
  readonly hidden: readonly ProcessEntry[];
  /** False when something may have been missed because a process started or ended meanwhile: scan again. */
  readonly isSettled: boolean;
}

function groupEntries(
  table: ProcessTable,
  keyOf: (entry: ProcessEntry) => number | undefined,
): Map<number, ProcessEntry[]> {
  const groups = new Map<number, ProcessEntry[]>();
  for (const entry of table.entries.values()) {
    const key = keyOf(entry);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return groups;
}

/** Collects the members of the trees in one table. */
export class TreeSearch {
  readonly #table: ProcessTable;
  readonly #byParent: ReadonlyMap<number, readonly ProcessEntry[]>;
  readonly #bySession: ReadonlyMap<number, readonly ProcessEntry[]>;
  readonly #byGroup: ReadonlyMap<number, readonly ProcessEntry[]>;
  /** In order of discovery; a walk over a Map also visits what is added on the way. */
  readonly #members = new Map<number, ProcessEntry>();
  readonly #roots = new Map<number, ProcessEntry>();
  readonly #ownGroups = new Set<number>();

  constructor(table: ProcessTable) {
    this.#table = table;
    this.#byParent = groupEntries(table, (entry) => entry.parentPid);
    this.#bySession = groupEntries(table, (entry) => entry.sessionId);
    this.#byGroup = groupEntries(table, (entry) => entry.groupId);
  }

  addRoot(root: TreeRoot): void {
    const entry = this.#table.entries.get(root.pid);
    const ownsGroup = root.ownsGroup ?? true;
    if (entry === undefined) {
      this.#addLedBy({ pid: root.pid, startTime: root.startTime }, ownsGroup);
    } else if (mayBeSameStart(entry.startTime, root.startTime)) {
      this.#roots.set(entry.pid, entry);
      this.#expand(entry, ownsGroup || entry.sessionId === entry.pid);
    }
    // Else the pid belongs to another process. The system doesn't give a pid away as long as it names a session or
    // group, so nobody is left in those of the root; only the cookie can find more.
  }

  /** Takes up what is left of a member of an earlier scan that may be gone: the session and group that it led. */
  addFormerMember(former: ProcessEntry): void {
    const entry = this.#table.entries.get(former.pid);
    if (entry === undefined) this.#addLedBy(former, former.groupId === former.pid);
    else if (mayBeSameStart(entry.startTime, former.startTime)) this.#add(entry);
  }

  /** Takes up a process that was found by other means, and all that it leads to. */
  add(entry: ProcessEntry): void {
    this.#add(entry);
    this.expandAll();
  }

  /** Follows each member to its children, session and group. */
  expandAll(): void {
    for (const entry of this.#members.values()) this.#expand(entry, true);
  }

  has(pid: number): boolean {
    return this.#members.has(pid) || this.#roots.has(pid);
  }

  #addLedBy(leader: Pick<ProcessEntry, "pid" | "startTime">, ledGroup: boolean): void {
    const orphans = [...(this.#bySession.get(leader.pid) ?? [])];
    if (ledGroup) orphans.push(...(this.#byGroup.get(leader.pid) ?? []));
    for (const orphan of orphans) {
      if (!mayHaveStartedAfter(orphan.startTime, leader.startTime)) continue;
      this.#add(orphan);
      if (orphan.groupId === leader.pid) this.#ownGroups.add(leader.pid);
    }
  }

  #add(entry: ProcessEntry): void {
    if (entry.pid > 1 && !this.has(entry.pid)) this.#members.set(entry.pid, entry);
  }

  #expand(entry: ProcessEntry, ownsGroup: boolean): void {
    for (const child of this.#byParent.get(entry.pid) ?? []) {
      // An older "child" was read before its parent ended, and the parent's pid was given away before it was read.
      if (mayHaveStartedAfter(child.startTime, entry.startTime)) this.#add(child);
    }
    if (entry.sessionId === entry.pid) {
      for (const member of this.#bySession.get(entry.pid) ?? []) this.#add(member);
    }
    if (ownsGroup && entry.groupId === entry.pid) {
      this.#ownGroups.add(entry.pid);
      for (const member of this.#byGroup.get(entry.pid) ?? []) this.#add(member);
    }
  }

  finish(ownPid: number, hidden: readonly ProcessEntry[] = []): TreeScan {
    const ownGroup = this.#table.entries.get(ownPid)?.groupId;
    return {
      roots: [...this.#roots.values()].filter((entry) => entry.isAlive && entry.pid !== ownPid),
      descendants: [...this.#members.values()].filter(
        (entry) => entry.isAlive && entry.pid !== ownPid && !this.#roots.has(entry.pid),
      ),
      ownGroups: [...this.#ownGroups].filter((group) => group !== ownGroup),
      hasTable: true,
      hidden,
      isSettled: !this.#table.hasGaps && hidden.length === 0,
    };
  }
}
