import { ExecutorPlan } from "../executor/process-pool-executor.js";
import { InlinePool } from "./inline-pool.js";
import { InvalidOptionError } from "../errors.js";
import { OwnedVariables } from "../pickle/variables/owned-variables.js";
import { ProcessTaskPoolExecutor } from "../executor/process-task-pool-executor.js";
import { checkTaskPoolOptions } from "../executor/options/check-options.js";
import { findErrorClassesBy } from "../values/errors/class-places.js";
import { findErrorPrototype } from "../pickle/error-classes.js";
import { namesOf } from "../option-names.js";
import { placesOfClasses } from "../pickle/error-places.js";
import { readOptions } from "../option-names.js";
import { sendErrorClassPlaces } from "../values/errors/class-places.js";
import type { OptionList } from "../option-names.js";
import type { ProcessTaskPoolExecutorOptions } from "../executor/options/options.js";

/** Those of a pool of processes that mean something without processes. */
type SharedOptions = Pick<
  ProcessTaskPoolExecutorOptions,
  "cancelTasksWhenShutdown" | "graceMs" | "maxQueue" | "maxWorkers"
>;

/** Options of an `InlineTaskExecutor`. */
export interface InlineTaskExecutorOptions extends SharedOptions {
  /**
   * How many tasks may run at a time, 1 to 1024. Default: 1, so that one task ends before the next begins. With more,
   * async tasks take turns.
   */
  readonly maxWorkers?: number | undefined;
  /**
   * Whether tasks begin by themselves, just after the code that submits them pauses. Default: true. With false they
   * begin in `runNext()` and `runAll()` alone.
   */
  readonly autoRun?: boolean | undefined;
}

const OPTIONS: OptionList = {
  call: "new InlineTaskExecutor()",
  names: namesOf<InlineTaskExecutorOptions>({
    autoRun: true,
    cancelTasksWhenShutdown: true,
    graceMs: true,
    maxQueue: true,
    maxWorkers: true,
  }),
  example: "{ autoRun: false }",
};

/**
 * For unit tests: an executor that runs tasks in the test's own process.
 *
 * Functions are checked, and arguments, results and errors are copied, as on the way to a worker and back; the
 * function itself is then called, so spies, breakpoints and coverage see it. Without processes nothing is waited for,
 * and time limits go by the program's timers, fake ones too. It is a `ProcessTaskPoolExecutor` to TypeScript and to
 * `instanceof`, so code that takes one takes it.
 */
export class InlineTaskExecutor extends ProcessTaskPoolExecutor {
  readonly #pool: InlinePool;

  /** @throws InvalidOptionError for an unknown option, or one out of its range. */
  constructor(options: InlineTaskExecutorOptions = {}) {
    const { autoRun = true, ...shared } = readOptions(options, OPTIONS);
    if (typeof autoRun !== "boolean") throw new InvalidOptionError("autoRun", "a boolean", autoRun);
    const checked = checkTaskPoolOptions({ maxWorkers: 1, ...shared, handleSignals: false });
    const { graceMs, maxQueue, maxWorkers } = checked;
    const pool = new InlinePool({ autoRun, graceMs, maxQueue, maxWorkers });
    super(new ExecutorPlan(checked, { pool, owned: new OwnedVariables() }));
    this.#pool = pool;
    // This process is both sides.
    findErrorClassesBy((wanted, functions) => findErrorPrototype(wanted, functions));
    sendErrorClassPlaces((classes, instance) => placesOfClasses(classes, instance));
  }

  /**
   * Runs the task that is next, whatever `maxWorkers` says.
   *
   * @returns Whether there was one; when it has ended, well or not.
   */
  async runNext(): Promise<boolean> {
    const task = this.#pool.beginNext();
    if (task === undefined) return false;
    while (this.#pool.isRunning(task)) await this.#pool.nextChange();
    return true;
  }

  /**
   * Runs the tasks that wait, one after the other, and those that are submitted meanwhile. Waits for those that run,
   * too.
   *
   * @returns How many it has begun.
   */
  async runAll(): Promise<number> {
    let begun = 0;
    while (!this.#pool.isIdle) {
      if (this.#pool.runningCount === 0 && this.#pool.beginNext() !== undefined) begun += 1;
      else await this.#pool.nextChange();
      // What awaits the task may submit the next one.
      await Promise.resolve();
    }
    return begun;
  }
}
