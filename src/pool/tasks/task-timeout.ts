import type { PoolTask } from "../queue/pool-task.js";
import type { TaskClock } from "./task-clock.js";

/** How often to look, in milliseconds, whether a large outcome that was late still comes. */
const ARRIVAL_CHECK_MS = 100;

/** How long a worker may take, in milliseconds, to tell where its task is stuck; a stopped one never does. */
const STACK_LIMIT_MS = 2000;

/** What a timeout needs of the worker that has the task. */
export interface TimeoutEvents {
  /** Takes the outcome if it is there and has not been sent yet, as the task behind keeps the worker busy. */
  readKept(): void;
  /** How much of the task's outcome has come, in bytes, while the rest is on its way. */
  outcomeBytesSoFar(task: PoolTask): number;
  /** Asks for the frames that `answer` is to bring. */
  askStack(task: PoolTask): void;
  /** The task is to be ended; it has its `endReason`. */
  onTimedOut(task: PoolTask, error: Error): void;
}

/**
 * Ends a task that runs for longer than its `timeoutMs`, and has its error tell where it was stuck.
 *
 * An outcome that came in time counts, also when it is too large for one turn and still being read.
 */
export class TaskTimeout {
  readonly #clock: TaskClock;
  readonly #events: TimeoutEvents;
  #asked: PoolTask | undefined;

  /** @param clock - Is cleared when the task has ended. */
  constructor(clock: TaskClock, events: TimeoutEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /** Counts from now on. */
  watch(task: PoolTask, timeoutMs: number): void {
    this.#clock.after(timeoutMs, () => this.#onTimeUp(task, timeoutMs, 0));
  }

  /** The task has ended: what the worker still says of its frames means nothing. */
  forget(): void {
    this.#asked = undefined;
  }

  /** Takes what the worker says of its task's frames. */
  answer(task: PoolTask, frames: string): void {
    if (task !== this.#asked || task.timeoutMs === undefined || task.state === "settled") return;
    this.#asked = undefined;
    const error = task.timeoutError(task.timeoutMs, frames);
    task.endReason = error;
    this.#events.onTimedOut(task, error);
  }

  #onTimeUp(task: PoolTask, timeoutMs: number, seenBytes: number): void {
    this.#events.readKept();
    if (task.state === "settled" || task.endReason !== undefined) return;
    const bytes = this.#events.outcomeBytesSoFar(task);
    if (bytes > seenBytes) {
      this.#clock.after(ARRIVAL_CHECK_MS, () => this.#onTimeUp(task, timeoutMs, bytes));
      return;
    }
    // From here on its outcome is this, whatever comes.
    task.endReason = task.timeoutError(timeoutMs, "");
    this.#asked = task;
    this.#clock.after(STACK_LIMIT_MS, () => this.answer(task, ""));
    this.#events.askStack(task);
  }
}
