/** One worker's life as one state machine; README.md in this folder draws it. */

import process from "node:process";

import { CrashJudge } from "./crash-cause.js";
import { FatalWatch } from "./fatal-watch.js";
import { PROTOCOL_VERSION } from "../../wire/messages/protocol.js";
import { ParentChannel } from "../../wire/parent-channel.js";
import { ProcessTask } from "../../system/process/process-task.js";
import { ProtocolError } from "../../errors.js";
import { TaskClock } from "../tasks/task-clock.js";
import { WorkerCrashedError } from "../../errors.js";
import { WorkerLife } from "./life.js";
import { WorkerTasks } from "../tasks/worker-tasks.js";
import { describeProcessEnd } from "./death.js";
import { forwardOutput } from "./output-forwarder.js";
import { expectExit } from "../../system/tree/terminator.js";
import { killLeftByExited } from "../../system/tree/terminator.js";
import { killProcessTree } from "../../system/tree/terminator.js";
import { killUnused } from "../../system/tree/terminator.js";
import { spawnWorker } from "./spawn-worker.js";
import { startTimeOf } from "../../system/process/process-task.js";
import { waitForLastWords } from "./death.js";
import { performance } from "../../system/timers.js";
import type { Leaving } from "./life.js";
import type { OutputForwarder } from "./output-forwarder.js";
import type { PoolTask } from "../queue/pool-task.js";
import type { ProcessEnd } from "./death.js";
import type { TaskOutcome } from "../queue/pool-task.js";
import type { SpawnedWorker } from "./spawn-worker.js";
import type { StartedProcess } from "../../system/start/start-process.js";
import type { ToParentMessage } from "../../wire/messages/protocol.js";
import type { TreeRoot } from "../../system/tree/process-tree.js";
import type { WorkerJournal } from "../../wire/journal/journal-file.js";
import type { WorkerConfig } from "./contract.js";
import type { WorkerReceiver } from "../../wire/parent-channel.js";
import type { WorkerEvents } from "./contract.js";

/** How long a process that is to be killed has, in milliseconds, to say which of its tasks have begun. */
const CONDEMNED_LIMIT_MS = 1000;

/** How long a worker that was told to end may take, in milliseconds, before it is killed. */
const END_GRACE_MS = 2000;

/** The state of a worker, as `stats()` tells it; with those that only the pool tells apart. */
export type WorkerState = "starting" | "idle" | "busy" | "cleaning" | "ending" | "dead";

/**
 * The private pipes: all open; one through which the worker is told something is closed; that of its results is
 * closed.
 */
type Pipes = "open" | "cut off" | "results closed";

/** The last question to the watchdog of a process that is to be killed: which of its tasks have begun. */
interface Interview {
  readonly question: number | undefined;
  /** Then all tasks that the process holds have begun, with or without a notice. */
  hasAnswered: boolean;
}

/** One process of the pool. */
export class Worker {
  readonly #config: WorkerConfig;
  readonly #events: WorkerEvents<Worker>;
  readonly #child: StartedProcess;
  readonly #streams: readonly { destroy(): void }[];
  readonly #channel: ParentChannel | undefined;
  readonly #resultsEnded: Promise<void>;
  #endResults: () => void = () => {};
  readonly #journal: WorkerJournal | undefined;
  readonly #stdout: OutputForwarder | undefined;
  readonly #stderr: OutputForwarder | undefined;
  /** Absent when the process could not be started. */
  readonly #tasks: WorkerTasks | undefined;
  readonly #startClock = new TaskClock();
  readonly #crashJudge = new CrashJudge();
  readonly #fatalWatch: FatalWatch | undefined;
  readonly #startedMs = performance.now();
  /** The process; `undefined` when it could not be started. */
  readonly processTask: ProcessTask | undefined;
  readonly root: TreeRoot | undefined;
  readonly #life: WorkerLife;
  #wasReady = false;
  #pipes: Pipes = "open";
  /** Limits how long the process may take to end, or to say before it is killed which tasks have begun. */
  readonly #endClock = new TaskClock();
  #interview: Interview | undefined;
  #nonsense: Error | undefined;
  /** What to say of a process that was killed because it took too long to start. */
  #tooSlow: string | undefined;

