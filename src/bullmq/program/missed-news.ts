import { clearInterval } from "../../system/timers.js";
import { setInterval } from "../../system/timers.js";
import type { JobTable } from "./job-table.js";
import type { SentJob } from "./sent-job.js";

/** How many waiting tasks are asked for at a time, the oldest first. */
const MOST_WAITING = 1000;

/**
 * Asks Redis for tasks of which nothing was heard for long. News go missing without a gap in the connection, too: a
 * host can die between the end of a job and the telling of it.
 */
export class MissedNews {
  readonly #jobs: JobTable;
  readonly #ask: (jobs: readonly SentJob[]) => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  /** Those that were there at the last look. */
  #before = new WeakSet<SentJob>();
  #isAsking = false;

  /** @param ask - Never rejects. */
  constructor(intervalMs: number, jobs: JobTable, ask: (jobs: readonly SentJob[]) => Promise<void>) {
    this.#jobs = jobs;
    this.#ask = ask;
    this.#timer = setInterval(() => void this.#look(), intervalMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    if (this.#isAsking) return;
    const all = [...this.#jobs];
    const old = all.filter((job) => this.#before.has(job));
    this.#before = new WeakSet(all);
    const waiting = old.filter(({ task }) => task.state !== "running").slice(0, MOST_WAITING);
    const running = old.filter(({ task }) => task.state === "running");
    if (old.length === 0) return;
    this.#isAsking = true;
    await this.#ask([...running, ...waiting]);
    this.#isAsking = false;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
