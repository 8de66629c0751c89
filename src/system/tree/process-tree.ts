/** Scans the machine's processes for the descendants of some: see search.ts for what counts as one. */

import type { Platform } from "../platform.js";
import type { ProcessEntry } from "../process/entry.js";
import type { ProcessTable } from "../process/table.js";
import type { TreeRoot } from "./search.js";
import type { TreeScan } from "./search.js";
import { TreeSearch } from "./search.js";
import { askForCookie } from "../process/cookie.js";
import { hostPlatform } from "../platform.js";
import { listByCommand } from "../process/table.js";
import { listByCommandSync } from "../process/table.js";
import { mayHaveStartedAfter } from "../process/entry.js";
import { readsProc } from "../process/table.js";
import { scanProc } from "../process/table.js";
import { nextTurn } from "../timers.js";
import { performance } from "../timers.js";

export type { TreeRoot } from "./search.js";

const NOTHING_KNOWN: TreeScan = {
  roots: [],
  descendants: [],
  ownGroups: [],
  hasTable: false,
  hidden: [],
  isSettled: true,
};

/** How long an asynchronous scan holds the event loop at a time. */
const SLICE_MS = 2;

const KTHREADD_PID = 2;

/** In a pid namespace, 2 is an ordinary process; but it has a group and a session. */
function isKernelThread({ pid, parentPid, groupId, sessionId }: ProcessEntry): boolean {
  return groupId === 0 && sessionId === 0 && (pid === KTHREADD_PID || parentPid === KTHREADD_PID);
}

/** No process that carries one of the cookies is older than this; `undefined` when that isn't known. */
function oldestStart(roots: readonly TreeRoot[], table: ProcessTable): number | undefined {
  let oldest = Number.POSITIVE_INFINITY;
  for (const root of roots) {
    const startTime = root.startTime ?? table.entries.get(root.pid)?.startTime;
    if (startTime === undefined) return undefined;
    oldest = Math.min(oldest, startTime);
  }
  return oldest;
}

function* search(
  table: ProcessTable,
  roots: readonly TreeRoot[],
  formerMembers: Iterable<ProcessEntry>,
  platform: Platform,
): Generator<void, TreeScan, void> {
  const found = new TreeSearch(table);
  for (const root of roots) found.addRoot(root);
  for (const former of formerMembers) found.addFormerMember(former);
  found.expandAll();

  const marked = roots.filter(({ cookie }) => cookie !== undefined && cookie !== "");
  if (marked.length === 0 || !readsProc(platform)) return found.finish(platform.pid);
  const cookies = new Set(marked.map(({ cookie }) => cookie as string));
  const oldest = oldestStart(marked, table);
  const hidden: ProcessEntry[] = [];
  for (const entry of table.entries.values()) {
    const { pid, startTime, isAlive } = entry;
    if (!isAlive || pid <= 1 || pid === platform.pid || found.has(pid)) continue;
    if (isKernelThread(entry) || !mayHaveStartedAfter(startTime, oldest)) continue;
    const answer = askForCookie(platform, pid, cookies);
    if (answer === "carries") found.add(entry);
    // For some microseconds, or as long as its program is read from a slow disk, or its memory given back.
    else if (answer === "hidden") hidden.push(entry);
    yield;
  }
  return found.finish(platform.pid, hidden);
}

function* scanAndSearch(
  roots: readonly TreeRoot[],
  platform: Platform,
  formerMembers: Iterable<ProcessEntry>,
): Generator<void, TreeScan, void> {
  const table = yield* scanProc(platform);
  if (table === undefined) return NOTHING_KNOWN;
  return yield* search(table, roots, formerMembers, platform);
}

function runAtOnce<T>(steps: Generator<void, T, void>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Reads /proc in the calling thread, but a slice at a time. libuv's thread pool takes several times longer in all:
 * a read of /proc is cheaper than the way to another thread.
 */
async function runInSlices<T>(steps: Generator<void, T, void>): Promise<T> {
  let sliceEnd = performance.now() + SLICE_MS;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() < sliceEnd) continue;
    await nextTurn();
    sliceEnd = performance.now() + SLICE_MS;
  }
}

/**
 * Finds all descendants of the roots, letting the event loop turn meanwhile.
 *
 * @param formerMembers Members that an earlier scan found; what they left behind is found through them.
 */
export async function findDescendants(
  roots: readonly TreeRoot[],
  platform: Platform = hostPlatform,
  formerMembers: Iterable<ProcessEntry> = [],
): Promise<TreeScan> {
  if (readsProc(platform)) return runInSlices(scanAndSearch(roots, platform, formerMembers));
  const table = await listByCommand(platform);
  return table === undefined ? NOTHING_KNOWN : runAtOnce(search(table, roots, formerMembers, platform));
}

/** As `findDescendants`, blocking: for `exit` hooks, where nothing asynchronous is done any more. */
export function findDescendantsSync(
  roots: readonly TreeRoot[],
  platform: Platform = hostPlatform,
  formerMembers: Iterable<ProcessEntry> = [],
): TreeScan {
  if (readsProc(platform)) return runAtOnce(scanAndSearch(roots, platform, formerMembers));
  const table = listByCommandSync(platform);
  return table === undefined ? NOTHING_KNOWN : runAtOnce(search(table, roots, formerMembers, platform));
}
