import type { HeldPins } from "../../memory/pins.js";
import type { RunningTask } from "./running-task.js";
import type { TaskFunction } from "./function-store.js";
import type { ToParentMessage } from "../../wire/messages/protocol.js";
import type { WorkerValues } from "./worker-values.js";

/** Has functions. */
export interface FunctionSource {
  load(functionId: number): TaskFunction | Promise<TaskFunction>;
  /** The function, if it is built. */
  built(functionId: number): TaskFunction | undefined;
}

/** What `run` needs of a task. */
export interface RunOrder {
  readonly task: RunningTask;
  /** Where the function comes from; user modules may be imported for it, so it is loaded inside the task. */
  readonly functions: FunctionSource;
  readonly functionId: number;
  /** One list, encoded or not; for a chunk several, encoded and joined. */
  readonly args: Uint8Array | readonly unknown[];
  readonly isChunk: boolean;
  /** Whether a chunk goes on after a call that has failed. Default: false. */
  readonly goesOn?: boolean;
  readonly send: (message: ToParentMessage) => void;
  /** Keeps the shared memory of the outcome until the parent has it. */
  readonly heldPins?: HeldPins;
  /** Sees to what arguments and result hold beside data. */
  readonly values?: WorkerValues | undefined;
  /** Binary data in the outcome of at least this size, in bytes, is placed in shared memory. */
  readonly shareAboveBytes?: number | undefined;
}
