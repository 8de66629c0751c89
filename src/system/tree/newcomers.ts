/**
 * Watches for processes that have just been started, on Linux.
 *
 * A family of daemons of which each starts its successor and ends can outrun a scan: to look at every process of the
 * machine takes as long as one of them lives. But pids are given in order, and the kernel tells the newest one: to
 * look at what is new since the last look takes some microseconds.
 */

import type { Platform } from "../platform.js";
import type { ProcessEntry } from "../process/entry.js";
import type { TreeRoot } from "./search.js";
import { askForCookie } from "../process/cookie.js";
import { readProcStat } from "../process/stat.js";
import { performance } from "../timers.js";
import { sleep } from "../timers.js";

/** Pause between two looks, in milliseconds. */
const LOOK_MS = 1;

/** So many new processes are looked at in one go; when there are more, the scan that follows sees them. */
const MAX_NEW = 500;

/** The pid that was given last in this pid namespace. Source: proc_loadavg(5). */
function newestPid(platform: Platform): number | undefined {
  try {
    const pid = Number(platform.readText("/proc/loadavg").trim().split(" ").at(-1));
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Finds newcomers by the cookie that their environment carries. */
export class Newcomers {
  readonly #platform: Platform;
  readonly #cookies: ReadonlySet<string>;
  #lastPid: number | undefined;
  /** In the midst of execve, or of their end, they show no environment. */
  #undecided = new Set<number>();

  constructor(roots: readonly TreeRoot[], platform: Platform) {
    this.#platform = platform;
    this.#cookies = new Set(roots.flatMap(({ cookie }) => (cookie === undefined || cookie === "" ? [] : [cookie])));
  }

  /** Processes that start from now on are new; to be called before a scan, which may miss them. */
  mark(): void {
    this.#undecided = new Set();
    this.#lastPid = this.#cookies.size === 0 ? undefined : newestPid(this.#platform);
  }

  /** Those that have started since the last look and carry a cookie. */
  look(): ProcessEntry[] {
    const newest = this.#lastPid === undefined ? undefined : newestPid(this.#platform);
    if (this.#lastPid === undefined || newest === undefined) return [];
    // Smaller after the last pid of all has been given: from there on it begins anew.
    const from = newest < this.#lastPid ? 1 : this.#lastPid + 1;
    for (let pid = Math.max(from, newest - MAX_NEW); pid <= newest; pid += 1) this.#undecided.add(pid);
    this.#lastPid = newest;
    const found: ProcessEntry[] = [];
    for (const pid of this.#undecided) {
      const answer = askForCookie(this.#platform, pid, this.#cookies);
      if (answer === "hidden") continue;
      this.#undecided.delete(pid);
      const entry = answer === "carries" && pid !== this.#platform.pid ? readProcStat(this.#platform, pid) : undefined;
      if (entry?.isAlive === true) found.push(entry);
    }
    return found;
  }

  /** Looks again and again, until there are some or the time is over. */
  async wait(limitMs: number): Promise<ProcessEntry[]> {
    const end = performance.now() + limitMs;
    for (;;) {
      const found = this.look();
      if (found.length > 0 || performance.now() >= end) return found;
      await sleep(LOOK_MS);
    }
  }
}
