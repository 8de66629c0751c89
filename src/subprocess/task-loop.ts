import process from "node:process";
import { inspect } from "node:util";

import { Fifo } from "../fifo.js";
import { HeldPins } from "../memory/pins.js";
import { FunctionStore } from "./task/function-store.js";
import { LoggingInitializer } from "./task/logging-initializer.js";
import { PROTOCOL_VERSION } from "../wire/messages/protocol.js";
import { RunningTask } from "./task/running-task.js";
import { collectWhenIdle } from "../memory/idle-collection.js";
import { postponeCollection } from "../memory/idle-collection.js";
import { TaskEndings } from "./task/task-endings.js";
import { WorkerValues } from "./task/worker-values.js";
import { adoptMainModuleUrl } from "../pickle/refer/main-module.js";
import { decodeThrown } from "../values/thrown.js";
import { decodeValue } from "../values/codec.js";
import { encodeThrown } from "../values/thrown.js";
import { encodeValue } from "../values/codec.js";
import { findCurrentTask } from "./task/current-task.js";
import { mapJournal } from "./map-journal.js";
import { run } from "./task/run.js";
import { runAsTask } from "./task/current-task.js";
import { setOuterGrace } from "./outer-grace.js";
import { unpickleFunction } from "../pickle/unpickle-function.js";
import { performance } from "../system/timers.js";
import { setImmediate } from "../system/timers.js";
import type { GuardWords } from "./guard/claim.js";
import type { LaterValue } from "../values/extended/read.js";
import type { LiveMessage } from "../wire/messages/protocol.js";
import type { LogRecordSink } from "../logging/log-record.js";
import type { ReceivedTask } from "../wire/messages/protocol.js";
import type { ToParentMessage } from "../wire/messages/protocol.js";
import type { ToWorkerMessage } from "../wire/messages/protocol.js";
import type { WorkerSettings } from "../wire/messages/protocol.js";

/** How long a worker waits, in milliseconds, until the parent has the shared memory of the last result. */
const RELEASE_LIMIT_MS = 2000;

/** Above all numbers that tasks have. */
const LAST_TASK_ID = 0x7fff_ffff;

/** How a task loop talks to the parent. */
export interface TaskLoopChannel {
  /** Sends a message, and all that waits before it, at once. */
  send(message: ToParentMessage): void;
  /** Has a message wait for the next one that is sent. */
  post(message: ToParentMessage): void;
  /** Has the result of a task wait, a small plain value. */
  postValue(taskId: number, durationUs: number, value: unknown): void;
  /** Sees to it that the notice that a task begins, and what waits before it, outlives this process. */
  keepStart(taskId: number): void;
  /** As `keepStart`, and sends it with all that waits. */
  announceStart(taskId: number): void;
  /** Sends what waits. */
  flush(): void;
  /** From now on messages that wait can be kept in the journal. */
  useJournal(): void;
  /** How often a system call was needed to keep something. */
  readonly keptCount: number;
  /** Keeps in memory what is to outlive this process. */
  mapJournal(memory: ArrayBuffer): void;
}

/** How long the outcome of a task may wait for others while tasks go on, in milliseconds. */
const OUTCOME_WAIT_MS = 2;

/**
 * With so many tasks behind one, the parent has no hurry to send more, and outcomes wait although it may take long.
 */
const MANY = 4;

/** How long tasks that need no turn of the event loop follow one another, in milliseconds, before it has one. */
const SLICE_MS = 2;

/**
 * So many system calls for the journal (of 1 to 4 µs each), and it is mapped into memory instead, which takes some 10
 * ms and 3 MiB once: most workers never have so many short tasks.
 */
const MAP_AFTER = 2000;

/**
 * What a worker does: takes messages, runs one task at a time, and keeps what tasks leave behind from the next one.
 *
 * The parent may send several tasks ahead, and take back those that have not begun: `Claim` decides. The outcome of a
 * task and the notice that the next one begins leave in one write, before the first line of user code of that one.
 */
export class TaskLoop {
  readonly #channel: TaskLoopChannel;
  readonly #words: GuardWords;
  readonly #prepareForUserCode: () => void;
  readonly #functions = new FunctionStore();
  readonly #values: WorkerValues;
  readonly #heldPins = new HeldPins();
  readonly #endings = new TaskEndings({ findRunning: () => this.#running, retire: () => this.#retire() });
  #shareAboveBytes: number | undefined;
  readonly #queue = new Fifo<ReceivedTask>();
  /** Of the last task that came. */
  #lastName = "";
  #hasTriedToMap = false;
  /** Whether the queue is being worked off. */
  #isActive = false;
  #running: RunningTask | undefined;
  /** Tasks that have not begun, and whose reports somebody listens to. */
  readonly #heard = new Set<number>();
  /** Set when this process is in doubt after an uncaught error: the running task may end, then the process does. */
  #mustRetire = false;

