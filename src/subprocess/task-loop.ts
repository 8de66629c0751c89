import { inspect } from "node:util";

import { CancelledError } from "../errors.js";
import { FunctionStore } from "./function-store.js";
import { LoggingInitializer } from "./logging-initializer.js";
import { PROTOCOL_VERSION } from "../wire/protocol.js";
import { RunningTask } from "./running-task.js";
import { adoptMainModuleUrl } from "../pickle/main-module.js";
import { decodeThrown } from "../wire/error-codec.js";
import { decodeValue } from "../wire/codec.js";
import { encodeThrown } from "../wire/error-codec.js";
import { encodeValue } from "../wire/codec.js";
import { findCurrentTask } from "./current-task.js";
import { run } from "./run.js";
import { unpickleFunction } from "../pickle/unpickle-function.js";
import type { AbortFlag } from "./abort-flag.js";
import type { LogRecordSink } from "../logging/log-record.js";
import type { ToParentMessage } from "../wire/protocol.js";
import type { ToWorkerMessage } from "../wire/protocol.js";
import type { WorkerSettings } from "../wire/protocol.js";

/** How long a task may go on after SIGTERM before the worker ends all the same, in milliseconds. */
const SIGTERM_GRACE_MS = 1000;

type TaskMessage = Extract<ToWorkerMessage, { kind: "task" }>;

/** What a worker does: takes messages, runs one task at a time, and keeps what tasks leave behind from the next one. */
export class TaskLoop {
  readonly #send: (message: ToParentMessage) => void;
  readonly #abortFlag: AbortFlag;
  readonly #functions = new FunctionStore();
  #running: RunningTask | undefined;
  /** Set when this process is in doubt after an uncaught error: the running task may end, then the process does. */
  #mustRetire = false;
  /** Set after SIGTERM, while the running task may still end by itself. */
  #sigtermTimer: NodeJS.Timeout | undefined;

  constructor(send: (message: ToParentMessage) => void, abortFlag: AbortFlag) {
    this.#send = send;
    this.#abortFlag = abortFlag;
    process.on("uncaughtException", (error) => this.#onStrayError(error));
    process.on("unhandledRejection", (error) => this.#onStrayError(error));
    process.on("SIGTERM", () => this.#onSigterm());
    // The terminal's Ctrl-C is the parent's to handle: it ends the tasks in order. (Workers have a process group of their
    // own and don't get it, except on Windows, where the console sends it to everybody.)
    process.on("SIGINT", () => {});
  }

  receive(message: ToWorkerMessage): void {
    switch (message.kind) {
      case "initialize":
        void this.#initialize(decodeValue(message.settings) as WorkerSettings);
        break;
      case "function":
        this.#functions.add(message.functionId, message.pickle);
        break;
      case "forget":
        this.#functions.forget(message.functionId);
        break;
      case "task":
        void this.#runTask(message);
        break;
      case "cancel":
        if (this.#running?.id === message.taskId) this.#cancel(this.#running, decodeThrown(message.reason));
        break;
      case "shutdown":
        process.exit(0);
    }
  }

  async #initialize(settings: WorkerSettings): Promise<void> {
    adoptMainModuleUrl(settings.mainUrl);
    let isConfigurer = true;
    try {
      const configurer = settings.configurer && (await unpickleFunction(settings.configurer));
      await new LoggingInitializer(settings.hasLogQueue ? this.#sendRecord : undefined, configurer).initialize();
      isConfigurer = false;
      if (settings.initializer !== undefined) {
        const initializer = await unpickleFunction(settings.initializer);
        const initargs = settings.initargs === undefined ? [] : (decodeValue(settings.initargs) as unknown[]);
        await initializer(...initargs);
      }
      this.#send({ kind: "ready", protocolVersion: PROTOCOL_VERSION });
    } catch (error) {
      this.#send({ kind: "initializeFailed", isConfigurer, error: encodeThrown(error) });
    }
  }

  /** From here on the parent decides how long the task may take, also if a SIGTERM came or comes (a shutdown sends both). */
  #cancel(task: RunningTask, reason: unknown): void {
    clearTimeout(this.#sigtermTimer);
    task.isCancelledByParent = true;
    task.abort(reason);
  }

  readonly #sendRecord: LogRecordSink = (record) => {
    this.#send({ kind: "log", record: encodeValue(record, "log record") });
  };

  async #runTask(message: TaskMessage): Promise<void> {
    const task = new RunningTask(message.taskId, message.taskName, this.#abortFlag);
    this.#running = task;
    await run({
      task,
      loadFunction: () => this.#functions.load(message.functionId),
      args: message.args,
      isChunk: message.isChunk,
      send: this.#send,
    });
    this.#running = undefined;
    if (this.#mustRetire) process.exit(0);
  }

  /**
   * An error that no one caught. The asynchronous context tells whose it is: the running task fails with it; what an ended
   * task left behind is reported and harms no other task. Either way the process is replaced as soon as it is free: Node
   * doesn't promise that it is sound after an uncaught exception.
   */
  #onStrayError(error: unknown): void {
    this.#retire();
    const owner = findCurrentTask();
    // Without a context (a microtask on Node 20 and 22) the running task is the likeliest owner, and must not hang.
    if (this.#running !== undefined && (owner === undefined || owner === this.#running)) {
      this.#running.fail(error);
      return;
    }
    const whose = owner === undefined ? "outside a task" : `in what task "${owner.name}" left behind after it ended`;
    console.error(`asynccpu: uncaught error ${whose}: ${inspect(error)}`);
    if (this.#running === undefined) process.exit(0);
  }

  /** Tells the parent at once, so that it sends no task here any more; the process ends with the running task. */
  #retire(): void {
    if (!this.#mustRetire) this.#send({ kind: "retiring" });
    this.#mustRetire = true;
  }

  #onSigterm(): void {
    const task = this.#running;
    if (task === undefined) {
      this.#dieBySigterm();
      return;
    }
    this.#retire();
    if (task.isCancelledByParent) return;
    task.abort(new CancelledError("The worker process received SIGTERM."));
    clearTimeout(this.#sigtermTimer);
    this.#sigtermTimer = setTimeout(() => this.#dieBySigterm(), SIGTERM_GRACE_MS).unref();
  }

  /** Ends as a process without a handler would, so that the status says what happened. */
  #dieBySigterm(): void {
    process.removeAllListeners("SIGTERM");
    process.kill(process.pid, "SIGTERM");
  }
}
