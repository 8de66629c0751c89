import type { AnyFunction } from "./task-submitter.js";
import type { ProcessFuture } from "./process-future.js";
import type { ProcessTask } from "../system/process-task.js";
import type { TaskObserver } from "./task-submitter.js";
import type { TaskOptions } from "./options.js";
import type { TaskSubmitter } from "./task-submitter.js";

/** One task to be created. */
export interface TaskRequest {
  readonly fn: AnyFunction;
  readonly args: readonly unknown[];
  readonly options: TaskOptions;
  /** Frames above this function are left out of the stack that shows where the task was submitted. */
  readonly calledFrom: AnyFunction;
}

/** Creates tasks and keeps the registry of those that run; the workers' messages keep it true. */
export class ProcessTaskFactory {
  readonly #submitter: TaskSubmitter;
  readonly #running = new Set<ProcessTask>();

  constructor(submitter: TaskSubmitter) {
    this.#submitter = submitter;
  }

  /** The processes that run a task now. */
  get running(): readonly ProcessTask[] {
    return [...this.#running];
  }

  /** Creates a task. Never throws: what is wrong with the request rejects the future. */
  create<T>(request: TaskRequest, observer: TaskObserver): ProcessFuture<T> {
    let processTask: ProcessTask | undefined;
    return this.#submitter.submit<T>(
      { ...request, isChunk: false },
      {
        onDispatched: () => observer.onDispatched(),
        onStarted: (started) => {
          processTask = started;
          this.#running.add(started);
          observer.onStarted(started);
        },
        onSettled: () => {
          if (processTask !== undefined) this.#running.delete(processTask);
          observer.onSettled();
        },
      },
    );
  }

  /** Sends a signal to every process that runs a task; those that are gone already are passed over. */
  sendSignal(signal: NodeJS.Signals): void {
    for (const processTask of this.#running) processTask.sendSignal(signal);
  }
}
