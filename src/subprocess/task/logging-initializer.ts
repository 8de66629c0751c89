import { captureConsole } from "../../logging/console-capture.js";
import { findCurrentTask } from "./current-task.js";
import { setLogSink } from "../../logging/current-sink.js";
import type { LogRecordSink } from "../../logging/log-record.js";

function taskContext(): { taskName?: string } {
  const task = findCurrentTask();
  return task === undefined ? {} : { taskName: task.name };
}

/** Brings the records of a worker to the parent's log queue, and lets the user's `configurer` set up its loggers. */
export class LoggingInitializer {
  readonly #sink: LogRecordSink | undefined;
  readonly #configurer: (() => unknown) | undefined;

  /**
   * @param sink - Takes each record; absent when the executor has no queue.
   * @param configurer - The user's function; runs in the worker before its first task.
   */
  constructor(sink: LogRecordSink | undefined, configurer: (() => unknown) | undefined) {
    this.#sink = sink;
    this.#configurer = configurer;
  }

  /** Attaches the queue, then calls the configurer and waits for it. Rejects with what the configurer throws. */
  async initialize(): Promise<void> {
    if (this.#sink !== undefined) {
      setLogSink(this.#sink, taskContext);
      captureConsole(this.#sink, taskContext);
    }
    await this.#configurer?.();
  }
}
