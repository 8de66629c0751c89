import { clearTimeout } from "../../system/timers.js";
import { performance } from "../../system/timers.js";
import { setImmediate } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";
import type { PoolTask } from "../queue/pool-task.js";
import type { TakeBack } from "./take-back.js";
import type { TasksHost } from "./tasks-host.js";

const DEFAULT_LIMIT_MS = 10_000;

/** How many times the limit is looked at before it is over. */
const LOOKS = 4;

/** So many bytes of a task at least can be sent in a millisecond; a large one has more time to begin. */
const SLOWEST_BYTES_PER_MS = 1000;

/** What is needed of the tasks of the worker that is watched. */
export interface LateTasks {
  /** Looks whether the first one has begun without a notice. */
  lookForStart(): boolean;
}

/**
 * Watches that a worker begins the task that is next: it may be stopped, or busy for ever with what an ended task left
 * behind. Then it is to be killed, and the task runs elsewhere. A process that only gets too little CPU time may begin
 * it at the last moment: so its watchdog takes it back before, or is known not to answer.
 *
 * Most tasks begin at once, and there may be very many of them: to note one costs nothing. A timer looks now and then
 * whether it is still the same one, as long as there is one, and takes the time from the first look on.
 */
export class BeginLimit {
  readonly #limitMs: number;
  readonly #host: Pick<TasksHost, "giveUp">;
  readonly #takeBack: Pick<TakeBack, "demand">;
  readonly #tasks: LateTasks;
  #task: PoolTask | undefined;
  #sentBytes = 0;
  #seen: PoolTask | undefined;
  #dueMs = 0;
  #timer: NodeJS.Timeout | undefined;
  /** What was asked when it was too late, of `#task`. */
  #question = Infinity;

  /** @param host - With how long to wait at least, and at most a quarter longer. Default: 10 s. */
  constructor(host: Pick<TasksHost, "config" | "giveUp">, takeBack: Pick<TakeBack, "demand">, tasks: LateTasks) {
    this.#limitMs = host.config.beginLimitMs ?? DEFAULT_LIMIT_MS;
    this.#host = host;
    this.#takeBack = takeBack;
    this.#tasks = tasks;
  }

  /** The task is next from now on. */
  watch(task: PoolTask, sentBytes: number): void {
    this.#task = task;
    this.#sentBytes = sentBytes;
    this.#question = Infinity;
    if (this.#timer === undefined) this.#plan();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#task = undefined;
    this.#seen = undefined;
  }

  /**
   * Takes the watchdog's answer.
   *
   * @returns Whether the worker is killed: the task was late, and does not begin there any more.
   */
  answer(question: number, firstUnbegun: number): boolean {
    const task = this.#task;
    if (question < this.#question || task?.state !== "dispatched" || firstUnbegun > task.number) return false;
    this.#host.giveUp("hung");
    return true;
  }

  #plan(): void {
    this.#timer = setTimeout(() => this.#look(), this.#limitMs / LOOKS).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const task = this.#task;
    if (task?.state !== "dispatched") {
      this.#seen = undefined;
      return;
    }
    const nowMs = performance.now();
    if (task !== this.#seen) {
      this.#seen = task;
      this.#dueMs = nowMs + this.#limitMs + this.#sentBytes / SLOWEST_BYTES_PER_MS;
    }
    if (nowMs < this.#dueMs) {
      this.#plan();
      return;
    }
    // What has come meanwhile is to be read first.
    setImmediate(() => {
      if (this.#task !== task || task.state !== "dispatched" || this.#tasks.lookForStart()) return;
      this.#question = this.#takeBack.demand();
    });
  }
}
