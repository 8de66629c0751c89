import { decodeFrame } from "../contract/messages.js";
import { encodeTask } from "../contract/messages.js";
import { encodeThrown } from "../../values/thrown.js";
import { ProcessTask } from "../../system/process/process-task.js";
import { taskChannel } from "../contract/names.js";
import type { HostCommand } from "../contract/messages.js";
import type { JobData } from "../contract/messages.js";
import type { LargeValues } from "../contract/large-values.js";
import type { PackedValue } from "../contract/large-values.js";
import type { PoolTask } from "../../pool/queue/pool-task.js";
import type { RunningPlace } from "../contract/messages.js";
import type { TaskChannel } from "../../pool/queue/pool-task.js";
import type { TaskHolder } from "../../pool/queue/pool-task.js";
import type { TaskOutcome } from "../../pool/queue/pool-task.js";

/** Hosts see to the pace of reports; streams don't come here. */
const NOBODY: TaskChannel = { send: () => {}, sendToWatchdog: () => {} };

/** The way to a job and to who runs it. */
interface JobReach {
  readonly values: LargeValues;
  remove(jobId: string, message?: PackedValue): Promise<boolean>;
  tell(command: HostCommand): void;
  tellEnd(job: SentJob, reason: Error): void;
}

/** What all jobs of a producer have in common. */
export type JobWishes = Pick<JobData, "isLogged" | "endsWith">;

interface JobParts {
  readonly id: string;
  /** The name of the export; none for a job that is there already. */
  readonly fn: string;
  readonly task: PoolTask;
  /** Who hears of it. */
  readonly producer: string;
  readonly link: JobReach;
  readonly wishes: JobWishes;
  /** It was a job before, under the same id. */
  readonly isRetry?: boolean;
}

/** A task that is a job of BullMQ: what its producer knows of it. */
export class SentJob implements TaskHolder {
  readonly id: string;
  readonly task: PoolTask;
  readonly priority: number;
  /** What hosts must know beside the frame. */
  readonly data: Omit<JobData, "task">;
  /** Its task message. Kept until it has ended: it may have to be sent again. */
  readonly frame: Buffer;
  /** The same as BullMQ has it, once it does. */
  packed: PackedValue | undefined;
  /** Redis has it, or had it. */
  isAdded = false;
  /** What went wrong when it was added; it may be in the queue all the same. */
  addError: Error | undefined;
  /** Redis may have a job of this id whose outcome is kept no longer. */
  mayBeThere: boolean;
  readonly #link: JobReach;

  /** Its id is its user's, and not this program's alone. */
  readonly hasChosenId: boolean;
  readonly isRetry: boolean;

  constructor({ id, fn, task, producer, link, wishes, isRetry = false }: JobParts) {
    this.id = id;
    this.task = task;
    this.priority = task.priority;
    this.#link = link;
    this.hasChosenId = producer === taskChannel(id);
    this.isRetry = isRetry;
    this.mayBeThere = this.hasChosenId;
    const { args, callCount, goesOn, isHeard, name, timeoutMs } = task;
    this.frame = encodeTask({
      kind: "task",
      taskId: 1,
      functionId: task.fn.id,
      isChunk: callCount > 0,
      goesOn,
      isAnnounced: false,
      isLong: false,
      taskName: name,
      args,
    });
    this.data = {
      fn,
      producer,
      callCount,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(isHeard ? { isHeard } : {}),
      ...wishes,
    };
  }

  /** It runs. May be told again, when its first host is gone. */
  begin(place: RunningPlace): void {
    const { task } = this;
    if (task.state !== "queued") return;
    const { host, pid, startTime } = place;
    const isAlive = (): boolean => task.state === "running";
    const sendSignal = (signal: NodeJS.Signals | number): boolean => {
      if (isAlive() && signal !== 0) this.#link.tell({ kind: "signal", id: this.id, signal });
      return isAlive();
    };
    task.begin(ProcessTask.onHost(pid, startTime, { host, isAlive, sendSignal }));
    // Somebody began to listen when no host had it; or the job is another one's, who does not listen.
    if (task.isHeard && (this.data.isHeard !== true || this.hasChosenId)) this.hear();
  }

  /** It has reported something. */
  report(frame: Uint8Array): void {
    if (this.task.state !== "running") return;
    const message = decodeFrame(frame);
    if (message.kind === "report") this.task.receiveMessage(message, NOBODY);
  }

  /** What it has come to. */
  outcomeOf(frame: Uint8Array): TaskOutcome {
    const message = decodeFrame(frame);
    if (message.kind !== "result" && message.kind !== "failure") {
      return { kind: "ended", error: new Error(`A host has sent "${message.kind}" as the outcome of a task.`) };
    }
    const { task } = this;
    if (message.durationUs > 0) task.fn.learn(task.callCount, message.durationUs);
    return message;
  }

  /** The same, where it lies in a store. */
  async fetchOutcome(value: unknown): Promise<TaskOutcome> {
    try {
      return this.outcomeOf(await this.#link.values.unpack(value, `The outcome of task "${this.task.name}"`));
    } catch (error) {
      return { kind: "ended", error: error as Error };
    }
  }

  /**
   * Takes it out of the queue.
   *
   * @param reason - For others who wait for it.
   * @returns Whether it was there, and no host had it.
   */
  async remove(reason: Error): Promise<boolean> {
    if (!(await this.#link.remove(this.id, this.packed))) return false;
    if (this.hasChosenId) this.#link.tellEnd(this, reason);
    return true;
  }

  end(_task: PoolTask, reason: Error): void {
    this.#link.tell({ kind: "cancel", id: this.id, reason: Buffer.from(encodeThrown(reason)).toString("base64") });
  }

  /** News of it come by themselves. */
  lookForStart(): boolean {
    return false;
  }

  /** No host takes jobs ahead. */
  takeBack(): void {}

  hear(): void {
    this.#link.tell({ kind: "hear", id: this.id });
  }
}
