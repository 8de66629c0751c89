/**
 * What the codec can't do alone, and asks of those who send and receive values: functions travel through the pickler,
 * which lies above the wire, and live values (streams, signals) go on beside the message that they came with.
 */

import type { AnyClass } from "./class-registry.js";
import type { SharedWeakCollections } from "./weak-collections.js";

/** A function of any kind, or a class. */
export type AnyFunction = (...args: never[]) => unknown;

/** Says why a value can't be sent. */
export class Refusal {
  readonly what: string;
  readonly cause: unknown;

  constructor(what: string, cause?: unknown) {
    this.what = what;
    this.cause = cause;
  }
}

/** Takes what can't be copied while a value is encoded. */
export interface ValueWriter {
  /** Gives plain data that stands for a function or class, or the reason why there is none. */
  writeFunction(fn: AnyFunction): unknown;
  /** The same for the class of an instance. Absent: the receiver knows the class by its name, or not at all. */
  writeClass?(of: AnyClass): unknown;
  /** What both sides have: the private state of an instance may be in there, if a compiler has put it there. */
  readonly weakCollections?: SharedWeakCollections;
  /**
   * Takes a stream, an abort signal or a Blob; gives plain data that stands for it, or a reason. Absent: none can be
   * sent.
   */
  offer?(object: object): unknown;
}

/** The other end: what is in a value that was encoded with a writer. */
export interface ValueReader {
  /** Gives the function for what `writeFunction` gave, maybe as a promise. */
  readFunction(plain: unknown): unknown;
  /** As in the writer. */
  readonly weakCollections?: SharedWeakCollections;
  /** Whether values come from other machines: functions, classes, live values and shared memory are refused then. */
  readonly isForStrangers?: boolean;
  /** Makes the counterpart of what was offered, maybe as a promise. */
  accept(plain: unknown): unknown;
}
