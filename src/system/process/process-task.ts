/** A light handle on a process: the `ProcessTask` of Python's asynccpu. */

import { constants } from "node:os";
import { inspect } from "node:util";

import { InvalidOptionError } from "../../errors.js";
import { ProtocolError } from "../../errors.js";
import { hostPlatform } from "../platform.js";
import { isProcessAlive } from "./identity.js";
import { knowsStartTimes } from "./identity.js";
import { signalProcess } from "./identity.js";
import { startTimeOf } from "./identity.js";

export { startTimeOf } from "./identity.js";

/** A `ProcessTask` as plain data, for the way between processes and for JSON. */
export interface PlainProcessTask {
  readonly id: number;
  readonly startTime: number | undefined;
  /** Of a process on another machine, the name of that. */
  readonly host?: string;
}

/** How to reach a process on another machine. */
export interface RemoteReach {
  readonly host: string;
  /** @returns Whether the signal was passed on. */
  sendSignal(signal: NodeJS.Signals | number): boolean;
  isAlive(): boolean;
}

/** Keeps the constructor to this file at run time, as `private` does for the compiler. */
const CONSTRUCTOR_KEY = Symbol("ProcessTask");

/** Several for one pid: a process that is gone and the next one that was given its pid. The newest comes last. */
const instances = new Map<number, readonly WeakRef<ProcessTask>[]>();

const reclaimed = new FinalizationRegistry<number>((id) => {
  const left = (instances.get(id) ?? []).filter((reference) => reference.deref() !== undefined);
  if (left.length === 0) instances.delete(id);
  else instances.set(id, left);
});

/** Whoever runs tasks in a process, and sees to SIGTERM that this program sends there. Gives whether it has. */
type SigtermOwner = (reason?: Error) => boolean;

const sigtermOwners = new WeakMap<ProcessTask, SigtermOwner>();

/** Names who sees to SIGTERM that this program sends to a process; `undefined`: nobody any more. */
export function onSigtermTo(processTask: ProcessTask, owner: SigtermOwner | undefined): void {
  if (owner === undefined) sigtermOwners.delete(processTask);
  else sigtermOwners.set(processTask, owner);
}

/**
 * Has the owner of a process send SIGTERM and end what runs there.
 *
 * @param reason - What the task is to fail with. Default: that it was ended by SIGTERM.
 * @returns Whether it has: false for another signal, and when nobody in this program runs anything there.
 */
export function endBySignal(processTask: ProcessTask, signal: NodeJS.Signals | number, reason?: Error): boolean {
  const isSigterm = signal === "SIGTERM" || signal === constants.signals.SIGTERM;
  return isSigterm && sigtermOwners.get(processTask)?.(reason) === true;
}

function knownInstances(id: number): ProcessTask[] {
  return (instances.get(id) ?? []).map((reference) => reference.deref()).filter((task) => task !== undefined);
}

/**
 * A process, told by its id and its start time: a later process with the same id is another `ProcessTask`.
 *
 * The same process is the same object, as long as one is in use in this process, so it serves as a key of Map, Set and
 * WeakSet. It may be an argument or a result of a task. Its id means something on one machine only (and in one
 * pid namespace).
 */
export class ProcessTask {
  /** Process id. */
  readonly id: number;
  /**
   * Tells the process from another one with the same id. Its unit is the system's. `undefined` when the process was
   * gone before this object was made, and on Windows, where it can't be asked cheaply.
   */
  readonly startTime: number | undefined;
  /** The name of the machine where it runs; `undefined`: this one. */
  readonly host: string | undefined;
  /** It was gone when this object was made: whatever has the id later is another process. */
  readonly #wasGone: boolean;
  readonly #reach: RemoteReach | undefined;

  private constructor(key: symbol, id: number, startTime: number | undefined, reach?: RemoteReach) {
    if (key !== CONSTRUCTOR_KEY) throw new TypeError("Use ProcessTask.for(id) to get a ProcessTask.");
    this.id = id;
    this.startTime = startTime;
    this.host = reach?.host;
    this.#reach = reach;
    this.#wasGone = startTime === undefined && knowsStartTimes(hostPlatform);
    Object.freeze(this);
  }

