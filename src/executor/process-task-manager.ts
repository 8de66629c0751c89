import { performance } from "../system/timers.js";
import { sleep } from "../system/timers.js";
import type { ProcessTaskFactory } from "./process-task-factory.js";

/**
 * How often to look whether tasks have begun, in milliseconds, while that is waited for: the start of most is not
 * told.
 */
const LOOK_EVERY_MS = 5;

/**
 * Sends a signal to all tasks, and misses none that is just being started.
 *
 * A task that is on its way to a worker has no process yet to send a signal to. The original holds a lock meanwhile;
 * here the creations in flight are waited for, and not longer than a limit, so that shutting down can't hang on a
 * worker that never answers.
 */
export class ProcessTaskManager {
  readonly #factory: ProcessTaskFactory;
  readonly #timeoutInEmergencyMs: number;

  constructor(factory: ProcessTaskFactory, timeoutInEmergencyMs: number) {
    this.#factory = factory;
    this.#timeoutInEmergencyMs = timeoutInEmergencyMs;
  }

  /**
   * Waits for the creations in flight, at most `timeoutInEmergencyMs`, then sends the signal to every running task.
   *
   * @param makeReason - What tasks that SIGTERM ends are to fail with; see `ProcessTaskFactory.sendSignal`.
   * @returns Whether every creation was complete; false when the signal was sent because the time was up.
   */
  async lockAndSendSignal(signal: NodeJS.Signals, makeReason?: () => Error): Promise<boolean> {
    const isComplete = await this.#waitForCreations();
    this.#factory.sendSignal(signal, makeReason);
    return isComplete;
  }

  async #waitForCreations(): Promise<boolean> {
    const endMs = performance.now() + this.#timeoutInEmergencyMs;
    while (this.#factory.isAnyStarting) {
      if (performance.now() >= endMs) return false;
      await sleep(LOOK_EVERY_MS);
    }
    return true;
  }
}
