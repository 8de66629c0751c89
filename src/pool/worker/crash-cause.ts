import { countOomKills } from "../../system/oom-kills.js";
import type { CrashCause } from "../../errors.js";

/** What V8 prints before it aborts. */
const HEAP_FULL_PATTERN = /FATAL ERROR: [^\n]*heap out of memory/;

/** What V8 and Node begin with when they are about to abort. */
const FATAL_PATTERN = /^(?:FATAL ERROR: |# Fatal )/m;

/** How V8 ends a process, by version and build. */
const ABORT_SIGNALS: ReadonlySet<string | null> = new Set(["SIGABRT", "SIGTRAP", "SIGILL"]);

/** Whether a text from stderr says that V8's heap is full. */
export function saysHeapFull(text: string): boolean {
  return text.includes("FATAL ERROR") && HEAP_FULL_PATTERN.test(text);
}

/** Whether a text from stderr, which begins with a line, says that the process is about to abort. */
export function saysFatal(text: string): boolean {
  return (text.includes("FATAL ERROR: ") || text.includes("# Fatal ")) && FATAL_PATTERN.test(text);
}

/**
 * Tells whether the crash of one worker looks like a lack of memory. Made when the worker is started: what counts is
 * what the kernel has killed since.
 */
export class CrashJudge {
  readonly #countOomKills: () => number | undefined;
  readonly #oomKillsBefore: number | undefined;

  /** @param count - For tests. Default: the kernel's count. */
  constructor(count: () => number | undefined = countOomKills) {
    this.#countOomKills = count;
    this.#oomKillsBefore = count();
  }

  /**
   * Signal and text together: a task may print the text, and an abort may have other reasons.
   *
   * @param wasHung - Whether it was killed because it hung on the way to its abort.
   */
  judge(signal: NodeJS.Signals | null, hasSaidHeapFull = false, wasHung = false): CrashCause | undefined {
    if (hasSaidHeapFull && (wasHung || ABORT_SIGNALS.has(signal))) return "heap-limit";
    if (signal !== "SIGKILL" || this.#oomKillsBefore === undefined) return undefined;
    return (this.#countOomKills() ?? 0) > this.#oomKillsBefore ? "oom-killer" : undefined;
  }
}
