import { endBySignal } from "../system/process/process-task.js";
import type { ProcessFuture } from "./outcome/process-future.js";
import type { TaskPool } from "../pool/task-pool.js";
import type { ProcessTask } from "../system/process/process-task.js";
import type { Submission } from "./submit/task-submitter.js";
import type { TaskSubmitter } from "./submit/task-submitter.js";

/**
 * Creates tasks, and knows which processes run one. The registry is the pool's: it has what `submit` and `map` run,
 * too.
 */
export class ProcessTaskFactory {
  readonly #submitter: TaskSubmitter;
  readonly #pool: TaskPool;

  constructor(submitter: TaskSubmitter, pool: TaskPool) {
    this.#submitter = submitter;
    this.#pool = pool;
  }

  /** The processes that run a task now. */
  get running(): readonly ProcessTask[] {
    return this.#pool.runningTasks;
  }

  /** Whether a task is on its way to a process, and is not known to have begun there. */
  get isAnyStarting(): boolean {
    return this.#pool.isAnyStarting;
  }

  /** Creates a task. Never throws: what is wrong with the request rejects the future. */
  create<T>(submission: Submission): ProcessFuture<T> {
    return this.#submitter.submit<T>(submission);
  }

  /**
   * Sends a signal to every process that runs a task; those that are gone already are passed over. SIGTERM ends the
   * tasks, see `ProcessTask.sendSignal`.
   *
   * @param makeReason - What tasks that SIGTERM ends are to fail with. Default: that it was this signal.
   */
  sendSignal(signal: NodeJS.Signals, makeReason?: () => Error): void {
    for (const processTask of this.running) {
      if (!endBySignal(processTask, signal, makeReason?.())) processTask.sendSignal(signal);
    }
  }
}
