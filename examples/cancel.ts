/** Three ways to stop a task that is busy in a synchronous loop: by its future, by an AbortSignal, by a time limit. */

import { CancelledError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { TaskTimeoutError } from "asynccpu";
import { currentTask } from "asynccpu";

/** Looks at `aborted` as it goes, and so ends by itself. */
function searchPolitely(): never {
  try {
    for (;;) currentTask().throwIfAborted();
  } finally {
    console.log("searchPolitely: cleaned up");
  }
}

/** Never looks. It is ended from outside when its grace period is over. */
function searchForEver(): never {
  for (;;);
}

await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 3, graceMs: 200 });

const byFuture = executor.createProcessTask(searchForEver);
await byFuture.started;
byFuture.cancel("not needed any more");
const error = await byFuture.exception();
if (error instanceof CancelledError) console.log(`cancel(): ${error.message} Reason: ${String(error.cause)}`);

const controller = new AbortController();
const bySignal = executor.with({ signal: controller.signal }).createProcessTask(searchPolitely);
await bySignal.started;
controller.abort();
console.log(`signal: cancelled is ${(await bySignal.exception()) instanceof CancelledError}`);

const byTime = executor.with({ timeoutMs: 500, name: "endless search" }).createProcessTask(searchForEver);
const timeout = await byTime.exception();
if (timeout instanceof TaskTimeoutError) console.log(`timeoutMs: ${timeout.message}`);
