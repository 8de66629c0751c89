import { CancelledError } from "../../errors.js";
import { InvalidOptionError } from "../../errors.js";
import { TaskTimeoutError } from "../../errors.js";
import { WorkerCrashedError } from "../../errors.js";
import { WorkerMemoryLimitError } from "../../errors.js";
import { captureContext } from "../../system/async-context.js";
import { isThenable } from "../../values/classes/thenable.js";
import type { InContext } from "../../system/async-context.js";
import type { RetryOptions } from "../options/options.js";

const DEFAULT_FACTOR = 2;
const DEFAULT_MAX_BACKOFF_MS = 30_000;

/** How long to wait before a task is tried for so manieth a time again, in milliseconds. */
function backoffMs(options: RetryOptions, retry: number, random: () => number): number {
  const { factor = DEFAULT_FACTOR, jitter = 0, maxBackoffMs = DEFAULT_MAX_BACKOFF_MS } = options;
  // Not infinite after a thousand retries: nothing times that is no number.
  const growth = Math.min(factor ** (retry - 1), Number.MAX_VALUE);
  const fullMs = Math.min((options.backoffMs ?? 0) * growth, maxBackoffMs);
  return fullMs * (1 - jitter * random());
}

/** How the pool says that a task came to an end of its own. */
const ENDS = [WorkerCrashedError, WorkerMemoryLimitError, TaskTimeoutError];

/** Whether it is what the task came to, and not its cancellation, or what the executor failed with. */
function isOfTheTask(error: unknown, wasThrown: boolean): boolean {
  if (error instanceof CancelledError) return false;
  return wasThrown || ENDS.some((end) => error instanceof end);
}

/** The attempts of one task, of which at most the last is the one that the caller hears of. */
export class Attempts {
  readonly #options: RetryOptions;
  readonly #inContext: InContext | undefined;
  readonly #random: () => number;
  readonly #errors: unknown[] = [];

  /** @param random - For tests. */
  constructor(options: RetryOptions, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
    if (typeof options.on === "function") this.#inContext = captureContext();
  }

  /**
   * An attempt has failed.
   *
   * @param wasThrown - Whether the task threw the error.
   * @returns How long to wait before the next attempt, in milliseconds; or the error that the caller gets.
   */
  fail(error: unknown, wasThrown: boolean): number | { readonly error: unknown } {
    let last = error;
    const isOwn = isOfTheTask(error, wasThrown);
    if (isOwn) {
      const isLast = this.#errors.length >= this.#options.limit;
      try {
        if (!isLast && this.#isWanted(error)) {
          this.#errors.push(error);
          return backoffMs(this.#options, this.#errors.length, this.#random);
        }
      } catch (thrown) {
        this.#errors.push(error);
        last = thrown;
      }
    }
    // What an executor breaks by is one error, which all its tasks fail with.
    if (this.#errors.length > 0 && (isOwn || error instanceof CancelledError)) listAttempts(last, this.#errors);
    return { error: last };
  }

  /** @throws What `on` throws. */
  #isWanted(error: unknown): boolean {
    const { on = "error" } = this.#options;
    if (on === "error") return true;
    if (on === "crash") return error instanceof WorkerCrashedError;
    const answer: unknown = this.#inContext?.(on, error);
    if (isThenable(answer)) {
      // What comes of it is of no use, a failure neither.
      Promise.resolve(answer).catch(() => {});
      throw new InvalidOptionError(
        "retries.on",
        "retries.on must say at once whether to try again: it gave a promise.",
      );
    }
    return Boolean(answer);
  }
}

/** Tells with the error of the last attempt what the others came to. */
function listAttempts(error: unknown, attempts: readonly unknown[]): void {
  if (!(error instanceof Error)) return;
  // One that is frozen stays as it is.
  Reflect.defineProperty(error, "attempts", { value: attempts, enumerable: true, configurable: true, writable: true });
}
