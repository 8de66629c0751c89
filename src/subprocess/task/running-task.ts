import { CancelledError } from "../../errors.js";
import { TaskReports } from "./task-reports.js";
import { runAsTask } from "./current-task.js";
import { performance } from "../../system/timers.js";
import type { CurrentTask } from "./current-task.js";
import type { GuardWords } from "../guard/claim.js";
import type { ReportChannel } from "./task-reports.js";
import type { TaskFlag } from "../guard/claim.js";

/** Out here, where it captures nothing. */
function ignore(): void {}

type Words = Pick<GuardWords, "abortFlag" | "hearFlag">;

/** The task that a worker runs now: what `currentTask()` gives, with the strings by which it is ended. */
export class RunningTask implements CurrentTask {
  readonly id: number;
  readonly name: string;
  isCancelledByParent = false;
  /** When its function was called, in milliseconds of this process. */
  beganMs: number = performance.now();
  readonly #flag: TaskFlag;
  readonly #words: Words;
  readonly #channel: ReportChannel;
  /** Made when somebody asks: most tasks never do, and it costs more than all else of a small task. */
  #lazyController: AbortController | undefined;
  #rejectBody: (error: unknown) => void = ignore;

  #isHeard = false;
  /** Made when it reports something for the first time; until it is over. */
  #reports: TaskReports | undefined;
  #isOver = false;

  constructor(id: number, name: string, words: Words, channel: ReportChannel) {
    this.id = id;
    this.name = name;
    this.#flag = words.abortFlag;
    this.#words = words;
    this.#channel = channel;
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

  report(value: unknown): void {
    // What the task has left behind reports to nobody.
    if (this.#isOver) return;
    this.#reports ??= new TaskReports(this.id, this.#isHeard, this.#words.hearFlag, this.#channel);
    this.#reports.add(value);
  }

  /** From now on somebody listens to what it reports. */
  hear(): void {
    this.#isHeard = true;
    this.#reports?.hear();
  }

  /** What it reports from now on would come after its outcome. */
  endReports(): void {
    this.#isOver = true;
    this.#reports?.end();
    this.#reports = undefined;
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
