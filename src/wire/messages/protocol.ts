/**
 * Every message between a parent and one of its workers, as one union for each direction.
 *
 * A worker has four private descriptors beside its standard streams:
 *
 *     parent ── TASKS_FD ────▶ worker's main thread      ToWorkerMessage, framed
 *     parent ◀── RESULTS_FD ── worker's main thread      ToParentMessage, framed, written blocking
 *     parent ◀── JOURNAL_FD ── worker's main thread      a file without a name: what waits to be sent, see journal.ts
 *     parent ◀─ LIFELINE_FD ─▶ worker's watchdog thread  ToWatchdogMessage and its answers; its end means that the
 *                                                        parent is gone
 *
 * Node's built-in IPC channel is not used: it is open to user code (`process.send`), and stray bytes on it crash
 * the parent.
 */

/** The worker's descriptor from which it reads tasks. */
export const TASKS_FD = 3;
/** The worker's descriptor to which it writes results. */
export const RESULTS_FD = 4;
/** The worker's descriptor that its watchdog reads; it ends with the parent. */
export const LIFELINE_FD = 5;
/** Only where the message `initialize` says so. */
export const JOURNAL_FD = 6;

/** Raised when frames change; a worker of another version is refused at start-up. */
export const PROTOCOL_VERSION = 5;

/** What a worker needs to know before its first task; sent as the payload of `initialize`. */
export interface WorkerSettings {
  readonly protocolVersion: number;
  /** URL of the program's main module, which no worker ever imports; absent in a REPL or `node -e`. */
  readonly mainUrl: string | undefined;
  /** How long its tasks have to end when they are asked to, in milliseconds. */
  readonly graceMs: number;
  /** Whether records go to a log queue in the parent; otherwise output goes to the parent's streams. */
  readonly hasLogQueue: boolean;
  /** Binary data in results of at least this size, in bytes, is placed in shared memory; absent: none is. */
  readonly shareAboveBytes: number | undefined;
  /** Pickled `configurer`. */
  readonly configurer: Uint8Array | undefined;
  /** Pickled `initializer`. */
  readonly initializer: Uint8Array | undefined;
  /** Encoded `initargs`. */
  readonly initargs: Uint8Array | undefined;
  /** Arguments come from other machines, and hold data only. */
  readonly isForStrangers?: true | undefined;
}

/**
 * What happens on a live value (a stream, a signal) of a task. Chunks go one way, and `credit`, `closed` and `cancel`
 * the other.
 */
export const LIVE_OP = {
  /** The payload is an encoded value. */
  chunk: 0,
  /** No more chunks come. */
  end: 1,
  /** Nor after this; the payload is an encoded error. */
  error: 2,
  /** The payload is a number of bytes (4, little-endian): so many more may be sent. */
  credit: 3,
  /** Nothing more is wanted; the payload is the encoded reason. */
  cancel: 4,
  /** All chunks, and the end, have reached their goal. */
  closed: 5,
  /** A signal is aborted; the payload is the encoded reason. */
  abort: 6,
  /**
   * The result of a task whose streams go on: the payload is that of a result. The task's outcome follows when they
   * end.
   */
  result: 7,
} as const;

/** What one end of a live value tells the other: one of the figures of `LIVE_OP`. */
export type LiveOp = (typeof LIVE_OP)[keyof typeof LIVE_OP];

/** A message between the two ends of a live value. */
export interface LiveMessage {
  readonly kind: "live";
  readonly taskId: number;
  /** Which of the task's live values; those of its result from FIRST_RESULT_CHANNEL on. */
  readonly channel: number;
  readonly op: LiveOp;
  readonly payload: Uint8Array;
}

/** The first channel number of the live values of a result. */
export const FIRST_RESULT_CHANNEL = 0x8000_0000;

