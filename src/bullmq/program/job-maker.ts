import { NumberedFunctions } from "../contract/numbered-functions.js";
import { SentJob } from "./sent-job.js";
import { refuseFunction } from "./refuse-function.js";
import { taskChannel } from "../contract/names.js";
import type { JobWishes } from "./sent-job.js";
import type { PooledFunction } from "../../pool/queue/function-table.js";
import type { PoolTask } from "../../pool/queue/pool-task.js";
import type { QueueLink } from "./queue-link.js";

/** Makes jobs of tasks, with their ids. */
export class JobMaker {
  readonly #producer: string;
  readonly #wishes: JobWishes;
  /** As tasks name them: they do not travel. */
  readonly #functions = new NumberedFunctions<object>(new WeakMap(), () => new Uint8Array(0));
  readonly #chosenIds = new WeakMap<PoolTask, string>();
  readonly #tried = new WeakSet<PoolTask>();
  #nextId: string | undefined;
  #lastNumber = 0;

  constructor(producer: string, wishes: JobWishes) {
    this.#producer = producer;
    this.#wishes = wishes;
  }

  functionFor(fn: object): PooledFunction {
    return this.#functions.of(fn);
  }

  /** Makes a call whose task has this id. */
  withId<T>(id: string, call: () => T): T {
    this.#nextId = id;
    try {
      return call();
    } finally {
      this.#nextId = undefined;
    }
  }

  /** Notes the id of a task that is just being submitted. */
  take(task: PoolTask): void {
    if (this.#nextId !== undefined) this.#chosenIds.set(task, this.#nextId);
  }

  /**
   * Makes a job of it.
   *
   * @throws InvalidOptionError for an id that can be none.
   * @throws FunctionNotPicklableError when hosts have no such task.
   */
  make(task: PoolTask, link: QueueLink): SentJob {
    const [original = {}] = task.functions;
    const fn = link.module.nameOf(original);
    if (fn === undefined) throw refuseFunction(task.name, original, link.module);
    const shared = { fn, task, link, wishes: this.#wishes };
    const chosenId = this.#chosenIds.get(task);
    if (chosenId === undefined) {
      this.#lastNumber += 1;
      return new SentJob({ ...shared, id: `${this.#producer}-${this.#lastNumber}`, producer: this.#producer });
    }
    link.checkId(chosenId);
    const isRetry = this.#tried.has(task);
    this.#tried.add(task);
    return new SentJob({ ...shared, id: chosenId, producer: taskChannel(chosenId), isRetry });
  }

  /**
   * A job that is there already.
   *
   * @throws InvalidOptionError for an id that can be none.
   */
  follow(task: PoolTask, id: string, link: QueueLink): SentJob {
    link.checkId(id);
    return new SentJob({ id, fn: "", task, producer: taskChannel(id), link, wishes: {} });
  }
}
