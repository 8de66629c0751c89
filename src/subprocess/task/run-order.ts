import type { HeldPins } from "../../memory/pins.js";
import type { RunningTask } from "./running-task.js";
import type { FunctionStore } from "./function-store.js";
import type { ToParentMessage } from "../../wire/messages/protocol.js";
import type { WorkerValues } from "./worker-values.js";

/** What `run` needs of a task. */
export interface RunOrder {
  readonly task: RunningTask;
  /** Where the function comes from; user modules may be imported for it, so it is loaded inside the task. */
  readonly functions: Pick<FunctionStore, "load" | "built">;
  readonly functionId: number;
  /** One list, encoded or not; for a chunk several, encoded and joined. */
  readonly args: Uint8Array | readonly unknown[];
  readonly isChunk: boolean;
  /** Whether a chunk goes on after a call that has failed. Default: false. */
  readonly goesOn?: boolean;
  readonly send: (message: ToParentMessage) => void;
  /** Keeps the shared memory of the outcome until the parent has it. */
  readonly heldPins: HeldPins;
  /** Sees to what arguments and result hold beside data. */
  readonly values: WorkerValues;
  /** Binary data in the outcome of at least this size, in bytes, is placed in shared memory. */
  readonly shareAboveBytes: number | undefined;
}