/** From the parent to a worker's main thread. */
export type ToWorkerMessage =
  /** `hasJournal`: whether `JOURNAL_FD` is open. */
  | { readonly kind: "initialize"; readonly hasJournal: boolean; readonly settings: Uint8Array }
  | { readonly kind: "function"; readonly functionId: number; readonly pickle: Uint8Array }
  /** The parent will not refer to this function again without sending it anew. */
  | { readonly kind: "forget"; readonly functionId: number }
  | {
      readonly kind: "task";
      /** Counts the tasks of this worker from 1 on, in the order in which they are to run. */
      readonly taskId: number;
      readonly functionId: number;
      /** Whether `args` holds a list of argument lists, to be run one after the other, rather than one list. */
      readonly isChunk: boolean;
      /** Whether a chunk goes on after a call that has failed. */
      readonly goesOn: boolean;
      /**
       * Whether the notice of its start is to leave at once; else it is kept in the journal, and may be read there.
       */
      readonly isAnnounced: boolean;
      /** Whether it may take so long that what waits to be sent is not to wait for its end. */
      readonly isLong: boolean;
      /** Absent: as that of the task before. */
      readonly taskName: string | undefined;
      /**
       * Encoded; or a plain list (see `isPlainList`), which is encoded on its way, and arrives decoded when it is
       * short.
       */
      readonly args: Uint8Array | readonly unknown[];
    }
  /**
   * The outcome of a task, which refers to shared memory, has been read: the worker need not keep that open any more.
   */
  | { readonly kind: "release"; readonly taskId: number }
  | { readonly kind: "cancel"; readonly taskId: number; readonly reason: Uint8Array }
  /** Somebody listens to what the task reports. Comes before the task where that is known by then. */
  | { readonly kind: "hear"; readonly taskId: number }
  | LiveMessage
  | { readonly kind: "shutdown" };

/** The message that gives a task to a worker. */
export type TaskMessage = Extract<ToWorkerMessage, { kind: "task" }>;

/** What a task tells of itself while it runs. */
export interface ReportMessage {
  readonly kind: "report";
  readonly taskId: number;
  /** How many reports before this one were left out. */
  readonly skippedCount: number;
  /** Whether the worker waits for `hear`, by its watchdog, before it sends more. */
  readonly isLast: boolean;
  readonly value: Uint8Array;
}

/** From a worker's main thread to the parent. */
export type ToParentMessage =
  | { readonly kind: "ready"; readonly protocolVersion: number }
  | { readonly kind: "initializeFailed"; readonly isConfigurer: boolean; readonly error: Uint8Array }
  /** An outcome tells as well that its task has begun: there may be no notice of that before it. */
  | { readonly kind: "started"; readonly taskId: number }
  /** A result that is a small plain value (see `isPlainValue`), encoded on its way; it arrives as `result`. */
  | { readonly kind: "value"; readonly taskId: number; readonly durationUs: number; readonly value: unknown }
  /**
   * `durationUs`: how long the call took, in microseconds, without loading its function. With `isPinned`, it refers to
   * shared memory that the worker keeps open until it is told `release`.
   */
  | {
      readonly kind: "result";
      readonly taskId: number;
      readonly durationUs: number;
      readonly value: Uint8Array;
      readonly isPinned?: true;
    }
  | {
      readonly kind: "failure";
      readonly taskId: number;
      readonly durationUs: number;
      readonly error: Uint8Array;
      readonly isPinned?: true;
    }
  | { readonly kind: "log"; readonly record: Uint8Array }
  | ReportMessage
  | LiveMessage
  /** Stands where a record of the journal begins (`sizeBytes` 0) or ends; means nothing on the pipe. */
  | { readonly kind: "mark"; readonly epoch: number; readonly sizeBytes: number }
  /** The worker takes no more tasks (its state is uncertain after an uncaught error) and ends by itself. */
  | {
      readonly kind: "retiring";
      /** The tasks from this one on have not begun, and won't begin here. */
      readonly firstUnbegun: number;
    };

/** What a worker says of one of its tasks. */
export type TaskNews = Extract<ToParentMessage, { readonly taskId: number }>;

/** What a worker says of itself. */
export type WorkerNews = Exclude<ToParentMessage, TaskNews | { readonly kind: "mark" }>;

/** From the parent to a worker's watchdog thread, which can answer while the main thread is busy. */
export type ToWatchdogMessage =
  /** The task is to end: raises the flag that a synchronous loop can ask. */
  | { readonly kind: "abort"; readonly taskId: number }
  /** What the task has reported was taken: it may send more. */
  | { readonly kind: "hear"; readonly taskId: number }
  /** Asks what the main thread is doing. */
  | { readonly kind: "askStack"; readonly taskId: number }
  /**
   * Takes back all tasks that have not begun; `taskId` is that of the next task that will be sent. The answer repeats
   * the number of the question.
   */
  | { readonly kind: "takeBack"; readonly taskId: number; readonly question: number };

/** A task as its worker receives it; its name is filled in. */
export type ReceivedTask = TaskMessage & { taskName: string | undefined };

/** From a worker's watchdog thread to the parent. */
export type FromWatchdogMessage =
  /** The call stack of the main thread, a frame a line as in `Error.stack`; empty when no JavaScript was running. */
  | { readonly kind: "stack"; readonly taskId: number; readonly frames: string }
  /** The tasks from `taskId` on will not begin here. */
  | { readonly kind: "takenBack"; readonly taskId: number; readonly question: number };
