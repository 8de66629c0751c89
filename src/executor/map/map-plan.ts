import type { AnyIterable } from "../options/map-types.js";
import type { MapProgress } from "./map-progress.js";
import type { ProcessFuture } from "../outcome/process-future.js";
import type { SubmissionStack } from "../outcome/submission-stack.js";
import type { TakenArguments } from "../submit/encoded-arguments.js";

/** How a map runs. */
export interface MapPlan {
  readonly iterables: readonly AnyIterable<unknown>[];
  /** Whether results come in the order of their items; else as they are there. */
  readonly isOrdered: boolean;
  /** Whether the map goes on after calls that fail, and gives a `MapOutcome` of each item. */
  readonly goesOn: boolean;
  /** How many calls a chunk has; `undefined`: as many as take some milliseconds. */
  readonly chunkSize: number | undefined;
  readonly maxInFlight: number;
  /** Ends the map when it is aborted, also while it waits for an item. */
  readonly signal: AbortSignal | undefined;
  /** Where the map was called. */
  readonly stack: SubmissionStack;
  /** Begins to tell how far the map is, if that is wanted. */
  startProgress(): MapProgress | undefined;
  /** Whether the map has been asked to end, by its signal or by that of the task around it. */
  isEnding(): boolean;
  /** Whether the executor takes one more chunk now. */
  hasRoom(): boolean;
  /** Resolves when it may. */
  room(): Promise<void>;
  /** How long a call takes, in microseconds; `undefined` before one has ended. */
  callUs(): number | undefined;
  /** Begins a chunk. */
  takeArguments(): TakenArguments;
  /** Its future gives a `ChunkResult`; that of a single call gives what the call gives. */
  submit(taken: TakenArguments): ProcessFuture<unknown>;
}
