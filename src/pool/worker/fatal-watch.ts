import { hostPlatform } from "../../system/platform.js";
import { readProcActivity } from "../../system/process/stat.js";
import { clearTimeout } from "../../system/timers.js";
import { setImmediate } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";
import type { Platform } from "../../system/platform.js";

/** How often it is looked whether anything moves there, in milliseconds. */
const LOOK_MS = 500;

/** So many times in a row nothing must have moved. */
const STILL_LOOKS = 6;

/** What is needed of the worker that is watched. */
export interface FatalWatchHost {
  /** Asks the watchdog thread. @returns The number of the question. */
  ask(): number | undefined;
  /** It hangs. */
  kill(): void;
}

/**
 * Watches a worker that has said that it is about to abort. V8 and Node abort at once, but may hang on the way, in a
 * lock that the same thread or another one holds that is out of memory as well (seen on Node 20); then nothing ends
 * it.
 *
 * A task may print the same words, or a program that it has started. So the worker is only killed when its watchdog
 * thread doesn't answer, and it gets no CPU time although nobody holds it up.
 */
export class FatalWatch {
  readonly #pid: number;
  readonly #host: FatalWatchHost;
  readonly #platform: Platform;
  #question: number | undefined;
  #cpuTicks: number | undefined;
  #stillLooks = 0;
  #timer: NodeJS.Timeout | undefined;
  #wasHung = false;

  constructor(pid: number, host: FatalWatchHost, platform: Platform = hostPlatform) {
    this.#pid = pid;
    this.#host = host;
    this.#platform = platform;
  }

  /** Whether it was killed for that. */
  get wasHung(): boolean {
    return this.#wasHung;
  }

  /** The words were seen. */
  begin(): void {
    if (this.#timer !== undefined) return;
    this.#question = this.#host.ask();
    this.#stillLooks = 0;
    this.#plan();
  }

  /** The watchdog has answered a question: all is well if it is this one, or a later one. */
  answer(question: number): void {
    if (this.#question !== undefined && question >= this.#question) this.clear();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#question = undefined;
  }

  #plan(): void {
    this.#timer = setTimeout(() => this.#look(), LOOK_MS).unref();
  }

  #look(): void {
    const activity = readProcActivity(this.#platform, this.#pid);
    const isStill = activity === undefined || (!activity.isHeld && activity.cpuTicks === this.#cpuTicks);
    this.#cpuTicks = activity?.cpuTicks;
    this.#stillLooks = isStill ? this.#stillLooks + 1 : 0;
    this.#plan();
    // What has come meanwhile is to be read first: it may be the answer.
    if (this.#stillLooks > STILL_LOOKS) setImmediate(() => this.#timer !== undefined && this.#kill());
  }

  #kill(): void {
    this.clear();
    this.#wasHung = true;
    this.#host.kill();
  }
}
