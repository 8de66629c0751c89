import { CancelledError } from "../../errors.js";
import { decodeThrown } from "../../values/thrown.js";
import { sleep } from "../../system/timers.js";
import type { HostCommand } from "../contract/messages.js";
import type { HostTask } from "./host-task.js";

/** How often a host looks whether a task has ended, in milliseconds. */
const LOOK_EVERY_MS = 100;

/** What a host has of a task that it runs. */
export interface HostedTask {
  /** Not there while its arguments are fetched. */
  task?: HostTask;
  /** Why it is to end, if it is to before it begins. */
  endReason?: Error;
  /** The producer with which it is to end. */
  readonly endsWith: string | undefined;
  /** Its job goes back into the queue: its outcome is nobody's. */
  isHandedBack?: true;
}

/** The program that has submitted a task is gone. */
export function producerGone(): Error {
  return new CancelledError("The program that has submitted the task is gone.");
}

/** The reason for a cancellation, as a program has sent it. */
function reasonOf(encoded: string): Error {
  try {
    const reason: unknown = decodeThrown(Buffer.from(encoded, "base64"));
    if (reason instanceof Error) return reason;
  } catch {
    // Bytes that are no error.
  }
  return new CancelledError();
}

/** The tasks that a host runs, by the ids of their jobs. */
export class HostedTasks {
  readonly #cancel: (task: HostTask, reason: Error) => void;
  readonly #byId = new Map<string, HostedTask>();
  #isHandingBack = false;

  /** @param cancel - Ends one that has been given to the pool. */
  constructor(cancel: (task: HostTask, reason: Error) => void) {
    this.#cancel = cancel;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The producers with which tasks are to end. */
  get producers(): readonly string[] {
    return [...this.#byId.values()].flatMap(({ endsWith }) => endsWith ?? []);
  }

  add(id: string, endsWith: string | undefined): HostedTask {
    const hosted: HostedTask = { endsWith };
    this.#byId.set(id, hosted);
    if (this.#isHandingBack) this.#giveBack(hosted);
    return hosted;
  }

  delete(id: string): void {
    this.#byId.delete(id);
  }

  #end(hosted: HostedTask | undefined, reason: Error): void {
    if (hosted?.task !== undefined) this.#cancel(hosted.task, reason);
    else if (hosted !== undefined) hosted.endReason ??= reason;
  }

  /** Ends those whose locks are gone: another host may run them by now. */
  endLost(ids: readonly string[]): void {
    for (const id of ids) this.#end(this.#byId.get(id), new CancelledError("Its host has lost the job."));
  }

  /**
   * Ends the same job of before, whose lock is gone: BullMQ knows a host's locks by the ids of its jobs.
   *
   * @returns Resolves with whether there was one.
   */
  async endBefore(id: string): Promise<boolean> {
    const before = this.#byId.get(id);
    if (before === undefined) return false;
    this.endLost([id]);
    while (this.#byId.get(id) === before) await sleep(LOOK_EVERY_MS);
    return true;
  }

  /** Ends those of a producer that is gone. */
  endOf(producer: string): void {
    for (const hosted of this.#byId.values()) if (hosted.endsWith === producer) this.#end(hosted, producerGone());
  }

  #giveBack(hosted: HostedTask): void {
    hosted.isHandedBack = true;
    this.#end(hosted, new CancelledError("Its host ends."));
  }

  /** Ends all, and those that come: Redis may have been asked for one before. Their jobs go back. */
  handBack(): void {
    this.#isHandingBack = true;
    for (const hosted of this.#byId.values()) this.#giveBack(hosted);
  }

  /** Acts on what a producer says, if it is about a task that runs here. */
  obey(command: HostCommand): void {
    const hosted = this.#byId.get(command.id);
    if (hosted === undefined) return;
    const { task } = hosted;
    if (command.kind === "hear") task?.hear();
    else if (command.kind === "where") task?.tellStart();
    else if (command.kind === "signal") task?.signal(command.signal);
    else if (command.kind === "cancel") this.#end(hosted, reasonOf(command.reason));
  }
}
