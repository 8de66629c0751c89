import type { ProcessFuture } from "./process-future.js";
import type { ProcessTaskFactory } from "./process-task-factory.js";
import type { TaskRequest } from "./process-task-factory.js";

/**
 * One creation: from the choice of a worker to the message that the task has begun there. Not the request itself, which
 * would keep the arguments in memory until the task ends.
 */
type Creation = symbol;

/**
 * Knows which tasks are just being started, so that a signal to all of them misses none.
 *
 * A task that is on its way to a worker has no process yet to send a signal to. The original holds a lock meanwhile; here the
 * creations in flight are waited for, and not longer than a limit, so that shutting down can't hang on a worker
 * that never answers.
 */
export class ProcessTaskManager {
  readonly #factory: ProcessTaskFactory;
  readonly #timeoutInEmergencyMs: number;
  readonly #inFlight = new Set<Creation>();
  #waiters: (() => void)[] = [];

  constructor(factory: ProcessTaskFactory, timeoutInEmergencyMs: number) {
    this.#factory = factory;
    this.#timeoutInEmergencyMs = timeoutInEmergencyMs;
  }

  /** Creates a task; see `ProcessTaskFactory.create`. */
  createProcessTask<T>(request: TaskRequest): ProcessFuture<T> {
    const creation: Creation = Symbol("creation");
    return this.#factory.create<T>(request, {
      onDispatched: () => this.#inFlight.add(creation),
      onStarted: () => this.#endCreation(creation),
      onSettled: () => this.#endCreation(creation),
    });
  }

  /**
   * Waits for the creations in flight, at most `timeoutInEmergencyMs`, then sends the signal to every running task.
   *
   * @returns Whether every creation was complete; false when the signal was sent because the time was up.
   */
  async lockAndSendSignal(signal: NodeJS.Signals): Promise<boolean> {
    const isComplete = await this.#waitForCreations();
    this.#factory.sendSignal(signal);
    return isComplete;
  }

  #waitForCreations(): Promise<boolean> {
    if (this.#inFlight.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), this.#timeoutInEmergencyMs);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  #endCreation(creation: Creation): void {
    this.#inFlight.delete(creation);
    if (this.#inFlight.size > 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resume of waiters) resume();
  }
}
