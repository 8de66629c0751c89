import type { ProcessFuture } from "./process-future.js";
import type { ProcessTaskFactory } from "./process-task-factory.js";
import type { TaskRequest } from "./process-task-factory.js";

/** How often to look whether tasks have begun, in milliseconds, while that is waited for. */
const LOOK_EVERY_MS = 5;

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
  /** Tasks that are next in a worker and are not known to have begun. */
  readonly #inFlight = new Set<object>();
  #waiters: (() => void)[] = [];

  constructor(factory: ProcessTaskFactory, timeoutInEmergencyMs: number) {
    this.#factory = factory;
    this.#timeoutInEmergencyMs = timeoutInEmergencyMs;
    factory.watch({
      onDispatched: (task) => this.#inFlight.add(task),
      onStarted: (task) => this.#endCreation(task),
      onSettled: (task) => this.#endCreation(task),
    });
  }

  /** Creates a task; see `ProcessTaskFactory.create`. */
  createProcessTask<T>(request: TaskRequest): ProcessFuture<T> {
    return this.#factory.create<T>(request);
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
    this.#factory.lookForStarts();
    if (this.#inFlight.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(false), this.#timeoutInEmergencyMs);
      // The start of most tasks is not told by itself.
      const looking = setInterval(() => this.#factory.lookForStarts(), LOOK_EVERY_MS);
      const end = (isComplete: boolean): void => {
        clearTimeout(timer);
        clearInterval(looking);
        resolve(isComplete);
      };
      this.#waiters.push(() => end(true));
    });
  }

  #endCreation(task: object): void {
    this.#inFlight.delete(task);
    if (this.#inFlight.size > 0 || this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resume of waiters) resume();
  }
}
