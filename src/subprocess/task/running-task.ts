import { CancelledError } from "../../errors.js";
import { runAsTask } from "./current-task.js";
import { performance } from "../../system/timers.js";
import type { AbortFlag } from "../guard/claim.js";
import type { CurrentTask } from "./current-task.js";

/** Out here, where it captures nothing. */
function ignore(): void {}

/** The task that a worker runs now: what `currentTask()` gives, with the strings by which it is ended. */
export class RunningTask implements CurrentTask {
  readonly id: number;
  readonly name: string;
  isCancelledByParent = false;
  /** When its function was called, in milliseconds of this process. */
  beganMs: number = performance.now();
  readonly #flag: AbortFlag;
  /** Made when somebody asks: most tasks never do, and it costs more than all else of a small task. */
  #lazyController: AbortController | undefined;
  #rejectBody: (error: unknown) => void = ignore;

  constructor(id: number, name: string, flag: AbortFlag) {
    this.id = id;
    this.name = name;
    this.#flag = flag;
  }

  #controller(): AbortController {
    return (this.#lazyController ??= new AbortController());
  }

  get signal(): AbortSignal {
    return this.#controller().signal;
  }

  get aborted(): boolean {
    return this.#lazyController?.signal.aborted === true || this.#flag.isRaisedFor(this.id);
  }

  throwIfAborted(): void {
    this.#lazyController?.signal.throwIfAborted();
    // The watchdog knows that the task is to end, not why; the reason follows on the other pipe.
    if (this.#flag.isRaisedFor(this.id)) throw new CancelledError();
  }

  /** Asks the task to end. Its listeners are called as the task: they run in the context of whoever aborts. */
  abort(reason: unknown): void {
    this.#flag.raise(this.id);
    runAsTask(this, () => this.#controller().abort(reason));
  }

  /** Ends the wait for the body with an error that was thrown beside it, such as in a timer's callback. */
  fail(error: unknown): void {
    this.#rejectBody(error);
  }

  /** The body's outcome, or the error given to `fail`, whichever comes first. */
  settle<T>(body: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#rejectBody = reject;
      // Whatever the task has started refers to this object for good, and would keep the outcome by way of `reject`.
      const release = (): void => {
        this.#rejectBody = ignore;
      };
      body.then(
        (value) => {
          release();
          resolve(value);
        },
        (error: unknown) => {
          release();
          reject(error);
        },
      );
    });
  }
}
