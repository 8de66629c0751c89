import { fileURLToPath } from "node:url";
import { once } from "node:events";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";

import type { MeetingPlace } from "./bullmq-sides.js";
import type { SideName } from "./bullmq-sides.js";

const HOST_PROGRAM = fileURLToPath(new URL("./bullmq-host.js", import.meta.url));

/** What all hosts of a measure have in common. */
export interface HostPlan {
  readonly side: SideName;
  readonly place: MeetingPlace;
  /** How many tasks each runs at a time. */
  readonly jobs: number;
  readonly lockMs?: number;
}

/** Host processes on this machine; they end with the program that started them. */
export class Hosts {
  readonly #plan: HostPlan;
  #running: ChildProcess[] = [];

  constructor(plan: HostPlan) {
    this.#plan = plan;
  }

  /** Starts one more, and waits until it takes tasks. */
  async add(): Promise<void> {
    const { side, place, jobs, lockMs } = this.#plan;
    const words = [side, place.url, place.queue, String(jobs), ...(lockMs === undefined ? [] : [String(lockMs)])];
    const child = spawn(process.execPath, [HOST_PROGRAM, ...words], { stdio: ["pipe", "pipe", "inherit"] });
    this.#running.push(child);
    await once(child.stdout, "data");
  }

  /** Kills the one that has run longest, as a crash does. */
  async killOldest(): Promise<void> {
    const oldest = this.#running.shift();
    if (oldest === undefined) return;
    const ended = once(oldest, "exit");
    oldest.kill("SIGKILL");
    await ended;
  }

  /** Ends them in order. */
  async close(): Promise<void> {
    const running = this.#running;
    this.#running = [];
    await Promise.all(
      running.map((child) => {
        const ended = once(child, "exit");
        child.stdin?.end();
        return ended;
      }),
    );
  }
}
