/**
 * Ends process trees.
 *
 * On Unix: scan, kill, scan again until a scan finds nobody. The first scan comes before the first kill, because the
 * children of a process that ends are given another parent. Never signalled: pid 1, the caller (but by
 * `killOwnTreeSync`), and a process that has been given the pid of another one.
 *
 * On Windows: `taskkill /T /F`, which walks the tree itself and needs the root alive. Not run there; tested with a
 * fake platform only.
 */

import type { Platform } from "../platform.js";
import type { ProcessEntry } from "../process/entry.js";
import type { TreeRoot } from "./search.js";
import { InvalidOptionError } from "../../errors.js";
import { ProcessTask } from "../process/process-task.js";
import { TreeKill } from "./kill.js";
import { findDescendants } from "./process-tree.js";
import { findDescendantsSync } from "./process-tree.js";
import { hostPlatform } from "../platform.js";
import { isProcessAlive } from "../process/identity.js";
import { sendSignalTo } from "../process/identity.js";
import { signalProcess } from "../process/identity.js";
import { clearTimeout } from "../timers.js";
import { performance } from "../timers.js";
import { readsProc } from "../process/table.js";
import { setImmediate } from "../timers.js";
import { setTimeout } from "../timers.js";
import { sleep } from "../timers.js";

/** Options of `terminateDescendantProcesses`. */
export interface TerminateOptions {
  /**
   * The longest time to go on for, in milliseconds. Default: 2000. A process in an uninterruptible wait can't be
   * ended.
   */
  readonly limitMs?: number | undefined;
  /** For tests. Default: the operating system. @internal */
  readonly platform?: Platform;
  /**
   * The start time of the process, as `ProcessTask.startTime` has it. Without it, whatever has the id now is taken.
   */
  readonly startTime?: number | undefined;
  /** The id that the process and its descendants carry in their environment. @internal */
  readonly cookie?: string | undefined;
}

/** What of these the kills of whole trees take; spelled out, since the declarations are without the inner options. */
interface TreeOptions {
  readonly limitMs?: number | undefined;
  readonly platform?: Platform;
}

const DEFAULT_LIMIT_MS = 2000;
/** Against a tree that grows as fast as it is cut down; the time limit ends most of these. */
const MAX_ROUNDS = 200;
/** The same where nothing is waited for: each round holds up the end of the program. */
const MAX_SYNC_ROUNDS = 20;
/** Wait for the deaths of one round; one process that doesn't die must not hold up the search for others. */
const MAX_DEATH_WAIT_MS = 200;
const FIRST_POLL_MS = 1;
const MAX_POLL_MS = 25;

function checkPid(pid: number, platform: Platform): void {
  // 0 and negative numbers are groups to kill(2). 1 is init, from which all processes descend; in a container it may
  // be the caller, whose descendants are its own.
  if (!Number.isSafeInteger(pid) || pid < 1 || (pid === 1 && platform.pid !== 1)) {
    throw new InvalidOptionError(
      "pid",
      `The pid must be the id of a process other than init, an integer greater than 1, but is ${String(pid)}.`,
    );
  }
}

async function awaitDeaths(kill: TreeKill, deadline: number): Promise<void> {
  for (let pollMs = FIRST_POLL_MS; kill.isAnyAlive() && performance.now() < deadline; pollMs *= 2) {
    await sleep(Math.min(pollMs, MAX_POLL_MS));
  }
}

async function killTrees(
  roots: readonly TreeRoot[],
  sparesRoots: boolean,
  { limitMs = DEFAULT_LIMIT_MS, platform = hostPlatform }: TreeOptions,
): Promise<readonly ProcessEntry[]> {
  const kill = new TreeKill(roots, sparesRoots, platform);
  const deadline = performance.now() + limitMs;
  let pauseMs = FIRST_POLL_MS;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const after = kill.strike(await findDescendants(roots, platform, kill.struck));
    if (after === "done" || performance.now() >= deadline) break;
    if (after === "pauseAndScan") {
      // Longer each time: on a loaded machine an execve takes some milliseconds.
      await sleep(pauseMs);
      pauseMs = Math.min(pauseMs * 2, MAX_POLL_MS);
    }
    await awaitDeaths(kill, Math.min(deadline, performance.now() + MAX_DEATH_WAIT_MS));
  }
  return kill.struck;
}

