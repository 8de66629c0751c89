import { ExecutorPlan } from "../executor/process-pool-executor.js";
import { NotSerializableError } from "../errors.js";
import { OwnedVariables } from "../pickle/variables/owned-variables.js";
import { ProcessTaskPoolExecutor } from "../executor/process-task-pool-executor.js";
import { QueuePool } from "./queue-pool.js";
import { checkExecutorOptions } from "./options.js";
import { checkTaskPoolOptions } from "../executor/options/check-options.js";
import { findErrorClassesBy } from "../values/errors/class-places.js";
import { findErrorPrototype } from "../pickle/error-classes.js";
import type { Abroad } from "../executor/submit/task-submitter.js";
import type { BullMQTaskExecutorOptions } from "./options.js";
import type { FinishedArguments } from "../executor/submit/encoded-arguments.js";

/** @throws NotSerializableError for what lives in this process, or on this machine, alone. */
function checkArguments({ extras, pins }: FinishedArguments): void {
  if (extras?.live !== undefined) throw new NotSerializableError("arguments", "a stream or a signal is among them");
  if (pins.length > 0) throw new NotSerializableError("arguments", "an array in shared memory is among them");
}

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
        const abroad: Abroad = { functionFor: (fn) => pool.functionFor(fn), checkArguments };
        return { pool, owned: new OwnedVariables(), abroad };
      }),
    );
  }
}