  /**
   * Takes a process that has just been started, or starts one.
   *
   * @throws What `spawn` throws.
   */
  constructor(config: WorkerConfig, events: WorkerEvents<Worker>, started?: SpawnedWorker) {
    this.#config = config;
    this.#events = events;
    this.#life = new WorkerLife(() => events.onLeaving(this));
    this.#resultsEnded = new Promise((resolve) => {
      this.#endResults = resolve;
    });
    const { child, streams, cookie, pipes, journal } = started ?? spawnWorker(config.start);
    this.#journal = journal;
    this.#child = child;
    this.#streams = streams;
    if (pipes === undefined || child.pid === undefined) {
      child.on("error", (error) => {
        this.#life.leave("not started");
        this.#die(`the spawn failed (${error.message})`);
      });
      return;
    }
    this.processTask = ProcessTask.for(child.pid, startTimeOf(child.pid));
    this.root = { pid: child.pid, startTime: this.processTask.startTime, cookie };
    this.#channel = new ParentChannel(pipes);
    this.#tasks = new WorkerTasks({
      config,
      channel: this.#channel,
      journal: this.#journal,
      processTask: this.processTask,
      root: this.root,
      life: this.#life,
      events,
      giveUp: (why) => (why === "hung" ? this.kill() : this.end()),
    });
    this.#channel.listen(this.#tasks, this.#receiver);
    this.#fatalWatch = new FatalWatch(child.pid, { ask: () => this.#tasks?.takeBack(true), kill: () => this.kill() });
    this.#stdout = forwardOutput(child.stdout, () => process.stdout);
    this.#stderr = forwardOutput(
      child.stderr,
      () => process.stderr,
      () => this.#fatalWatch?.begin(),
    );
    // Closed by the task, if not by the end of the process: what the next one prints would be lost, or go to a file
    // that got the number of the descriptor.
    for (const output of [this.#stdout, this.#stderr]) void output?.ended.then(() => this.retire());
    child.on("error", () => {});
    child.on("exit", (exitCode, signal) => void this.#onExit(exitCode, signal));
    this.#channel.send({
      kind: "initialize",
      hasJournal: this.#journal !== undefined,
      settings: config.settings,
    });
    this.#startClock.after(config.startTimeoutMs, () => this.#onStartTooSlow(), false);
  }

  get state(): WorkerState {
    const { phase, hasLeft } = this.#life;
    if (phase === "dead" || phase === "starting") return phase;
    if (hasLeft) return "ending";
    if (this.#tasks?.isCleaning === true) return "cleaning";
    return this.task === undefined ? "idle" : "busy";
  }

  /** Whether it has ever been ready for a task. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** How long ago its process was started, in milliseconds. */
  get ageMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** Tasks that it was given so far. */
  get taskCount(): number {
    return this.#tasks?.givenCount ?? 0;
  }

  /** The task that runs there or is about to. */
  get task(): PoolTask | undefined {
    return this.#tasks?.first;
  }

  /** What it has to do; absent when the process could not be started. */
  get tasks(): WorkerTasks | undefined {
    return this.#tasks;
  }

  /**
   * Lets the process end by itself; it is killed when it takes too long. One that was never ready is killed at once: a
   * shutdown would wait for its start. Only for a worker without a task.
   */
  end(): void {
    if (this.#life.phase !== "starting") this.#sendAway("told to end");
    else if (this.#life.leave("told to end")) this.#killStarting();
  }

  #killStarting(): void {
    // An initializer may have started processes.
    if (this.root === undefined || (this.#config.functions?.length ?? 0) > 0) {
      this.kill();
      return;
    }
    this.#life.moveTo("killed", "killed");
    expectExit(this.root);
    killUnused(this.root);
  }

  #sendAway(why: Leaving): void {
    if (!this.#life.leave(why)) return;
    if (this.#pipes !== "open") {
      this.kill();
      return;
    }
    this.#channel?.send({ kind: "shutdown" });
    if (this.root !== undefined) expectExit(this.root);
    this.#killUnlessGoneSoon();
  }

  /** Kills the process and its descendants, whatever it does. */
  kill(): void {
    if (this.#life.phase === "dead" || this.#life.phase === "killed") return;
    this.#life.moveTo("killed", "killed");
    if (this.root !== undefined) void killProcessTree(this.root);
  }

  /**
   * The process is in doubt, or too large. It goes on with the task that it has, and keeps its place as long; then it
   * goes.
   */
  retire(): void {
    if (this.#life.phase === "retiring") return;
    if (this.#life.phase === "open" && this.task !== undefined) {
      this.#life.moveTo("retiring", "retired");
      this.#tasks?.takeBack();
    }
    // It may be about to exit by itself (that is why a pipe was closed), and its exit status be worth knowing: no kill
    // yet.
    else if (this.#pipes === "open") this.#sendAway("retired");
    else this.#life.leave("retired");
  }

  #onStartTooSlow(): void {
    this.#tooSlow = `the process was not ready for a task after ${this.#config.startTimeoutMs} ms (startTimeoutMs)`;
    this.kill();
  }

  #killUnlessGoneSoon(): void {
    if (this.#life.phase === "dead") return;
    // A program that has nothing left to do need not wait: its end takes the worker along.
    this.#endClock.after(END_GRACE_MS, () => this.kill(), false);
  }

  readonly #receiver: WorkerReceiver = {
    receive: (news) => {
      switch (news.kind) {
        case "ready":
          this.#receiveReady(news.protocolVersion);
          break;
        case "initializeFailed":
          this.#receiveFailure(news.isConfigurer ? "configurer" : "initializer", news.error);
          break;
        case "log":
          this.#events.onLog(news.record, this.task?.functions ?? this.#config.functions ?? [], this.task);
          break;
        case "retiring":
          // First, or it would be given them once more.
          this.retire();
          this.#tasks?.giveBack(news.firstUnbegun);
          break;
      }
    },
    onWatchdogMessage: (message) => {
      this.#tasks?.receiveFromWatchdog(message);
      if (message.kind !== "takenBack") return;
      this.#fatalWatch?.answer(message.question);
      if (this.#interview?.question !== message.question) return;
      // It lives, although the pipe is closed: what it holds now has begun, whatever notices were lost.
      this.#interview.hasAnswered = true;
      this.kill();
    },
    onNonsense: (error) => {
      this.#nonsense = error instanceof Error ? error : new ProtocolError(String(error));
      this.#condemn();
    },
    onEnd: () => {
      this.#endResults();
      // Only an exit or a task closes this descriptor; in both cases nothing can come from this process any more.
      this.#pipes = "results closed";
      this.#life.leave("ended by itself");
      this.#condemn();
    },
    // Node closes these two while it exits by itself: give it the time for that.
    onOtherEnd: () => {
      if (this.#pipes === "open") this.#pipes = "cut off";
      this.retire();
      this.#killUnlessGoneSoon();
    },
  };

  #receiveReady(protocolVersion: number): void {
    if (protocolVersion !== PROTOCOL_VERSION || this.#wasReady) {
      throw new ProtocolError("The worker is of another version of asynccpu.");
    }
    this.#wasReady = true;
    this.#startClock.clear();
    if (this.#life.phase === "starting") this.#life.moveTo("open", "ready");
    this.#events.onReady(this);
  }

  #receiveFailure(which: "initializer" | "configurer", error: Uint8Array): void {
    if (this.#wasReady) {
      throw new ProtocolError("The worker says that its start has failed, and was ready before.");
    }
    this.#events.onInitializeFailed(which, error);
    this.#startClock.clear();
    this.#sendAway("told to end");
  }

  /**
   * Kills the process, whose notices can't be trusted or don't come any more: first its watchdog is asked which tasks
   * have begun, so that none of them is run again. A process that has exited doesn't answer, and need not.
   */
  #condemn(): void {
    this.#life.leave("in doubt");
    if (this.#interview !== undefined) return;
    this.#interview = { question: this.#tasks?.takeBack(true), hasAnswered: false };
    this.#endClock.after(CONDEMNED_LIMIT_MS, () => this.kill(), false);
  }

  async #onExit(exitCode: number | null, signal: NodeJS.Signals | null): Promise<void> {
    this.#clearTimers();
    this.#life.leave("ended by itself");
    const what = this.#tooSlow ?? describeProcessEnd({ exitCode, signal });
    // Its descendants hold its standard streams open and must end first; then the pipes run dry.
    if (this.root !== undefined) await killLeftByExited(this.root);
    const outputs = [this.#stdout, this.#stderr].filter((output) => output !== undefined);
    await waitForLastWords([this.#resultsEnded, ...outputs.map(({ ended }) => ended)]);
    this.#die(what, { exitCode, signal });
  }

  #clearTimers(): void {
    this.#startClock.clear();
    this.#tasks?.stopClocks();
    this.#fatalWatch?.clear();
    this.#endClock.clear();
  }

  #die(what: string, end: ProcessEnd = { exitCode: null, signal: null }): void {
    if (this.#life.phase === "dead") return;
    this.#clearTimers();
    const kept = this.#readAndClose();
    this.#life.moveTo("dead", "gone");
    const stderr = this.#stderr?.tail ?? "";
    const outcomeOf = (task: PoolTask): TaskOutcome => this.#outcomeAtDeath(task, end, stderr);
    const doubt = this.#isDoubtful ? { lastBegun: this.#lastBegun(kept), outcomeOf } : undefined;
    const first = this.#tasks?.leaveBehind(doubt);
    const isUnbegun = doubt === undefined && first?.state === "dispatched" && first.endReason === undefined;
    this.#events.onDead(this, {
      wasReady: this.#wasReady,
      wasToldToEnd: this.#life.leaving === "told to end",
      wasCrash: this.#life.leaving === "ended by itself",
      what,
      ...end,
      stderr,
      unbegun: isUnbegun ? first : undefined,
    });
    this.#tasks?.settleLate();
    if (first !== undefined && !isUnbegun) this.#events.onEnded(first, outcomeOf(first));
  }

  /** Takes what the process has kept, and lets go of all that led to it. */
  #readAndClose(): readonly ToParentMessage[] {
    const kept = this.#journal?.read() ?? [];
    this.#journal?.close();
    this.#tasks?.receiveKept(kept, true);
    for (const stream of this.#streams) stream.destroy();
    this.#channel?.destroy();
    return kept;
  }

  /** Whether its notices can't be trusted, or were lost: nothing that may have begun is run again. */
  get #isDoubtful(): boolean {
    return this.#nonsense !== undefined || (this.#pipes === "results closed" && this.#interview?.hasAnswered === true);
  }

  /** By the journal, which a process that sends nonsense still keeps; `NaN` when it was not kept to the end. */
  #lastBegun(kept: readonly ToParentMessage[]): number {
    const last = kept.findLast(({ kind }) => kind === "started");
    const number = last?.kind === "started" ? last.taskId : Number.NaN;
    return number >= (this.task?.number ?? Number.POSITIVE_INFINITY) ? number : Number.NaN;
  }

  #outcomeAtDeath(task: PoolTask, end: ProcessEnd, stderr: string): TaskOutcome {
    if (this.#nonsense !== undefined) return { kind: "ended", error: this.#nonsense };
    const likelyCause = this.#crashJudge.judge(end.signal, this.#stderr?.hasSaidHeapFull, this.#fatalWatch?.wasHung);
    const crash = { pid: this.#child.pid ?? 0, ...end, stderr, taskName: task.name, likelyCause };
    return { kind: "ended", error: new WorkerCrashedError(crash) };
  }
}