/** Waits for nobody: a process with SIGKILL pending can't start another one. */
function killTreesSync(roots: readonly TreeRoot[], sparesRoots: boolean, platform: Platform): void {
  const kill = new TreeKill(roots, sparesRoots, platform);
  for (let round = 0; round < MAX_SYNC_ROUNDS; round += 1) {
    const after = kill.strike(findDescendantsSync(roots, platform, kill.struck));
    if (after === "done" || after === "awaitDeaths") return;
  }
}

function taskkillArguments(pids: readonly number[], force: boolean): string[] {
  return [...(force ? ["/F"] : []), "/T", ...pids.flatMap((pid) => ["/PID", String(pid)])];
}

async function taskkill(platform: Platform, pids: readonly number[], force: boolean): Promise<void> {
  if (pids.length === 0) return;
  try {
    await platform.run("taskkill", taskkillArguments(pids, force));
  } catch {
    // Status 128: no such process; others: one of the tree was gone or may not be ended. There is nothing else to try.
  }
}

function taskkillSync(platform: Platform, pids: readonly number[]): void {
  if (pids.length === 0) return;
  try {
    platform.runSync("taskkill", taskkillArguments(pids, true));
  } catch {
    // As above.
  }
}

async function taskkillDescendants(root: TreeRoot, force: boolean, platform: Platform): Promise<ProcessEntry[]> {
  const { descendants } = await findDescendants([root], platform);
  await taskkill(
    platform,
    descendants.map(({ pid }) => pid),
    force,
  );
  return [...descendants];
}

/**
 * Ends all descendants of a process, but not the process itself.
 *
 * Windows knows no SIGTERM: without `force` it asks programs with a window to close; others need `force`.
 *
 * @param pid The process, which may be the calling one.
 * @param force Whether to kill (SIGKILL, repeated until none is found) or to ask once (SIGTERM).
 * @returns The processes that were signalled; after a kill they are gone.
 * @throws InvalidOptionError when `pid` is not the id of a process other than init.
 */
export async function terminateDescendantProcesses(
  pid: number,
  force: boolean,
  options: TerminateOptions = {},
): Promise<readonly ProcessTask[]> {
  const { cookie, startTime, platform = hostPlatform } = options;
  checkPid(pid, platform);
  const root: TreeRoot = { pid, startTime, cookie, ownsGroup: false };
  let signalled: readonly ProcessEntry[];
  if (platform.name === "win32") {
    signalled = await taskkillDescendants(root, force, platform);
  } else if (force) {
    signalled = await killTrees([root], true, options);
  } else {
    const { descendants } = await findDescendants([root], platform);
    signalled = descendants.filter((entry) => signalProcess(entry.pid, entry.startTime, "SIGTERM", platform));
  }
  return signalled.map((entry) => ProcessTask.for(entry.pid, entry.startTime));
}

/**
 * Kills a process and all its descendants (SIGKILL), and waits until they are gone. The process may be gone already.
 *
 * @throws InvalidOptionError when `root.pid` is not the id of a process other than init.
 */
export async function killProcessTree(root: TreeRoot, options: TreeOptions = {}): Promise<void> {
  const { platform = hostPlatform } = options;
  checkPid(root.pid, platform);
  if (platform.name === "win32") await taskkill(platform, [root.pid], true);
  else await killTrees([root], false, options);
}

/**
 * Kills a process that has run nothing of anybody's yet, with its group (SIGKILL), without a search. What it may have
 * started all the same is found when it has exited.
 */
