/** What is known of one process of the machine. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  /** Absent where there are no process groups (Windows). */
  readonly groupId: number | undefined;
  /** Absent where it can't be asked (macOS, Windows). */
  readonly sessionId: number | undefined;
  /**
   * Tells two processes with the same pid apart; compared for equality and order only, and only on one machine. Linux:
   * clock ticks since boot. macOS: milliseconds, whole seconds. Windows: 100 ns.
   */
  readonly startTime: number | undefined;
  /** A zombie is not alive: it has ended and waits for its parent to take its status. */
  readonly isAlive: boolean;
}

/** Whether two start times may belong to one process: an unknown one may be any. */
export function mayBeSameStart(one: number | undefined, other: number | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}

/** Whether a process with start time `later` may descend from one with start time `earlier`. */
export function mayHaveStartedAfter(later: number | undefined, earlier: number | undefined): boolean {
  return later === undefined || earlier === undefined || later >= earlier;
}