  /**
   * @param prepareForUserCode - Called once, before the first line of user code, and not before that is near: it takes
   * CPU time.
   */
  constructor(channel: TaskLoopChannel, words: GuardWords, prepareForUserCode: () => void) {
    this.#prepareForUserCode = prepareForUserCode;
    this.#channel = channel;
    this.#words = words;
    this.#values = new WorkerValues(this.#functions, (message) => this.#channel.send(message));
    process.on("uncaughtException", (error) => this.#onStrayError(error));
    process.on("unhandledRejection", (error) => this.#onStrayError(error));
    // The terminal's Ctrl-C is the parent's to handle: it ends the tasks in order. (Workers have a process group of
    // their own and don't get it, except on Windows, where the console sends it to everybody.)
    process.on("SIGINT", () => {});
  }

  receive(message: ToWorkerMessage): void {
    switch (message.kind) {
      case "initialize":
        if (message.hasJournal) this.#channel.useJournal();
        void this.#initialize(decodeValue(message.settings) as WorkerSettings);
        break;
      case "function":
        this.#functions.add(message.functionId, message.pickle);
        break;
      case "forget":
        this.#functions.forget(message.functionId);
        break;
      case "task":
        this.#take(message);
        break;
      case "release":
        this.#heldPins.release(message.taskId);
        break;
      case "cancel":
        if (this.#running?.id === message.taskId) this.#endings.cancel(this.#running, decodeThrown(message.reason));
        break;
      case "hear":
        if (this.#running?.id === message.taskId) this.#running.hear();
        else this.#heard.add(message.taskId);
        break;
      case "live":
        this.#receiveLive(message);
        break;
      case "shutdown":
        process.exit(0);
    }
  }

  /**
   * Begins with the tasks that have come, if it isn't at work: when all that came together is there, so that outcomes
   * leave together.
   */
  begin(): void {
    if (this.#isActive || this.#queue.size === 0) return;
    this.#isActive = true;
    this.#workOff();
  }

  async #initialize(settings: WorkerSettings): Promise<void> {
    adoptMainModuleUrl(settings.mainUrl);
    setOuterGrace(settings.graceMs);
    this.#shareAboveBytes = settings.shareAboveBytes;
    this.#values.isForStrangers = settings.isForStrangers === true;
    let isConfigurer = true;
    const hasUserCode = settings.configurer !== undefined || settings.initializer !== undefined;
    if (hasUserCode) this.#prepareForUserCode();
    try {
      const configurer = settings.configurer && (await unpickleFunction(settings.configurer, this.#functions.modules));
      await new LoggingInitializer(settings.hasLogQueue ? this.#sendRecord : undefined, configurer).initialize();
      isConfigurer = false;
      if (settings.initializer !== undefined) {
        const initializer = await unpickleFunction(settings.initializer, this.#functions.modules);
        const initargs = settings.initargs === undefined ? [] : await this.#decodeInitargs(settings.initargs);
        await initializer(...initargs);
      }
    } catch (error) {
      this.#channel.send({ kind: "initializeFailed", isConfigurer, error: encodeThrown(error) });
      return;
    }
    this.#channel.send({ kind: "ready", protocolVersion: PROTOCOL_VERSION });
    // The parent is on its way to send the first task meanwhile.
    if (!hasUserCode) this.#prepareForUserCode();
  }

  /** Listeners and streams of the user's run as the task that they belong to. */
  #receiveLive(message: LiveMessage): void {
    const receive = (): void => this.#values.receive(message);
    if (this.#running === undefined) receive();
    else runAsTask(this.#running, receive);
  }

  async #decodeInitargs(encoded: Uint8Array): Promise<unknown[]> {
    const decoded = decodeValue(encoded, this.#values);
    return (decoded instanceof Promise ? ((await decoded) as LaterValue).value : decoded) as unknown[];
  }

  readonly #sendRecord: LogRecordSink = (record) => {
    this.#channel.send({ kind: "log", record: encodeValue(record, "log record") });
  };

  #take(task: ReceivedTask): void {
    task.taskName ??= this.#lastName;
    this.#lastName = task.taskName;
    this.#queue.push(task);
  }

  /** Runs what is there, until a task needs the event loop or the slice is over. */
  #workOff(): void {
    postponeCollection();
    let nowMs = performance.now();
    const sliceEndMs = nowMs + SLICE_MS;
    let sendAtMs = nowMs + OUTCOME_WAIT_MS;
    for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) {
      if (!this.#words.claim.begin(message.taskId)) continue;
      const isHurried = message.isLong && this.#queue.size < MANY;
      if (isHurried && !message.isAnnounced) this.#channel.flush();
      const ending = this.#begin(message);
      if (ending !== undefined) {
        // Else all but the notice of its start has been sent.
        if (!isHurried) this.#channel.flush();
        void this.#goOnAfter(ending);
        return;
      }
      const handing = this.#finishTask();
      if (handing !== undefined) {
        void this.#workOffAfter(handing);
        return;
      }
      nowMs = performance.now();
      if (nowMs < sendAtMs) continue;
      this.#channel.flush();
      sendAtMs = nowMs + OUTCOME_WAIT_MS;
      if (nowMs < sliceEndMs) continue;
      this.#mapJournalIfWorthIt();
      setImmediate(() => this.#workOff());
      return;
    }
    this.#isActive = false;
    this.#channel.flush();
    this.#mapJournalIfWorthIt();
    collectWhenIdle();
  }

  /** Between tasks, when all has been sent. */
  #mapJournalIfWorthIt(): void {
    if (this.#hasTriedToMap || this.#channel.keptCount < MAP_AFTER) return;
    this.#hasTriedToMap = true;
    this.#channel.flush();
    const memory = mapJournal();
    if (memory !== undefined) this.#channel.mapJournal(memory);
  }

  #begin(message: ReceivedTask): Promise<void> | undefined {
    const task = new RunningTask(message.taskId, message.taskName ?? "", this.#words, this.#channel);
    this.#running = task;
    if (this.#heard.size > 0) this.#tellHeard(task);
    return run({
      task,
      functions: this.#functions,
      functionId: message.functionId,
      args: message.args,
      values: this.#values,
      isChunk: message.isChunk,
      goesOn: message.goesOn,
      send: message.isAnnounced ? this.#announce : this.#report,
      heldPins: this.#heldPins,
      shareAboveBytes: this.#shareAboveBytes,
    });
  }

  #tellHeard(task: RunningTask): void {
    if (this.#heard.has(task.id)) task.hear();
    // Those before it have been taken back.
    for (const id of this.#heard) if (id <= task.id) this.#heard.delete(id);
  }

  async #goOnAfter(ending: Promise<void>): Promise<void> {
    await ending;
    const handing = this.#finishTask();
    // Only then: each wait is a turn of the queue of promises.
    if (handing !== undefined) await handing;
    this.#workOff();
  }

  async #workOffAfter(handing: Promise<void>): Promise<void> {
    await handing;
    this.#workOff();
  }

  /** @returns A promise when the next task is not to begin yet. */
  #finishTask(): Promise<void> | undefined {
    this.#running = undefined;
    if (this.#mustRetire) return this.#exit();
    return this.#heldPins.isEmpty ? undefined : this.#handOver();
  }

  /**
   * Waits until the parent has the shared memory that the outcome refers to: it can have it only from a process that
   * is alive, and the next task might end this one.
   */
  #handOver(): Promise<void> {
    this.#channel.flush();
    return this.#heldPins.released(RELEASE_LIMIT_MS);
  }

  async #exit(): Promise<void> {
    await this.#handOver();
    process.exit(0);
  }

  /** The start of a task leaves before it begins, and takes the outcome of the one before it along. */
  readonly #announce = (message: ToParentMessage): void => {
    if (message.kind === "started") this.#channel.announceStart(message.taskId);
    else this.#report(message);
  };

  /** The start of any other task is kept: a notice would wake the parent, which may want it for nothing. */
  readonly #report = (message: ToParentMessage): void => {
    if (message.kind === "started") this.#channel.keepStart(message.taskId);
    else if (message.kind === "value") this.#channel.postValue(message.taskId, message.durationUs, message.value);
    else this.#channel.post(message);
  };

  /**
   * An error that no one caught. The asynchronous context tells whose it is: the running task fails with it; what an
   * ended task left behind is reported and harms no other task. Either way the process is replaced as soon as it is
   * free: Node doesn't promise that it is sound after an uncaught exception.
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
    if (this.#running === undefined) void this.#exit();
  }

  /** Tells the parent at once, so that it sends no task here any more; the process ends with the running task. */
  #retire(): void {
    if (this.#mustRetire) return;
    this.#mustRetire = true;
    // Nothing further begins here; the parent has what waits run elsewhere.
    this.#channel.send({ kind: "retiring", firstUnbegun: this.#words.claim.takeBack(LAST_TASK_ID) });
  }
}
