import { ExecutorPlan } from "../executor/process-pool-executor.js";
import { OwnedVariables } from "../pickle/variables/owned-variables.js";
import { ProcessTaskPoolExecutor } from "../executor/process-task-pool-executor.js";
import { QueuePool } from "./queue-pool.js";
import { checkExecutorOptions } from "./options.js";
import { checkTaskPoolOptions } from "../executor/options/check-options.js";
import { findErrorClassesBy } from "../values/errors/class-places.js";
import { findErrorPrototype } from "../pickle/error-classes.js";
import type { BullMQTaskExecutorOptions } from "./options.js";

/**
 * Runs tasks on other machines: a host there (`BullMQTaskHost`, or `npx asynccpu worker`) takes them from a queue of
 * BullMQ in Redis. Only exports of the task module run, by name: no code travels.
 */
export class BullMQTaskExecutor extends ProcessTaskPoolExecutor {
  /**
   * Connects with the first task.
   *
   * @throws InvalidOptionError for an unknown option, or one out of its range.
   */
  constructor(options: BullMQTaskExecutorOptions) {
    const checked = checkExecutorOptions(options);
    const { cancelTasksWhenShutdown = false, maxQueue } = checked;
    const plan = checkTaskPoolOptions({ cancelTasksWhenShutdown, handleSignals: false, maxQueue });
    super(
      new ExecutorPlan(plan, () => {
        findErrorClassesBy((wanted, functions) => findErrorPrototype(wanted, functions));
        const pool = new QueuePool(checked);
        return { pool, owned: new OwnedVariables(), abroad: { functionFor: (fn) => pool.functionFor(fn) } };
      }),
    );
  }
}
