import { PooledFunction } from "../../pool/queue/function-table.js";
import { SubmittedKind } from "../../executor/submit/submitted-task.js";
import { SubmittedTask } from "../../executor/submit/submitted-task.js";
import { captureStack } from "../../executor/outcome/submission-stack.js";
import { futures } from "../../executor/outcome/process-future.js";
import type { AnyFunction } from "../../values/classes/value-writer.js";
import type { ProcessFuture } from "../../executor/outcome/process-future.js";
import type { QueuePool } from "./queue-pool.js";

/** Nothing is called here. */
const unknownFunction = (): void => {};

/** The future of a task that is a job already. */
export function followTask<T>(pool: QueuePool, taskId: string, calledFrom: AnyFunction): ProcessFuture<T> {
  const kind = new SubmittedKind(
    pool,
    { executor: undefined, streaming: new Set() },
    {
      fn: new PooledFunction(0, new Uint8Array(0)),
      original: unknownFunction,
      argumentFunctions: [],
      name: taskId,
      timeoutMs: undefined,
      priority: 0,
      retries: undefined,
      callCount: 0,
      goesOn: false,
      hasOneArgument: false,
      extras: undefined,
    },
  );
  const task = new SubmittedTask<T>(kind, [], captureStack(calledFrom));
  const future = futures.create<T>(task);
  task.future = future;
  pool.follow(task, taskId);
  return future;
}
