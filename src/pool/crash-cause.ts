import type { CrashCause } from "../errors.js";

/** What is known of the end of a worker. */
export interface CrashSigns {
  readonly signal: NodeJS.Signals | null;
  /** Whether V8 said on stderr that its heap is full. */
  readonly saidHeapFull: boolean;
  /** Whether this process sent the SIGKILL. */
  readonly wasKilledByPool: boolean;
  /** The kernel's count of kills for want of memory when the worker was started, and now. */
  readonly oomKillsBefore: number | undefined;
  readonly oomKillsNow: number | undefined;
}

/** What V8 prints before it aborts. */
export const HEAP_FULL_PATTERN: RegExp = /FATAL ERROR: [^\n]*heap out of memory/;

/**
 * What a crash looks like, when it looks like a lack of memory. Signal and text together: a task may print the text, and
 * an abort may have other reasons.
 */
export function judgeCrash(signs: CrashSigns): CrashCause | undefined {
  const { signal, oomKillsBefore, oomKillsNow } = signs;
  if (signs.saidHeapFull && (signal === "SIGABRT" || signal === "SIGTRAP" || signal === "SIGILL")) return "heap-limit";
  if (signal !== "SIGKILL" || signs.wasKilledByPool) return undefined;
  if (oomKillsBefore === undefined || oomKillsNow === undefined || oomKillsNow <= oomKillsBefore) return undefined;
  return "oom-killer";
}
