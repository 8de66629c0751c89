import type { AnyFunction } from "./task-submitter.js";
import type { ProcessFuture } from "./process-future.js";
import type { ProcessTask } from "../system/process-task.js";
import type { TaskObserver } from "./submitted-kind.js";
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
  readonly #running = new Map<object, ProcessTask>();
  #watcher: TaskObserver | undefined;
  /** One for all tasks, of which there may be many. */
  readonly #keeper: TaskObserver = {
    onDispatched: (task) => this.#watcher?.onDispatched(task),
    onStarted: (task, processTask) => {
      this.#running.set(task, processTask);
      this.#watcher?.onStarted(task, processTask);
    },
    onSettled: (task) => {
      this.#running.delete(task);
      this.#watcher?.onSettled(task);
    },
  };

  constructor(submitter: TaskSubmitter) {
    this.#submitter = submitter;
  }

  /** The processes that run a task now. */
  get running(): readonly ProcessTask[] {
    this.lookForStarts();
    return [...this.#running.values()];
  }

  /** Has every task that has begun by now in the registry. */
  lookForStarts(): void {
    this.#submitter.lookForStarts();
  }

  /** Creates a task. Never throws: what is wrong with the request rejects the future. */
  create<T>(request: TaskRequest): ProcessFuture<T> {
    const { fn, args, options, calledFrom } = request;
    return this.#submitter.submit<T>({ fn, args, options, calledFrom }, this.#keeper);
  }

  /** Tells somebody of every step of the tasks that are created from now on, when the registry is right. */
  watch(watcher: TaskObserver): void {
    this.#watcher = watcher;
  }

  /** Sends a signal to every process that runs a task; those that are gone already are passed over. */
  sendSignal(signal: NodeJS.Signals): void {
    for (const processTask of this.running) processTask.sendSignal(signal);
  }
}
