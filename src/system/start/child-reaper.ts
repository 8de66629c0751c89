import { clearTimeout } from "../timers.js";
import { setTimeout } from "../timers.js";
import type { ExitStatus } from "./native-spawn.js";

/** The part of `process` that is used; a test has its own. */
export interface ChildSignals {
  on(event: "SIGCHLD", listener: () => void): unknown;
  off(event: "SIGCHLD", listener: () => void): unknown;
}

const FIRST_POLL_MS = 1;
const MAX_POLL_MS = 30_000;

interface Child {
  readonly onExit: (status: ExitStatus) => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Learns of the ends of processes that Node doesn't know, and frees what the system keeps of them.
 *
 * It asks for its own pids only, as libuv does for those of `child_process`, so neither takes a child from the other.
 * Node's listeners to signals keep no program running, and nor do the timers here.
 */
export class ChildReaper {
  readonly #signals: ChildSignals;
  readonly #collect: (pid: number) => ExitStatus | undefined;
  readonly #children = new Map<number, Child>();
  readonly #onSignal = (): void => {
    for (const pid of this.#children.keys()) this.#ask(pid);
  };

  constructor(signals: ChildSignals, collect: (pid: number) => ExitStatus | undefined) {
    this.#signals = signals;
    this.#collect = collect;
  }

  /**
   * Starts a process, and calls back once when it has ended.
   *
   * @returns Its pid.
   * @throws What `start` throws.
   */
  watch(start: () => number, onExit: (status: ExitStatus) => void): number {
    // Before it is started: it may end at once.
    if (this.#children.size === 0) this.#signals.on("SIGCHLD", this.#onSignal);
    try {
      const pid = start();
      this.#children.set(pid, { onExit, timer: undefined });
      return pid;
    } finally {
      this.#stopWhenIdle();
    }
  }

  /**
   * A process gives signs of its end: it is asked until it has ended, less and less often. The signal comes first, if
   * nobody has removed the listener, or caught the signal in native code.
   */
  expectEnd(pid: number): void {
    const child = this.#children.get(pid);
    if (child === undefined) return;
    clearTimeout(child.timer);
    this.#askLater(pid, child, FIRST_POLL_MS);
  }

  #askLater(pid: number, child: Child, afterMs: number): void {
    child.timer = setTimeout(() => {
      if (!this.#ask(pid)) this.#askLater(pid, child, Math.min(afterMs * 2, MAX_POLL_MS));
    }, afterMs).unref();
  }

  #ask(pid: number): boolean {
    const child = this.#children.get(pid);
    if (child === undefined) return true;
    const status = this.#collect(pid);
    if (status === undefined) return false;
    clearTimeout(child.timer);
    this.#children.delete(pid);
    this.#stopWhenIdle();
    child.onExit(status);
    return true;
  }

  #stopWhenIdle(): void {
    if (this.#children.size === 0) this.#signals.off("SIGCHLD", this.#onSignal);
  }
}
