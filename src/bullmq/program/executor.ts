import { ExecutorPlan } from "../../executor/process-pool-executor.js";
import { InvalidOptionError } from "../../errors.js";
import { NotSerializableError } from "../../errors.js";
import { OwnedVariables } from "../../pickle/variables/owned-variables.js";
import { ProcessTaskPoolExecutor } from "../../executor/process-task-pool-executor.js";
import { QueuePool } from "./queue-pool.js";
import { ValueStoreError } from "../contract/errors.js";
import { MOST_PRIORITY } from "../contract/options.js";
import { checkExecutorOptions } from "../contract/options.js";
import { checkInteger } from "../../executor/options/check-options.js";
import { checkTaskPoolOptions } from "../../executor/options/check-options.js";
import { findErrorClassesBy } from "../../values/errors/class-places.js";
import { findErrorPrototype } from "../../pickle/error-classes.js";
import { followTask } from "./follow-task.js";
import { registerErrorClass } from "../../values/thrown.js";
import type { Abroad } from "../../executor/submit/task-submitter.js";
import type { AnyFunction } from "../../values/classes/value-writer.js";
import type { BullMQTaskExecutorOptions } from "../contract/options.js";
import type { BullMQTaskOptions } from "../contract/options.js";
import type { ContinueOptions } from "../../executor/options/options.js";
import type { ContinueTaskView } from "../../executor/process-task-pool-executor.js";
import type { FinishedArguments } from "../../executor/submit/encoded-arguments.js";
import type { ProcessFuture } from "../../executor/outcome/process-future.js";
import type { TaskView } from "../../executor/process-task-pool-executor.js";

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
  readonly #pool: QueuePool;

  /**
   * Connects with the first task.
   *
   * @throws InvalidOptionError for an unknown option, or one out of its range.
   */
  constructor(options: BullMQTaskExecutorOptions) {
    const checked = checkExecutorOptions(options);
    const { cancelTasksWhenShutdown = false, maxQueue } = checked;
    const plan = checkTaskPoolOptions({ cancelTasksWhenShutdown, handleSignals: false, maxQueue });
    const pool = new QueuePool(checked);
    const abroad: Abroad = { functionFor: (fn) => pool.maker.functionFor(fn), checkArguments };
    super(new ExecutorPlan(plan, { pool, owned: new OwnedVariables(), abroad }));
    registerErrorClass(ValueStoreError);
    findErrorClassesBy((wanted, functions) => findErrorPrototype(wanted, functions));
    this.#pool = pool;
  }

  /**
   * Gives a view of this executor whose calls have these options.
   *
   * @throws InvalidOptionError for an unknown option, or one out of its range.
   */
  override with<P = unknown>(options: ContinueOptions<P>): ContinueTaskView;
  /** Gives a view for one task, which has this id. */
  override with<P = unknown>(
    options: BullMQTaskOptions<P> & { readonly taskId: string },
  ): Pick<TaskView, "createProcessTask" | "submit">;
  /**
   * Gives a view of this executor whose calls have these options.
   *
   * @throws InvalidOptionError for an unknown option, or one out of its range.
   */
  override with<P = unknown>(options: BullMQTaskOptions<P>): TaskView;
  override with<P = unknown>(given: BullMQTaskOptions<P> | ContinueOptions<P>): TaskView | ContinueTaskView {
    const { taskId, ...options } = given as BullMQTaskOptions<P>;
    const view = super.with(options);
    checkInteger("priority", options.priority, -MOST_PRIORITY, MOST_PRIORITY);
    if (taskId === undefined) return view;
    checkTaskId(taskId);
    const refuse = (): never => {
      throw new InvalidOptionError("taskId", "taskId names one task, and a map has many: leave it out.");
    };
    const submit = (fn: AnyFunction, ...args: unknown[]): ProcessFuture<never> =>
      this.#pool.maker.withId(taskId, () => view.submit(fn as (this: void, ...given: unknown[]) => never, ...args));
    return { submit, createProcessTask: submit, map: refuse, mapUnordered: refuse };
  }

  /**
   * The future of a task that has this id: of one that this program or another one has submitted, as long as Redis
   * knows its outcome. `cancel()` cancels the task.
   *
   * @returns It rejects with `JobLostError` when there is no such task.
   * @throws InvalidOptionError for what can be no id.
   */
  find<T = unknown>(taskId: string): ProcessFuture<T> {
    checkTaskId(taskId);
    return followTask(this.#pool, taskId, this.find);
  }
}

const LONGEST_ID = 500;

/**
 * BullMQ takes no integer, which it could have given itself, and no colon, which parts its keys. It looks for integers
 * in a way that finds "NaN", too. Redis has no lone surrogates, so several ids with them would be one.
 */
function checkTaskId(taskId: unknown): void {
  const isText =
    typeof taskId === "string" && taskId.length <= LONGEST_ID && Buffer.from(taskId).toString() === taskId;
  if (isText && /^[^:]+$/.test(taskId) && !/^(-?\d+|NaN)$/.test(taskId)) return;
  throw new InvalidOptionError("taskId", `a text of at most ${LONGEST_ID} characters, no integer, no colon`, taskId);
}
