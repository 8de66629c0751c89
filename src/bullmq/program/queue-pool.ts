import { randomUUID } from "node:crypto";

import { CancelledError } from "../../errors.js";
import { DelayedTasks } from "../../pool/queue/delayed-tasks.js";
import { ExecutorShutdownError } from "../../errors.js";
import { JobLostError } from "../contract/errors.js";
import { JobMaker } from "./job-maker.js";
import { JobTable } from "./job-table.js";
import { KeepAlive } from "../../pool/keep-alive.js";
import { LinkKeeper } from "./link-keeper.js";
import { MissedNews } from "./missed-news.js";
import { Outbox } from "./outbox.js";
import { PoolCounters } from "../../pool/pool-stats.js";
import { QueueLink } from "./queue-link.js";
import { QueueRoom } from "../../pool/queue/queue-room.js";
import { AGAIN_AFTER_MS } from "./add-jobs.js";
import { isPassing } from "../contract/errors.js";
import { clearTimeout } from "../../system/timers.js";
import { pause } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";
import { makeIntake } from "../../executor/take-logs.js";
import { VersionMismatchError } from "../contract/errors.js";
import { VersionWatch } from "./version-watch.js";
import { explainWait } from "./explain-wait.js";
import { isRefusal } from "../contract/errors.js";
import { refusalOf } from "../contract/errors.js";
import { sendJobs } from "./add-jobs.js";
import { REDIS_WAIT_MS } from "./withdraw-job.js";
import { withdrawJob } from "./withdraw-job.js";
import type { CheckedExecutorOptions } from "../contract/options.js";
import type { ExecutorStats } from "../../pool/pool-stats.js";
import type { HostNews } from "../contract/messages.js";
import type { JobState } from "./queue-link.js";
import type { PoolTask } from "../../pool/queue/pool-task.js";
import type { ProcessTask } from "../../system/process/process-task.js";
import type { SentJob } from "./sent-job.js";
import type { Served } from "./explain-wait.js";
import type { TaskOutcome } from "../../pool/queue/pool-task.js";
import type { TaskPool } from "../../pool/task-pool.js";
import type { Timers } from "../../system/timers.js";
import type { VersionMismatch } from "../contract/errors.js";

