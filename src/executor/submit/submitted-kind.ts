/** What many tasks of an executor have in common. */

import type { AnyFunction } from "../../values/classes/value-writer.js";
import type { ParentLive } from "./parent-live.js";
import type { PooledFunction } from "../../pool/queue/function-table.js";
import type { ProcessPool } from "../../pool/process-pool.js";
import type { TaskEvents } from "../../pool/queue/pool-task.js";
import type { TaskExtras } from "../../pool/queue/pool-task.js";
import type { TaskKind } from "../../pool/queue/pool-task.js";

/** What calls of one executor may have in common. */
export interface TaskCall {
  readonly fn: PooledFunction;
  /** The function as it is in this process. */
  readonly original: AnyFunction;
  /** Functions in the arguments. */
  readonly argumentFunctions: readonly AnyFunction[];
  readonly name: string;
  readonly timeoutMs: number | undefined;
  /** Of a chunk, how many calls it is; else 0. */
  readonly callCount: number;
  readonly hasOneArgument: boolean;
  readonly extras: TaskExtras | undefined;
}

/** What many calls have in common. A class, so that all have one shape: V8 compiles anew whatever meets another one. */
export class SubmittedKind implements TaskKind {
  readonly pool: ProcessPool;
  readonly owner: TaskOwner;
  readonly fn: PooledFunction;
  readonly functions: readonly AnyFunction[];
  readonly name: string;
  readonly timeoutMs: number | undefined;
  readonly callCount: number;
  readonly isChunk: boolean;
  readonly hasOneArgument: boolean;
  readonly extras: TaskExtras | undefined;
  readonly events: TaskEvents;
  /** How many tasks of it have not settled. */
  unsettledCount = 0;

  constructor({ pool, owner, events }: Pick<SubmittedKind, "pool" | "owner" | "events">, call: TaskCall) {
    this.pool = pool;
    this.owner = owner;
    this.fn = call.fn;
    this.functions = [call.original, ...call.argumentFunctions];
    this.name = call.name;
    this.timeoutMs = call.timeoutMs;
    this.callCount = call.callCount;
    this.isChunk = call.callCount > 0;
    this.hasOneArgument = call.hasOneArgument;
    this.extras = call.extras;
    this.events = events;
  }

  /** Whether the call is of this kind. */
  is(call: TaskCall): boolean {
    return (
      this.fn === call.fn &&
      this.functions[0] === call.original &&
      this.name === call.name &&
      this.hasOneArgument === call.hasOneArgument &&
      this.callCount === call.callCount &&
      this.timeoutMs === call.timeoutMs &&
      call.extras === undefined
    );
  }
}

/** What the tasks of one executor share. */
export interface TaskOwner {
  /** Not held: it is to be collected when nobody has it any more, which ends its workers. */
  readonly executor: WeakRef<object> | undefined;
  /** Of tasks whose result is there, and whose streams go on. */
  readonly streaming: Set<ParentLive>;
  /** That of the last call, as long as a task of it has not settled: it holds the function, and what that captures. */
  lastKind?: SubmittedKind | undefined;
}
