import type { PoolTask } from "../../pool/queue/pool-task.js";
import type { SentJob } from "./sent-job.js";

/** The tasks of a program that are jobs. */
export class JobTable {
  /** By id: several, where tasks of this program have chosen the same one. */
  readonly #byId = new Map<string, Set<SentJob>>();
  readonly #byTask = new Map<PoolTask, SentJob>();

  get size(): number {
    return this.#byTask.size;
  }

  /** How many are known to run. */
  get runningCount(): number {
    let count = 0;
    for (const { state } of this.#byTask.keys()) if (state === "running") count += 1;
    return count;
  }

  /** Those of this program that are not known to run. */
  get waiting(): readonly SentJob[] {
    return [...this].filter(({ data, task }) => task.state === "queued" && data.fn !== "");
  }

  add(job: SentJob): void {
    this.#byId.set(job.id, (this.#byId.get(job.id) ?? new Set()).add(job));
    this.#byTask.set(job.task, job);
    job.task.holder = job;
  }

  /** @returns False when it was not there. */
  delete(job: SentJob): boolean {
    if (!this.has(job)) return false;
    this.#byTask.delete(job.task);
    const same = this.#byId.get(job.id);
    same?.delete(job);
    if (same?.size === 0) this.#byId.delete(job.id);
    return true;
  }

  has(job: SentJob): boolean {
    return this.#byTask.get(job.task) === job;
  }

  of(task: PoolTask): SentJob | undefined {
    return this.#byTask.get(task);
  }

  withId(id: string): readonly SentJob[] {
    return [...(this.#byId.get(id) ?? [])];
  }

  [Symbol.iterator](): IterableIterator<SentJob> {
    return [...this.#byTask.values()].values();
  }
}