/** The tasks that a program has in a queue of BullMQ, and what it hears of them. */
export class QueuePool implements TaskPool {
  readonly timers: Timers = { setTimeout, clearTimeout };
  readonly keepAlive: KeepAlive = new KeepAlive();
  readonly stalls: TaskPool["stalls"] = { watchStart: () => {} };
  /** Processes of other machines are nobody's to kill at a shutdown: their tasks are cancelled. */
  readonly runningTasks: readonly ProcessTask[] = [];
  readonly isAnyStarting = false;
  readonly #options: CheckedExecutorOptions;
  readonly #producer: string = randomUUID();
  readonly maker: JobMaker;
  readonly #jobs = new JobTable();
  readonly #delayed = new DelayedTasks(this.timers, (task) => this.#outbox.add(task));
  readonly #counters = new PoolCounters();
  readonly #room: QueueRoom | undefined;
  readonly #outbox = new Outbox({
    // They stay here while Redis is away: those in the client's own queue could not be taken back.
    connect: async () => (await this.#connect()).reach(),
    send: (link, tasks) => this.#send(link, tasks),
    onFailed: (task, error) => this.#settle(task, { kind: "ended", error }),
  });
  readonly #links = new LinkKeeper((closing) =>
    QueueLink.open(this.#options, this.#producer, {
      onNews: (news) => this.#receive(news),
      onAnswer: (link, job, state) => this.#onAnswer(link, job, state),
      onReconnected: () => void this.#ask([...this.#jobs]),
      closing,
    }),
  );
  /** Those that `find` waits for, before there is a connection. */
  readonly #finding = new Set<PoolTask>();
  #missed: MissedNews | undefined;
  #isShutDown = false;
  #endedResolvers: (() => void)[] = [];

  /** With `onVersionMismatch: "fail"`. */
  readonly #versions: VersionWatch | undefined;
  readonly #takeLog: ReturnType<typeof makeIntake> | undefined;

  constructor(options: CheckedExecutorOptions) {
    this.#options = options;
    const { logQueue, maxQueue, onProducerEnd, onVersionMismatch } = options;
    this.#takeLog = logQueue && makeIntake(logQueue);
    this.maker = new JobMaker(this.#producer, {
      ...(logQueue === undefined ? {} : { isLogged: true }),
      ...(onProducerEnd === "cancel" ? { endsWith: this.#producer } : {}),
    });
    if (onVersionMismatch === "fail") {
      this.#versions = new VersionWatch({
        waiting: () => this.#jobs.waiting,
        findServed: () => this.#findServed(),
        onMismatch: (job, mismatch) => void this.#withdrawJob(job, new VersionMismatchError(mismatch), false),
      });
    }
    this.#room = maxQueue === undefined ? undefined : new QueueRoom(maxQueue, () => maxQueue - this.#waiting);
  }

  get #unfinished(): number {
    return this.#outbox.size + this.#finding.size + this.#jobs.size + this.#delayed.size;
  }

  get #waiting(): number {
    return this.#unfinished - this.#jobs.runningCount;
  }

  get taskExports(): object | undefined {
    return this.#links.module?.values;
  }

  get hasRoom(): boolean {
    return this.#room?.isFree ?? true;
  }

  checkRoom(): void {
    this.#room?.check();
  }

  room(): Promise<void> {
    if (this.#isShutDown) return Promise.reject(new ExecutorShutdownError());
    return this.#room?.wait() ?? Promise.resolve();
  }

  /** The connection takes as long as the first look at what is to be sent. */
  expectTask(): void {
    if (!this.#isShutDown) void this.#connect();
  }

  #connect(): Promise<QueueLink> {
    this.#missed ??= new MissedNews(this.#options.askIntervalMs, this.#jobs, (jobs) => this.#ask(jobs));
    return this.#links.get();
  }

  submit(task: PoolTask): void {
    if (this.#isShutDown) {
      task.settle({ kind: "ended", error: new ExecutorShutdownError() });
      return;
    }
    this.#room?.take();
    this.keepAlive.hold();
    this.maker.take(task);
    this.#outbox.add(task);
  }

  async #send(link: QueueLink, tasks: readonly PoolTask[]): Promise<void> {
    const jobs: SentJob[] = [];
    const refused: (readonly [task: PoolTask, error: Error])[] = [];
    for (const task of tasks) {
      try {
        jobs.push(this.maker.make(task, link));
      } catch (error) {
        refused.push([task, error as Error]);
      }
    }
    for (const job of jobs) this.#jobs.add(job);
    for (const [task, error] of refused) this.#settle(task, { kind: "ended", error });
    await sendJobs(link, this.#jobs, jobs, this.#fail);
    void this.#versions?.look();
  }

  /** Waits for the outcome of a job that is there already. */
  follow(task: PoolTask, id: string): void {
    if (this.#isShutDown) {
      task.settle({ kind: "ended", error: new ExecutorShutdownError() });
      return;
    }
    this.keepAlive.hold();
    this.#finding.add(task);
    void this.#follow(task, id);
  }

  async #follow(task: PoolTask, id: string): Promise<void> {
    try {
      // It may be one of these.
      await this.#outbox.sent;
      const link = await this.#connect();
      if (!this.#finding.has(task)) return;
      const job = this.maker.follow(task, id, link);
      this.#jobs.add(job);
      this.#finding.delete(task);
      job.isAdded = true;
      await link.listen(job.data.producer);
      await link.ask([job]);
      // It was cancelled before there was a job.
      if (task.endReason !== undefined) await this.#withdrawJob(job, task.endReason, true);
    } catch (error) {
      const job = this.#jobs.of(task);
      if (job === undefined) this.#stopFinding(task, error as Error);
      else this.#fail(job, refusalOf(error as Error));
    }
  }

  #stopFinding(task: PoolTask, error: Error): void {
    if (this.#finding.delete(task)) this.#settle(task, { kind: "ended", error });
  }

  #receive(news: HostNews): void {
    const jobs = this.#jobs.withId(news.id);
    if (news.kind === "log") this.#receiveLog(jobs[0], news.frame);
    else for (const job of jobs) this.#hear(job, news);
    this.#room?.look();
  }

  /** Once, however many wait for the task. */
  #receiveLog(job: SentJob | undefined, record: Uint8Array): void {
    try {
      if (job !== undefined) this.#takeLog?.(record, job.task.functions);
    } catch {
      // Bytes that no host has written.
    }
  }

  /** An outcome under a chosen id may be that of the attempt before. */
  #hear(job: SentJob, news: HostNews): void {
    if (job.isRetry && (news.kind === "outcome" || news.kind === "stored")) void this.#ask([job]);
    else this.#receiveFor(job, news);
  }

  #receiveFor(job: SentJob, news: HostNews): void {
    try {
      if (news.kind === "started") job.begin(news.place);
      else if (news.kind === "report") job.report(news.frame);
      else if (news.kind === "stored") void job.fetchOutcome(news.value).then((outcome) => this.#end(job, outcome));
      else if (news.kind === "outcome") this.#end(job, job.outcomeOf(news.frame));
    } catch (error) {
      // Bytes that no host has written: whoever may write to Redis can do that.
      this.#fail(job, error as Error);
    }
  }

  readonly #fail = (job: SentJob, error: Error): void => this.#end(job, { kind: "ended", error });

  /** Some news may have been missed. Redis need not know yet of jobs that are on their way to it. */
  async #ask(jobs: readonly SentJob[]): Promise<void> {
    try {
      const link = await this.#connect();
      await link.ask(jobs.filter(({ isAdded }) => isAdded));
    } catch {
      // Redis refuses, or nobody waits for it any more. It is asked again in time.
    }
  }

  #onAnswer(link: QueueLink, job: SentJob, state: JobState): void {
    // Of one that is on its way (again) nobody knows yet.
    if (!this.#jobs.has(job) || !job.isAdded) return;
    if (state.kind === "ended") this.#receiveFor(job, state.news);
    else if (state.kind === "pending") {
      // It was added after all: if it is missing later, Redis has lost it.
      job.addError = undefined;
      // The news of its start may have been missed.
      if (state.isTaken && job.task.state === "queued") link.tell({ kind: "where", id: job.id });
    } else {
      // The job that would have deleted them is not there.
      link.values.forget(job.packed);
      if (this.#addAgain(link, job)) return;
      const name = job.data.fn === "" ? undefined : job.task.name;
      this.#fail(job, job.addError === undefined ? new JobLostError(name, job.id) : refusalOf(job.addError));
    }
  }

  /** Adds a job that Redis does not have. @returns False when it is not to be there. */
  #addAgain(link: QueueLink, job: SentJob): boolean {
    const { addError, data, task } = job;
    if (data.fn === "" || task.endReason !== undefined) return false;
    // Redis has refused it: for the time being, or for good.
    const isRefused = addError !== undefined && isRefusal(addError);
    if (isRefused ? !isPassing(addError) : this.#options.onLost !== "resubmit") return false;
    Object.assign(job, { isAdded: false, mayBeThere: true, addError: undefined });
    const add = (): void => {
      if (this.#jobs.has(job)) void sendJobs(link, this.#jobs, [job], this.#fail);
    };
    if (addError === undefined) add();
    else setTimeout(add, AGAIN_AFTER_MS).unref();
    return true;
  }

  #end(job: SentJob, outcome: TaskOutcome): void {
    if (!this.#jobs.delete(job)) return;
    const isForgotten = job.hasChosenId && this.#jobs.withId(job.id).length === 0;
    if (isForgotten) void this.#connect().then((link) => link.unlisten(job.data.producer));
    this.#settle(job.task, outcome);
  }

  #settle(task: PoolTask, outcome: TaskOutcome): void {
    const delayMs = task.retryDelayMs(outcome);
    if (delayMs !== undefined) {
      this.#delayed.add(task, delayMs);
      return;
    }
    this.#counters.countOutcome(task, outcome);
    if (!task.isIdle) this.keepAlive.release();
    task.settle(outcome);
    this.#room?.look();
    this.#endIfFinished();
  }

  cancel(task: PoolTask, reason: Error): boolean {
    if (task.state === "settled") return false;
    if (task.endReason === undefined) {
      task.endReason = reason;
      this.#withdraw(task, reason, true);
    }
    // A task that has timed out stays timed out.
    return task.endReason instanceof CancelledError;
  }

  expire(task: PoolTask, error: Error): void {
    if (task.state === "settled" || task.state === "running") return;
    const job = this.#jobs.of(task);
    const explain = (served: Served): Error => explainWait(task.name, error, served);
    if (job === undefined) this.#withdraw(task, explain("not sent"), false);
    else void this.#withdrawJob(job, explain("silent"), false, () => this.#findServed().then(explain, () => error));
  }

  async #findServed(): Promise<VersionMismatch> {
    return (await this.#connect()).findServed();
  }

  /** Takes out a task that waits; one that has begun is told to end, if it is to. */
  #withdraw(task: PoolTask, reason: Error, endsRunning: boolean): void {
    if (this.#outbox.remove(task) || this.#delayed.remove(task)) {
      task.endReason = reason;
      this.#settle(task, { kind: "ended", error: reason });
      return;
    }
    const job = this.#jobs.of(task);
    if (job !== undefined) void this.#withdrawJob(job, reason, endsRunning);
    else if (this.#finding.has(task)) void pause(REDIS_WAIT_MS).then(() => this.#stopFinding(task, reason));
  }

  /** @param explain - Gives a better reason, where Redis answers. */
  #withdrawJob(job: SentJob, reason: Error, endsRunning: boolean, explain = async () => reason): Promise<void> {
    return withdrawJob(job, endsRunning ? reason : undefined, {
      remove: async () => {
        const explained = await explain();
        return (await job.remove(explained)) ? explained : undefined;
      },
      isOpen: () => this.#jobs.has(job) && (endsRunning || job.task.state !== "running"),
      isHurried: () => this.#isShutDown,
      onRemoved: (error = reason) => {
        job.task.endReason = error;
        this.#end(job, { kind: "ended", error });
      },
      ask: () => this.#ask([job]),
    });
  }

  warmUp(): Promise<void> {
    if (this.#isShutDown) return Promise.reject(new ExecutorShutdownError());
    this.keepAlive.hold();
    return this.#connect()
      .then(() => {})
      .finally(() => this.keepAlive.release());
  }

  stats(): ExecutorStats {
    const runningTasks = this.#jobs.runningCount;
    const counted = this.#counters.describe(this.#unfinished - runningTasks, this.#unfinished, []);
    return { ...counted, assignedTasks: 0, runningTasks };
  }

  close(): void {
    if (this.#isShutDown) return;
    this.#isShutDown = true;
    this.#room?.close(new ExecutorShutdownError());
    this.#endIfFinished();
  }

  ended(): Promise<void> {
    return new Promise((resolve) => {
      this.#endedResolvers.push(resolve);
      this.#endIfFinished();
    });
  }

  #endIfFinished(): void {
    if (!this.#isShutDown || this.#unfinished > 0) return;
    this.keepAlive.hold();
    this.#missed?.stop();
    void this.#links.close().finally(() => {
      this.keepAlive.dispose();
      for (const resolve of this.#endedResolvers.splice(0)) resolve();
    });
  }

  cancelQueued(makeReason: () => Error): void {
    for (const task of [...this.#outbox.drain(), ...this.#delayed.drain()]) {
      task.endReason = makeReason();
      this.#settle(task, { kind: "ended", error: task.endReason });
    }
    for (const task of this.#finding) this.#stopFinding(task, makeReason());
    // Whether a host has one by now, only the removal tells.
    for (const job of this.#jobs) {
      if (job.task.state !== "running") void this.#withdrawJob(job, makeReason(), false);
    }
  }

  cancelRunning(makeReason: () => Error): void {
    for (const { task } of this.#jobs) this.cancel(task, makeReason());
  }

  /** There are no processes of this program. */
  killAllSync(): void {}
}