export function killUnused(root: TreeRoot, platform: Platform = hostPlatform): void {
  if (platform.name === "win32") {
    void killProcessTree(root, { platform });
    return;
  }
  // Off Linux a look at a start time costs a run of `ps`.
  const startTime = readsProc(platform) ? root.startTime : undefined;
  if (isProcessAlive(root.pid, startTime, platform)) sendSignalTo(-root.pid, "SIGKILL", platform);
}

/** How long the search for what one exited process has left waits for others that are to exit, in milliseconds. */
const GATHER_MS = 20;

/** Processes that are about to exit. */
const leaving = new Set<TreeRoot>();

/** Processes that have exited, and the search for what they have left. */
interface Gathered {
  readonly roots: TreeRoot[];
  /** Begins the search in the next turn: those that the system tells of in this one are searched for as well. */
  readonly close: () => void;
  readonly over: Promise<void>;
}

let gathered: Gathered | undefined;

function gather(): Gathered {
  const roots: TreeRoot[] = [];
  let close = (): void => {};
  const closed = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    close = () => {
      clearTimeout(timer);
      setImmediate(resolve);
    };
  });
  const killAll = async (): Promise<void> => {
    await closed;
    gathered = undefined;
    await killTrees(roots, false, {});
  };
  return { roots, close, over: killAll() };
}

/** Tells that a process was told to exit: the search for what others have left waits a moment for it. */
export function expectExit(root: TreeRoot): void {
  leaving.add(root);
}

/**
 * Does what `killProcessTree` does, for a process that has exited. Those that exit together, as the workers of a pool
 * that is shut down, share one search: each has to read the whole of /proc, and more than once while processes end.
 */
export function killLeftByExited(root: TreeRoot): Promise<void> {
  leaving.delete(root);
  if (hostPlatform.name === "win32") return killProcessTree(root);
  gathered ??= gather();
  gathered.roots.push(root);
  if (leaving.size === 0) gathered.close();
  return gathered.over;
}

/**
 * Kills all descendants of a process (SIGKILL), waits until they are gone, and leaves the process itself alive.
 *
 * @throws InvalidOptionError when `root.pid` is not the id of a process other than init.
 */
export async function killDescendants(root: TreeRoot, options: TreeOptions = {}): Promise<void> {
  const { platform = hostPlatform } = options;
  checkPid(root.pid, platform);
  if (platform.name === "win32") await taskkillDescendants(root, true, platform);
  else await killTrees([root], true, options);
}

/**
 * Kills processes and all their descendants (SIGKILL), blocking, with one scan for all of them: for `exit` hooks. It
 * doesn't wait until they are gone.
 *
 * @throws InvalidOptionError when the pid of a root is not the id of a process other than init; then none is killed.
 */
export function killProcessTreesSync(roots: readonly TreeRoot[], platform: Platform = hostPlatform): void {
  if (roots.length === 0) return;
  for (const root of roots) checkPid(root.pid, platform);
  if (platform.name === "win32") {
    taskkillSync(
      platform,
      roots.map(({ pid }) => pid),
    );
  } else {
    killTreesSync(roots, false, platform);
  }
}

/**
 * Kills all descendants of the calling process, then its process group if it leads one, itself last. Any thread may
 * call it. It doesn't return.
 *
 * @param cookie Id that this process and its descendants carry in their environment.
 */
export function killOwnTreeSync(cookie: string | undefined, platform: Platform = hostPlatform): void {
  const { pid } = platform;
  if (platform.name === "win32") {
    taskkillSync(platform, [pid]);
  } else {
    killTreesSync([{ pid, cookie, ownsGroup: false }], true, platform);
    // What was started since the last scan and stayed in the group; ESRCH when this process leads none. And -1 is not
    // a group: it means all processes.
    if (pid > 1) sendSignalTo(-pid, "SIGKILL", platform);
  }
  sendSignalTo(pid, "SIGKILL", platform);
}