  /**
   * The `ProcessTask` of a process.
   *
   * @param id Process id.
   * @param startTime Its start time, where it is known already; else it is read.
   * @throws InvalidOptionError when `id` is not a positive integer.
   */
  static for(id: number, startTime?: number): ProcessTask {
    if (!Number.isSafeInteger(id) || id <= 0) {
      throw new InvalidOptionError(
        "id",
        `ProcessTask.for() takes a process id, a positive integer, but was given ${inspect(id)}.`,
      );
    }
    const actualStart = startTime ?? startTimeOf(id);
    // A process that is gone by now is most likely the one that had this id last.
    const last = actualStart === undefined ? knownInstances(id).at(-1) : undefined;
    return last ?? ProcessTask.#intern(id, actualStart);
  }

  static #intern(id: number, startTime: number | undefined): ProcessTask {
    const known = knownInstances(id);
    const same = known.find((task) => task.startTime === startTime);
    if (same !== undefined) return same;
    const task = new ProcessTask(CONSTRUCTOR_KEY, id, startTime);
    instances.set(
      id,
      [...known, task].map((each) => new WeakRef(each)),
    );
    reclaimed.register(task, id);
    return task;
  }

  /** A process of another machine, each time a new object. @internal */
  static onHost(id: number, startTime: number | undefined, reach: RemoteReach): ProcessTask {
    return new ProcessTask(CONSTRUCTOR_KEY, id, startTime, reach);
  }

  /**
   * Makes it from what `toPlain` returned, maybe in another process of this machine.
   *
   * @throws ProtocolError when the data is of another form.
   */
  static fromPlain(plain: unknown): ProcessTask {
    const { host, id, startTime } = (plain ?? {}) as Partial<PlainProcessTask>;
    const isStartTime = startTime === undefined || Number.isFinite(startTime);
    if (!Number.isSafeInteger(id) || (id as number) <= 0 || !isStartTime) {
      throw new ProtocolError(
        `ProcessTask.fromPlain() takes what toPlain() gave, but was given ${inspect(plain, { depth: 1 })}.`,
      );
    }
    // Who made it knew the way there.
    if (typeof host === "string") {
      return ProcessTask.onHost(id as number, startTime, { host, sendSignal: () => false, isAlive: () => false });
    }
    // Not read anew: without a start time it was gone already where it was made.
    return ProcessTask.#intern(id as number, startTime);
  }

  /**
   * Sends a signal to the process. On Windows SIGTERM, SIGINT, SIGQUIT and SIGKILL all end it at once.
   *
   * SIGTERM to a worker of this program ends the task that runs there as `cancel()` does, in a synchronous loop as
   * well: handlers of SIGTERM that the task has are called, it sees its abort signal, and is killed with all its
   * descendants when the grace period is over. The `cause` of its `CancelledError` is "SIGTERM".
   *
   * @param signal Name or number; 0 only asks whether it could be sent.
   * @returns Whether it was sent. False when the process is gone, when its id belongs to another process by now (which
   *   is never signalled), and when it may not be signalled (EPERM: it runs as another user; ask `isAlive()`).
   * @throws TypeError (ERR_UNKNOWN_SIGNAL) for a signal that this platform doesn't know.
   */
  sendSignal(signal: NodeJS.Signals | number = "SIGTERM"): boolean {
    if (this.#reach !== undefined) return this.#reach.sendSignal(signal);
    if (endBySignal(this, signal)) return true;
    return !this.#wasGone && signalProcess(this.id, this.startTime, signal, hostPlatform);
  }

  /** Whether the process still runs; one that has ended and waits for its parent to notice (a zombie) doesn't. */
  isAlive(): boolean {
    if (this.#reach !== undefined) return this.#reach.isAlive();
    return !this.#wasGone && isProcessAlive(this.id, this.startTime, hostPlatform);
  }

  /** Gives the id and the start time, from which `fromPlain` makes it again. */
  toPlain(): PlainProcessTask {
    const { host, id, startTime } = this;
    return host === undefined ? { id, startTime } : { id, startTime, host };
  }

  /** Does what `toPlain` does, for `JSON.stringify`. */
  toJSON(): PlainProcessTask {
    return this.toPlain();
  }

  // How `console.log` shows it. Not a method in the class body: its computed name has no place in a declaration file
  // that is made from this file alone.
  static {
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: ProcessTask): string {
        return `ProcessTask { id: ${this.id}${this.host === undefined ? "" : `, host: '${this.host}'`} }`;
      },
    });
  }
}
